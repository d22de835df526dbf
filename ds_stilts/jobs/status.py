"""What became of a run: the markers in its folder first, then what Slurm says of its jobs. Works without Slurm too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ds_stilts.errors import CheckpointError
from ds_stilts.jobs.record import Submitted, read_record
from ds_stilts.jobs.slurm import JobState, NoSlurm, states
from ds_stilts.plan import stages
from ds_stilts.recipe import Recipe
from ds_stilts.recipe_file import load_recipe
from ds_stilts.tasks import declare_own

_OVER = {"COMPLETED": "ended", "CANCELLED": "cancelled", "TIMEOUT": "out of time", "OUT_OF_MEMORY": "out of memory",
         "NODE_FAIL": "node failed", "PREEMPTED": "preempted"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StageStatus:
    """One stage, or the report."""

    stage: str
    state: str
    """"done", "trained" (a target that is still to be scored), "running", "waiting", "failed", "over" (Slurm has
    forgotten it), … "unknown" (there is no Slurm here) or "not submitted"."""
    job: str | None = None
    """Of the last job for it, e.g. "12_3"."""
    slurm: str | None = None
    """Slurm's own word, e.g. "PENDING"; None where Slurm does not know the job, or is not here."""
    reason: str | None = None
    elapsed: str | None = None
    nodes: str | None = None
    log: str | None = None
    """The job's log file, once it is there."""


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """A run folder, or a study's."""

    run: str
    recipe: str
    num_stages: int
    num_done: int
    stages: tuple[StageStatus, ...]
    """Of a study, the elements of its array, which take stages as they come."""
    report: str | None
    """The HTML report, once it is there."""
    problem: str | None = None
    """Why nothing is known from Slurm."""


def run_status(run_dir: Path) -> RunStatus:
    """Look at a run folder and, if jobs were submitted for it, ask Slurm.

    Raises:
        CheckpointError: there is no run in that folder.
    """
    recipe = recipe_of(run_dir)
    submitted = read_record(run_dir)
    facts, problem = ask(submitted)
    latest = latest_jobs(submitted)
    rows = [_stage(run_dir, stage, latest.get(stage), facts) for stage in stages(recipe)]
    num_done = sum(one.state == "done" for one in rows)
    if "report" in latest:
        rows.append(job_row(run_dir, "report", latest["report"], facts))
    return RunStatus(
        run=str(run_dir),
        recipe=recipe.name,
        num_stages=len(stages(recipe)),
        num_done=num_done,
        stages=tuple(rows),
        report=report_of(run_dir),
        problem=problem,
    )


def ask(submitted: Sequence[Submitted]) -> tuple[dict[str, JobState] | None, str | None]:
    """What Slurm says of jobs, as `slurm.states`, and None; or None, and why it says nothing."""
    try:
        keys = [key for job in submitted for key in job.elements()]
        return (states([job.id for job in submitted], keys) if submitted else {}), None
    except NoSlurm as error:
        return None, str(error)


def report_of(folder: Path) -> str | None:
    """The HTML report of a run or a study, once it is there."""
    path = folder / "report" / "report.html"
    return str(path) if path.is_file() else None


def recipe_of(run_dir: Path) -> Recipe:
    """The recipe that a run folder keeps.

    Raises:
        CheckpointError: there is none.
    """
    if not ((run_dir / "recipe.yaml").is_file() and (run_dir / "fingerprint").is_file()):
        raise CheckpointError(f"{run_dir} is no run folder, which holds recipe.yaml and fingerprint; see `ls runs`")
    recipe = load_recipe(str(run_dir / "recipe.yaml"))
    declare_own(recipe.tasks, recipe.parts)
    return recipe


def latest_jobs(submitted: Sequence[Submitted]) -> dict[str, list[tuple[str, Submitted]]]:
    """By stage (and "report"), the jobs or elements of the last submission that had any for it, in their order: of a
    target, the one that trains and the one that scores."""
    found: dict[str, list[tuple[str, Submitted]]] = {}
    for job in submitted:
        for key, names in job.elements().items():
            for stage in names or ("report",):
                jobs = [one for one in found.get(stage, []) if one[1].submission == job.submission]
                found[stage] = [*jobs, (key, job)]
    return found


def _stage(
    run_dir: Path, stage: str, jobs: Sequence[tuple[str, Submitted]] | None, facts: Mapping[str, JobState] | None
) -> StageStatus:
    trained = stage.startswith("targets/") and (run_dir / stage / "model").is_dir()
    marked = _is_marked(run_dir, stage)
    if not jobs:
        return StageStatus(stage=stage, state="done" if marked else "trained" if trained else "not submitted")
    key, job = _current(jobs, facts)
    known = (facts or {}).get(key)
    state = "done" if marked else _word(known, trained) if facts is not None else "unknown"
    if state == "running" and not job.array:
        earlier = job.stages[: job.stages.index(stage)]
        state = "running" if all(_is_marked(run_dir, one) for one in earlier) else "waiting"
    return _row(run_dir, stage, state, key, job, known)


def _is_marked(run_dir: Path, stage: str) -> bool:
    return (run_dir / stage / "DONE").is_file()


def job_row(
    run_dir: Path, name: str, jobs: Sequence[tuple[str, Submitted]], facts: Mapping[str, JobState] | None
) -> StageStatus:
    """The last job for what leaves no marker: the report, or an element of a study."""
    key, job = jobs[-1]
    known = (facts or {}).get(key)
    state = _word(known, False) if facts is not None else "unknown"
    if name == "report" and state in ("ended", "over", "unknown") and report_of(run_dir):
        state = "done"
    return _row(run_dir, name, state, key, job, known)


def _current(jobs: Sequence[tuple[str, Submitted]], facts: Mapping[str, JobState] | None) -> tuple[str, Submitted]:
    """The job that a stage is with: the first that is not over, or else the last that ran."""
    for key, job in jobs:
        known = (facts or {}).get(key)
        if known and known.state != "COMPLETED":  # it is not over, or what waits for it will not run
            return key, job
    return jobs[-1]


def _word(known: JobState | None, trained: bool) -> str:
    if known is None:
        return "trained" if trained else "over"
    if known.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"):
        return "waiting"
    if known.is_live:
        return "running"
    return _OVER.get(known.state, "failed")


def _row(run_dir: Path, stage: str, state: str, key: str, job: Submitted, known: JobState | None) -> StageStatus:
    log = job.log_of(key, run_dir)
    return StageStatus(
        stage=stage,
        state=state,
        job=key,
        slurm=known.state if known else None,
        reason=known.reason or None if known else None,
        elapsed=known.elapsed or None if known else None,
        nodes=known.nodes or None if known else None,
        log=str(log) if log.is_file() else None,
    )
