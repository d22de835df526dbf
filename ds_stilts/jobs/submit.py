"""`ds-stilts submit`: what is left of a recipe becomes jobs; before that, all that can be looked at is looked at.

`plan_submission` writes nothing; `submit_plan` writes the files that jobs read, then submits one job after another and
remembers each at once.
"""

import os
import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ds_stilts.errors import CheckpointError, ClusterError
from ds_stilts.jobs.environment import job_environment
from ds_stilts.jobs.graph import Job, job_graph
from ds_stilts.jobs.record import Submitted, add_to_record, folder_of, read_record
from ds_stilts.jobs.render import check_bash, render_preamble
from ds_stilts.jobs.site import Site, slurm_time
from ds_stilts.jobs.slurm import JobId, cancel, states, submit
from ds_stilts.phases.context import Run
from ds_stilts.plan import check_recipe, stages
from ds_stilts.recipe import Recipe
from ds_stilts.resources import template_path
from ds_stilts.run import claim_folder, open_folder


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What each job that trains or scores asks for."""

    nodes: int
    gpus_per_node: int
    """0: ranks on CPUs."""
    processes_per_node: int
    time: str | None = None
    """Wins over the site's."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One job, ready to be submitted."""

    job: Job
    words: tuple[str, ...]
    """For sbatch, but for what it waits for."""
    settings: Mapping[str, str]
    """Variables for the script."""
    log: str


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
    if "\\" in str(run_dir.resolve()):
        raise ClusterError(f"--out {run_dir}: Slurm cannot write logs to a path with '\\' in it; give another one")
    run = open_folder(recipe, run_dir.resolve(), data_root)
    if (run.run_dir / "STOP").exists():
        raise CheckpointError(
            f"the file {run.run_dir / 'STOP'} would stop every job at once; remove it, if nothing is being stopped"
        )
    done = [stage for stage in stages(recipe) if (run.run_dir / stage / "DONE").is_file()]
    trained = [stage for stage in stages(recipe) if (run.run_dir / stage / "model").is_dir()]
    graph = job_graph(recipe, done=done, trained=trained, reported=_is_reported(run.run_dir, done))
    preamble = render_preamble(
        site, source=site_file, recipe=recipe.name, nodes=shape.nodes, gpus_per_node=shape.gpus_per_node
    )
    planned = tuple(_planned(run, job, site, shape, has_preamble=preamble is not None) for job in graph)
    for script in {one.words[-1] for one in planned}:
        check_bash(Path(script).read_text(encoding="utf-8"), script)
    return Submission(run=run, jobs=planned, preamble=preamble, more_environment=tuple(site.environment))


def check_shape(shape: Shape) -> None:
    """Raise ClusterError for a shape that no job can have."""
    for option, value, least in (
        ("--nodes", shape.nodes, 1),
        ("--gpus-per-node", shape.gpus_per_node, 0),
        ("--processes-per-node", shape.processes_per_node, 1),
    ):
        if value < least:
            raise ClusterError(f"{option} {value}: give {least} or more")
    if 0 < shape.gpus_per_node < shape.processes_per_node:
        raise ClusterError(
            f"--processes-per-node {shape.processes_per_node}: a node has {shape.gpus_per_node} GPUs and each rank "
            "needs one of its own"
        )
    if shape.time is not None:
        try:
            slurm_time(shape.time)
        except ValueError as error:
            raise ClusterError(f"--time: {error}") from None


def submit_plan(plan: Submission, shell: Mapping[str, str] | None = None) -> list[Submitted]:
    """Submit the jobs of a plan, in order; none if there is nothing left to do.

    Args:
        shell: variables of the submitting process; None: this one.

    Raises:
        ClusterError: jobs of this run are in the queue already, or sbatch refused one; then those that were submitted
            by this call are cancelled.
    """
    run_dir = plan.run.run_dir
    known = read_record(run_dir)
    _check_nothing_lives(run_dir, known)
    if not plan.jobs:
        return []
    claim_folder(plan.run)
    folder = folder_of(run_dir)
    folder.mkdir(exist_ok=True)
    # A copy: what jobs do does not change when somebody edits the recipe while they wait.
    resolved = plan.run.recipe.model_dump(mode="json", exclude={"training"})
    _write(folder / "recipe.yaml", yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True))
    if plan.preamble is not None:
        _write(folder / "preamble.sh", plan.preamble)
    inherited = job_environment(os.environ if shell is None else shell, plan.more_environment)
    submitted: list[Submitted] = []
    number = 1 + max((job.submission for job in known), default=0)
    numbers: dict[str, str] = {}
    for planned in plan.jobs:
        try:
            job = submit([*dependency(planned.job, numbers), *planned.words], {**inherited, **planned.settings})
        except ClusterError as error:
            for earlier in submitted:
                cancel(earlier.id)
            rest = f"; the {len(submitted)} submitted before it were cancelled" if submitted else ""
            raise ClusterError(f"{planned.job.name}: {error}{rest}") from None
        numbers[planned.job.name] = str(job.number)
        submitted.append(_submitted(planned, job, number))
        add_to_record(run_dir, submitted[-1])
    return submitted


