"""From a job to the words and variables with which sbatch gets it, and submitting several that wait for each other."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ds_stilts.errors import CheckpointError, ClusterError
from ds_stilts.jobs.environment import job_environment
from ds_stilts.jobs.graph import Job
from ds_stilts.jobs.living import living
from ds_stilts.jobs.record import Submitted, add_to_record, folder_of, read_record
from ds_stilts.jobs.render import check_bash
from ds_stilts.jobs.site import Site, limit_s, slurm_time
from ds_stilts.jobs.slurm import JobId, cancel, submit
from ds_stilts.resources import template_path
from ds_stilts.whole_file import write_whole

_START_S = 120
"""What is left of a time limit before the warning must be enough to start ranks in, some 40 s where nothing else is at
work (docs/cluster.md), though Slurm, which looks every half minute, warns that much earlier."""


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


def check_folder(folder: Path) -> None:
    """Raise a UserError for a run's or study's folder that jobs could not work in."""
    if "\\" in str(folder.resolve()):
        raise ClusterError(f"--out {folder}: Slurm cannot write logs to a path with '\\' in it; give another one")
    if (folder / "STOP").exists():
        raise CheckpointError(
            f"the file {folder.resolve() / 'STOP'} would stop every job at once; remove it, if nothing is being stopped"
        )


def plan_job(
    job: Job, *, name: str, run_dir: Path, site: Site, shape: Shape, settings: Mapping[str, str | None]
) -> Planned:
    """A job as sbatch gets it.

    Args:
        name: of what it belongs to; letters, digits, `_`, `.` and `-`.
        settings: variables for the script beside the site's; None: not set.
    """
    label = re.sub(r"[^A-Za-z0-9_.-]", "-", f"{name}-{job.name}")
    log = f"{label}-%A_%a.log" if job.array else f"{label}-%j.log"
    words = [
        f"--job-name={label}",
        f"--output={str(folder_of(run_dir)).replace('%', '%%')}/{log}",
        "--open-mode=append",
        "--export=ALL",
        "--kill-on-invalid-dep=yes",
        "--requeue",
        *_resources(job, site, shape),
        *_array(job, site),
        *site.sbatch,
        str(template_path(job.script)),
    ]
    values = {**settings, "OUT": str(run_dir), **_site_settings(site)}
    kept = {key: value for key, value in values.items() if value is not None}
    return Planned(job=job, words=tuple(words), settings=kept, log=log)


def check_scripts(jobs: Sequence[Planned]) -> None:
    """Raise ClusterError where bash cannot read a script that a job starts."""
    for script in {one.words[-1] for one in jobs}:
        check_bash(Path(script).read_text(encoding="utf-8"), script)


def write_inputs(run_dir: Path, name: str, text: str, preamble: str | None) -> None:
    """Write what jobs read: a copy of the recipe or study, which no later edit changes, and the preamble."""
    folder = folder_of(run_dir)
    folder.mkdir(exist_ok=True)
    for file, content in ((name, text), ("preamble.sh", preamble)):
        if content is not None:
            write_whole(folder / file, content)


def submit_jobs(
    jobs: Sequence[Planned], *, run_dir: Path, shell: Mapping[str, str] | None, more_environment: Sequence[str]
) -> list[Submitted]:
    """Submit jobs in order, and remember each at once.

    Args:
        shell: variables of the submitting process; None: this one.
        more_environment: variables of it that jobs get beside the usual ones.

    Raises:
        ClusterError: sbatch refused one; those that were submitted by this call are cancelled, or named if they cannot
            be.
    """
    shell = os.environ if shell is None else shell
    inherited = job_environment(shell, more_environment)
    named = shell.get("SBATCH_CLUSTERS") or shell.get("SLURM_CLUSTERS")  # else jobs would go to another cluster
    where = [f"--clusters={named}"] if named else []
    submitted: list[Submitted] = []
    number = 1 + max((job.submission for job in read_record(run_dir)), default=0)
    numbers: dict[str, str] = {}
    for planned in jobs:
        try:
            job = submit([*where, *dependency(planned.job, numbers), *planned.words], {**inherited, **planned.settings})
        except ClusterError as error:
            raise ClusterError(f"{planned.job.name}: {error}{_take_back(submitted)}") from None
        numbers[planned.job.name] = str(job.number)
        submitted.append(_submitted(planned, job, number))
        add_to_record(run_dir, submitted[-1])
    return submitted


def _take_back(submitted: Sequence[Submitted]) -> str:
    """Cancel jobs; returns what became of them, as the end of a sentence."""
    if not submitted:
        return ""
    try:
        for job in submitted:
            cancel(job.id)
        left = {int(key.split("_")[0]) for key in living(submitted)}
    except ClusterError:  # whatever keeps Slurm from answering: the sentence is about another fault
        left = {job.number for job in submitted}
    if not left:
        return f"; the {len(submitted)} submitted before it were cancelled"
    numbers = ", ".join(map(str, sorted(left)))
    return f"; of those submitted before it, {numbers} may still be in the queue: see `squeue --me`, and `scancel` them"


def dependency(job: Job, numbers: Mapping[str, str]) -> list[str]:
    """The option that makes a job wait.

    Args:
        numbers: those of the jobs before it, by name; a job that is not among them is named by its number already.
    """
    by_kind: dict[str, list[str]] = {}
    for wait in job.after:
        by_kind.setdefault(wait.how, []).append(numbers.get(wait.job, wait.job))
    return [f"--dependency={','.join(':'.join([how, *ids]) for how, ids in by_kind.items())}"] if by_kind else []


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
        given |= {
            "time": _time(job, site, shape),
            "signal": f"USR2@{site.warning_s}",
            "gpus-per-node": f"{site.gres_type}:{gpus}" if gpus and site.gres_type else gpus or None,
            "cpus-per-gpu": site.cpus_per_gpu if gpus else None,
            "ntasks-per-node": None if gpus else 1,
            "cpus-per-task": None if gpus else 1 if job.one_process else shape.processes_per_node,
        }
    return [f"--{key}={value}" for key, value in given.items() if value is not None]


def _time(job: Job, site: Site, shape: Shape) -> str | None:
    """The limit of a job that trains or scores; None: its script's.

    Raises:
        ClusterError: it would be told to leave before it could do anything, in each of its lives.
    """
    evaluated = site.time.evaluate if job.script == "evaluate" else None
    limit = shape.time or evaluated or site.time.train
    if limit is not None and limit_s(limit) < site.warning_s + _START_S:
        key = "--time" if shape.time else f"time.{'evaluate' if evaluated else 'train'} of the site file"
        raise ClusterError(
            f"{key} {limit}: ranks are told to save and leave {site.warning_s} s before the end, and need {_START_S} s "
            "to begin; give more time, or lower warning_s in the site file"
        )
    return limit


def _site_settings(site: Site) -> dict[str, str | None]:
    values: dict[str, str | None] = {
        "INTERFACE": site.interface,
        "SCRATCH": site.scratch,
        "STAGE_CACHE": "1" if site.stage_cache else None,
    }
    if site.container:
        values["CONTAINER"] = site.container.image
        values["CONTAINER_TOOL"] = site.container.tool
        values["CONTAINER_OPTIONS"] = " ".join(site.container.options) or None
    return values


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
