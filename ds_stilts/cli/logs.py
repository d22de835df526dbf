"""`ds-stilts logs`: what the jobs of a run said."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

_LAST_LINES = 15


def logs(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run or study that jobs were submitted for.")],
    stage: Annotated[
        str | None,
        typer.Argument(metavar="[STAGE]", help="E.g. arms/nli, element/1 or report: the whole log of its last job."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on printing until the job is over.")] = False,
) -> None:
    """Print the logs of a run's last jobs: of one stage all of it, without a stage the end of each.

    \b
    Example:
        ds-stilts logs runs/mine arms/nli --follow
    """
    from ds_stilts.jobs import logs as files

    found = files.stage_logs(run, stage)
    if follow:
        if stage is None:
            raise typer.BadParameter("name a stage to follow", param_hint="STAGE")
        for path, (key, job) in found.items():
            _head(path)
            for piece in files.follow(path, partial(files.job_is_over, key, job)):
                typer.echo(piece, nl=False)
        return
    for path in found:
        _head(path)
        if not path.is_file():
            typer.echo("nothing yet")
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        typer.echo(text if stage else "\n".join(text.splitlines()[-_LAST_LINES:]))


def _head(path: Path) -> None:
    typer.echo(f"==> {path}")