def dependency(job: Job, numbers: Mapping[str, str]) -> list[str]:
    """The option that makes a job wait; `numbers` are those of the jobs before it, by name."""
    by_kind: dict[str, list[str]] = {}
    for wait in job.after:
        by_kind.setdefault(wait.how, []).append(numbers[wait.job])
    return [f"--dependency={','.join(':'.join([how, *ids]) for how, ids in by_kind.items())}"] if by_kind else []


def _planned(run: Run, job: Job, site: Site, shape: Shape, *, has_preamble: bool) -> Planned:
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", f"{run.recipe.name}-{job.name}")
    log = f"{name}-%A_%a.log" if job.array else f"{name}-%j.log"
    words = [
        f"--job-name={name}",
        f"--output={str(folder_of(run.run_dir)).replace('%', '%%')}/{log}",
        "--open-mode=append",
        "--export=ALL",
        "--kill-on-invalid-dep=yes",
        "--requeue",
        *_resources(job, site, shape),
        *_array(job, site),
        *site.sbatch,
        str(template_path(job.script)),
    ]
    return Planned(
        job=job,
        words=tuple(words),
        settings=_settings(run, job, site, shape, has_preamble),
        log=log,
    )


def _array(job: Job, site: Site) -> list[str]:
    if not job.array:
        return []
    limit = f"%{site.elements_at_once}" if site.elements_at_once else ""
    return [f"--array=0-{len(job.stages) - 1}{limit}"]


def _resources(job: Job, site: Site, shape: Shape) -> list[str]:
    given = {
        "partition": site.partition,
        "account": site.account,
        "qos": site.qos,
        "constraint": site.constraint,
        "reservation": site.reservation,
        "mem": site.memory if job.script != "report" else None,
        "nodes": 1 if job.one_process else shape.nodes,
    }
    if job.script == "report":
        given |= {"time": site.time.report, "ntasks": 1}
    else:
        gpus = min(shape.gpus_per_node, 1) if job.one_process else shape.gpus_per_node
        evaluated = site.time.evaluate if job.script == "evaluate" else None
        given |= {
            "time": shape.time or evaluated or site.time.train,
            "signal": f"USR2@{site.warning_s}",
            "gpus-per-node": f"{site.gres_type}:{gpus}" if gpus and site.gres_type else gpus or None,
            "cpus-per-gpu": site.cpus_per_gpu if gpus else None,
            "ntasks-per-node": None if gpus else 1,
            "cpus-per-task": None if gpus else 1 if job.one_process else shape.processes_per_node,
        }
    return [f"--{key}={value}" for key, value in given.items() if value is not None]


def _settings(run: Run, job: Job, site: Site, shape: Shape, has_preamble: bool) -> dict[str, str]:
    folder = folder_of(run.run_dir)
    values: dict[str, str | None] = {
        "RECIPE": str(folder / "recipe.yaml"),
        "OUT": str(run.run_dir),
        "DATA_ROOT": None if run.recipe.data.synthetic else str(run.data_root.resolve()),
        "STAGES": " ".join(job.stages) or None,
        "NO_SCORING": "1" if job.train_only else None,
        "PROCESSES_PER_NODE": "1" if job.one_process else str(shape.processes_per_node),
        "PREAMBLE": str(folder / "preamble.sh") if has_preamble else None,
        "INTERFACE": site.interface,
        "SCRATCH": site.scratch,
        "STAGE_CACHE": "1" if site.stage_cache else None,
    }
    if site.container:
        values["CONTAINER"] = site.container.image
        values["CONTAINER_TOOL"] = site.container.tool
        values["CONTAINER_OPTIONS"] = " ".join(site.container.options) or None
    return {name: value for name, value in values.items() if value is not None}


def _is_reported(run_dir: Path, done: list[str]) -> bool:
    """Whether there is a report that is newer than every marker."""
    report = run_dir / "report" / "report.html"
    if not report.is_file():
        return False
    made = report.stat().st_mtime
    return all((run_dir / stage / "DONE").stat().st_mtime <= made for stage in done)


def _check_nothing_lives(run_dir: Path, known: list[Submitted]) -> None:
    if not known:
        return
    found = states([job.id for job in known])
    living = sorted({key.split("_")[0] for key, facts in found.items() if facts.is_live}, key=int)
    if living:
        raise ClusterError(
            f"jobs of this run are in the queue already: {', '.join(living)}; wait for them, or stop them first with "
            f"`ds-stilts stop {shlex.quote(str(run_dir))}`"
        )


def _submitted(planned: Planned, job: JobId, submission: int) -> Submitted:
    log = planned.log.replace("%A", str(job.number)).replace("%j", str(job.number)).replace("%a", "{}")
    return Submitted(
        submission=submission,
        name=planned.job.name,
        number=job.number,
        cluster=job.cluster,
        script=planned.job.script,
        stages=planned.job.stages,
        array=planned.job.array,
        train_only=planned.job.train_only,
        log=log,
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
