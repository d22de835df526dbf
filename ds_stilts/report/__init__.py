"""From a run folder to what people read: one self-contained HTML page, a Markdown file and a JSON summary.

`collect` reads the folder, `summary` and `verdict` compute, `published` looks up what others have published, `markdown`
and `html` write. No number is made here that is not a mean or a difference of stored scores; metrics, and the intervals
that `pairing` asks for, are computed by the evaluation from prediction rows.
"""

from ds_stilts.report.write import write_report

__all__ = ["write_report"]
