"""Write the reports of a run folder: `report/report.html`, `report/report.md`, `report/summary.json`.

Invariant: each file is replaced atomically: a reader never sees half a report, and a failed render keeps the old one.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

SUMMARY_FORMAT = 1
"""Version of the layout of `summary.json`."""


def write_report(run_dir: Path) -> list[Path]:
    """Render the reports of one run, finished or not, and return their paths (HTML, Markdown, JSON).

    Raises:
        DataError: the folder has no scores yet, or a stored file is not what a run writes.
    """
    from ds_stilts.report.collect import read_run
    from ds_stilts.report.html import render_html
    from ds_stilts.report.markdown import render_markdown
    from ds_stilts.report.pairing import difference_intervals
    from ds_stilts.report.verdict import summarise

    run = read_run(run_dir)
    summary = summarise(run, difference_intervals(run))
    values = {"format": SUMMARY_FORMAT, **dataclasses.asdict(summary)}
    contents = {
        "report.html": render_html(run, summary),
        "report.md": render_markdown(summary),
        "summary.json": json.dumps(values, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
    }
    return replace_files(run_dir / "report", contents)


def replace_files(folder: Path, contents: Mapping[str, str]) -> list[Path]:
    """Write texts by their file's name, each in one rename, and return their paths."""
    folder.mkdir(exist_ok=True)
    paths = []
    for name, text in contents.items():
        path = folder / name
        partial = path.with_name(f".{name}.tmp")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
        paths.append(path)
    return paths
