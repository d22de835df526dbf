"""`ds-stilts status`: what is done of runs, and where their jobs are."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import Json

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs or studies, finished or not.")]


def status(run: Runs, as_json: Json = False) -> None:
    """Print the state of every stage of runs, and of the jobs that were submitted for runs and studies.

    Markers in the folder say what is done; Slurm, where it is at hand, says the rest.

    \b
    Example:
        ds-stilts status runs/mine
    """
    from ds_stilts.cli.printing import print_json, print_table
    from ds_stilts.jobs.status import run_status
    from ds_stilts.studies.elements import is_study, study_jobs

    found = [study_jobs(folder) if is_study(folder) else run_status(folder) for folder in run]
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
        return
    for number, one in enumerate(found):
        typer.echo(
            f"{'' if number == 0 else chr(10)}{one.run}  ({one.recipe}): {one.num_done} of {one.num_stages} done"
        )
        columns = ("stage", "state", "job", "slurm", "elapsed", "nodes", "reason")
        rows = [{key: getattr(row, key) for key in columns} for row in one.stages]
        if rows:
            print_table([{key: row[key] for key in columns if any(other[key] for other in rows)} for row in rows])
        if one.problem:
            typer.echo(f"nothing is known of jobs: {one.problem}")
        if one.report:
            typer.echo(one.report)
