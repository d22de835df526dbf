"""Write a study's report: `report/report.html`, `report/report.md`, `report/report.json` in the study's folder."""

import json
from pathlib import Path

from ds_stilts.report.write import replace_files


def write_study_report(folder: Path, claims: str | None = None) -> list[Path]:
    """Report a study, finished or not, and return the paths (HTML, Markdown, JSON).

    Args:
        claims: a shipped file of claims or a path; None: those of Phang et al. 2020.

    Raises:
        UserError: the folder holds no study or no scores yet, or the claims are no claims.
    """
    from ds_stilts.studies.claims.claims_file import PHANG2020, load_claims
    from ds_stilts.studies.report.collect import read_evidence
    from ds_stilts.studies.report.html import render_html
    from ds_stilts.studies.report.markdown import render_markdown
    from ds_stilts.studies.report.parts import all_parts
    from ds_stilts.studies.report.summary import FORMAT, plain, summarise

    wanted = load_claims(claims or PHANG2020)
    report = summarise(read_evidence(folder), wanted)
    parts = all_parts(report)
    values = {"format": FORMAT, **plain(report)}
    return replace_files(
        folder / "report",
        {
            "report.html": render_html(report, parts),
            "report.md": render_markdown(report, parts),
            "report.json": json.dumps(values, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        },
    )
