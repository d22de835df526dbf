"""`ds-stilts quickstart`: the whole chain on made-up languages, offline."""

from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import DryRun, Json, Processes


def quickstart(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Run folder.")] = Path("runs/quickstart"),
    processes: Processes = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Default: the recipe's.", show_default=False)] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run the offline example: made-up languages and a tiny model.

    All three phases and the report; needs no network and no data files. Run again, it continues.

    \b
    Example:
        ds-stilts quickstart
        ds-stilts quickstart --out /tmp/second --seed 2
    """
    from ds_stilts.cli.chain import walk

    walk(
        "quickstart",
        out=out,
        data_root=None,
        overrides=None if seed is None else [f"seed={seed}"],
        processes=processes,
        dry_run=dry_run,
        as_json=as_json,
    )
