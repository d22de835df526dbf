"""What verbs that submit print: what they would submit, with every command line and script, or what they did."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ds_stilts.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from ds_stilts.jobs.command import Planned
    from ds_stilts.jobs.record import Submitted


def show_planned(
    jobs: Sequence["Planned"], folder: Path, preamble: str | None, *, as_json: bool, missing: Sequence[str] = ()
) -> None:
    """Print jobs that were not submitted; no variable of the shell is told, only settings.

    Args:
        folder: of the run or the study.
        missing: data that would have to be there.
    """
    if missing:
        typer.echo("warning: data are missing, so nothing counts as done, and this would be refused:", err=True)
        typer.echo("".join(f"  {one}\n" for one in missing), err=True, nl=False)
    if as_json:
        made = [_described(one) for one in jobs]
        print_json({"run_dir": str(folder), "preamble": preamble, "missing": list(missing), "jobs": made})
    elif not jobs:
        typer.echo(f"nothing is left to do in {folder}")
    else:
        _show(jobs, folder, preamble)


def show_submitted(jobs: Sequence["Submitted"], folder: Path, *, as_json: bool) -> None:
    """Print jobs that were submitted, and how to look at them."""
    rows = [{"job": job.number, "name": job.name, "stages": list(job.stages)} for job in jobs]
    if as_json:
        print_json({"run_dir": str(folder), "jobs": rows})
    elif not jobs:
        typer.echo(f"nothing is left to do in {folder}")
    else:
        print_table(rows)
        typer.echo(f"\nsee ds-stilts status {shlex.quote(str(folder))}")


def _described(one: "Planned") -> dict[str, object]:
    return {
        "name": one.job.name,
        "stages": list(one.job.stages),
        "after": [{"job": wait.job, "how": wait.how} for wait in one.job.after],
        "sbatch": list(one.words),
        "settings": dict(one.settings),
    }


def _show(jobs: Sequence["Planned"], folder: Path, preamble: str | None) -> None:
    """The graph, each command line, then the text of every script."""
    from ds_stilts.jobs.command import dependency

    names = {one.job.name: f"<{one.job.name}>" for one in jobs}
    typer.echo("# What waits for what")
    for one in jobs:
        waits = ", ".join(f"{wait.how} {wait.job}" for wait in one.job.after)
        stages = ", ".join(one.job.stages) or "report"
        kind = f"array of {len(one.job.stages)}: " if one.job.array else ""
        typer.echo(f"{one.job.name}: {kind}{stages}{f'; {waits}' if waits else ''}")
    typer.echo("\n# How they are submitted")
    for one in jobs:
        settings = [f"{name}={shlex.quote(value)}" for name, value in one.settings.items()]
        typer.echo(f"{' '.join(settings)} sbatch {shlex.join([*dependency(one.job, names), *one.words])}")
    if preamble is not None:
        typer.echo(f"\n# ---- {folder}/jobs/preamble.sh\n{preamble}", nl=False)
    for script in dict.fromkeys(one.words[-1] for one in jobs):
        typer.echo(f"\n# ---- {script}\n{Path(script).read_text(encoding='utf-8')}", nl=False)
