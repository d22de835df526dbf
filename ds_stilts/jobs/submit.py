"""`ds-stilts submit`: what is left of a recipe becomes jobs; before that, all that can be looked at is looked at.

`plan_submission` writes nothing; `submit_plan` writes the files that jobs read, then submits one job after another and
remembers each at once.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ds_stilts.errors import ClusterError
from ds_stilts.jobs.command import (
    Planned,
    Shape,
    check_folder,
    check_scripts,
    check_shape,
    plan_job,
    submit_jobs,
    write_inputs,
)
from ds_stilts.jobs.graph import Job, job_graph
from ds_stilts.jobs.living import living
from ds_stilts.jobs.record import Submitted, folder_of, read_record
from ds_stilts.jobs.render import render_preamble
from ds_stilts.jobs.site import Site
from ds_stilts.phases.checks import check_files_there, check_start
from ds_stilts.phases.context import Run
from ds_stilts.plan import check_recipe, stages
from ds_stilts.recipe import Recipe
from ds_stilts.run import claim_folder, open_folder


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Everything that `submit_plan` would do."""

    run: Run
    jobs: tuple[Planned, ...]
    preamble: str | None
    more_environment: tuple[str, ...]


def plan_submission(
    recipe: Recipe, *, run_dir: Path, data_root: Path | None, site: Site, site_file: Path | None, shape: Shape
) -> Submission:
    """The jobs that are left of a recipe in a run folder, for a cluster and a shape.

    Raises:
        UserError: the recipe, the site, the shape or the folder cannot be used, in one sentence.
    """
    check_shape(shape)
    check_recipe(recipe, shape.nodes * shape.processes_per_node)
    check_folder(run_dir)
    run = open_folder(recipe, run_dir.resolve(), data_root)
    done = [stage for stage in stages(recipe) if (run.run_dir / stage / "DONE").is_file()]
    trained = [stage for stage in stages(recipe) if (run.run_dir / stage / "model").is_dir()]
    graph = job_graph(recipe, done=done, trained=trained, reported=_is_reported(run.run_dir, done))
    if any(job.script != "report" for job in graph):
        _check_input(run)
    preamble = render_preamble(
        site, source=site_file, recipe=recipe.name, nodes=shape.nodes, gpus_per_node=shape.gpus_per_node
    )
    planned = tuple(
        plan_job(
            job,
            name=recipe.name,
            run_dir=run.run_dir,
            site=site,
            shape=shape,
            settings=_settings(run, job, shape, has_preamble=preamble is not None),
        )
        for job in graph
    )
    check_scripts(planned)
    return Submission(run=run, jobs=planned, preamble=preamble, more_environment=tuple(site.environment))


def _check_input(run: Run) -> None:
    """What can be known here of what ranks begin with; files are opened by the first of them."""
    from ds_stilts.engine.fit import check_engine

    check_start(run.recipe)
    check_engine(run.recipe)
    if run.recipe.data.source == "files" and not run.recipe.data.synthetic:
        check_files_there(run)


def submit_plan(plan: Submission, shell: Mapping[str, str] | None = None) -> list[Submitted]:
    """Submit the jobs of a plan, in order; none if there is nothing left to do.

    Args:
        shell: variables of the submitting process; None: this one.

    Raises:
        ClusterError: jobs of this run are in the queue already, or sbatch refused one; then those that were submitted
            by this call are cancelled.
    """
    run_dir = plan.run.run_dir
    check_nothing_lives(run_dir, "run")
    if not plan.jobs:
        return []
    claim_folder(plan.run)
    resolved = plan.run.recipe.model_dump(mode="json", exclude={"training"})
    write_inputs(run_dir, "recipe.yaml", yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True), plan.preamble)
    return submit_jobs(plan.jobs, run_dir=run_dir, shell=shell, more_environment=plan.more_environment)


def check_nothing_lives(run_dir: Path, what: str) -> None:
    """Raise ClusterError if jobs of a "run" or "study" are in the queue."""
    keys = living(read_record(run_dir))
    if keys:
        numbers = sorted({key.split("_")[0] for key in keys}, key=int)
        raise ClusterError(
            f"jobs of this {what} are in the queue already: {', '.join(numbers)}; wait for them, or stop them first "
            f"with `ds-stilts stop {shlex.quote(str(run_dir))}`"
        )


def _settings(run: Run, job: Job, shape: Shape, *, has_preamble: bool) -> dict[str, str | None]:
    folder = folder_of(run.run_dir)
    return {
        "RECIPE": str(folder / "recipe.yaml"),
        "DATA_ROOT": None if run.recipe.data.synthetic else str(run.data_root.resolve()),
        "STAGES": " ".join(job.stages) or None,
        "NO_SCORING": "1" if job.train_only else None,
        "PROCESSES_PER_NODE": "1" if job.one_process else str(shape.processes_per_node),
        "PREAMBLE": str(folder / "preamble.sh") if has_preamble else None,
    }


def _is_reported(run_dir: Path, done: list[str]) -> bool:
    """Whether there is a report that is newer than every marker."""
    report = run_dir / "report" / "report.html"
    if not report.is_file():
        return False
    made = report.stat().st_mtime
    return all((run_dir / stage / "DONE").stat().st_mtime <= made for stage in done)
