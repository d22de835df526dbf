"""`ds-stilts stop`: end the jobs of a run without losing what they have learned."""

from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import Json


def stop(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run or study that jobs were submitted for.")],
    wait: Annotated[
        str, typer.Option("--wait", metavar="DURATION", help="So long ranks may take to save, e.g. 10m.")
    ] = "5m",
    now: Annotated[
        bool, typer.Option("--now", help="Cancel at once; steps since the last checkpoint are lost.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop the jobs of a run: those that wait are cancelled, those that run save and leave.

    `ds-stilts submit` with the same recipe and folder (`study submit` with the same study) goes on from there.

    \b
    Example:
        ds-stilts stop runs/mine
    """
    import dataclasses

    from ds_stilts.cli.printing import print_json
    from ds_stilts.engine.deadline import budget_s
    from ds_stilts.errors import RecipeError
    from ds_stilts.jobs.stop import stop_run

    try:
        wait_s = 0.0 if now else budget_s(wait)
    except RecipeError:
        raise typer.BadParameter(f"'{wait}': write a duration like 10m, 90s or 1h", param_hint="--wait") from None
    result = stop_run(run, wait_s=wait_s, tell=lambda sentence: typer.echo(sentence, err=True))
    if as_json:
        print_json(dataclasses.asdict(result))
        return
    for what, jobs in (
        ("had not begun", result.waiting),
        ("saved and stopped", result.saved),
        ("killed", result.killed),
    ):
        if jobs:
            typer.echo(f"{what}: {', '.join(jobs)}")
    if not (result.waiting or result.saved or result.killed):
        typer.echo("no job of this run is in the queue")
