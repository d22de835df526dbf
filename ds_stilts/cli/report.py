"""`ds-stilts report`: the HTML, Markdown and JSON report of run folders."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of runs, finished or not: those that hold recipe.yaml."),
    ],
) -> None:
    """Write report/report.html (one file, opens offline), report.md and summary.json into each run folder.

    \b
    Example:
        ds-stilts report runs/quickstart
    """
    from ds_stilts.report import write_report

    for folder in run:
        for path in write_report(folder):
            typer.echo(str(path))
