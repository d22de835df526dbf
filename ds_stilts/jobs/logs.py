"""Which log file belongs to a stage, and reading one while it grows."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ds_stilts.errors import CheckpointError, suggestion
from ds_stilts.jobs.record import Submitted, folder_of, read_record
from ds_stilts.jobs.slurm import NoSlurm, states
from ds_stilts.jobs.status import latest_jobs

_LOOK_EVERY_S = 0.5
_ASK_EVERY_S = 15.0


def stage_logs(run_dir: Path, stage: str | None) -> dict[Path, tuple[str, Submitted]]:
    """The log files of the last jobs for a stage (or of "report"), in the order of the jobs; of all stages for None.

    Raises:
        CheckpointError: nothing was submitted for the run, or not for that stage.
    """
    latest = latest_jobs(read_record(run_dir))
    if not latest:
        raise CheckpointError(f"no jobs were submitted for {run_dir}, so there are no logs; see {folder_of(run_dir)}")
    if stage is not None and stage not in latest:
        raise CheckpointError(
            f"no job was submitted for stage '{stage}'{suggestion(stage, list(latest))}; there are: {', '.join(latest)}"
        )
    wanted = [stage] if stage is not None else list(latest)
    return {job.log_of(key, run_dir): (key, job) for name in wanted for key, job in latest[name]}


def follow(path: Path, is_over: Callable[[], bool]) -> Iterator[str]:
    """The text of a file that may not be there yet, piece by piece as it grows, until its job is over."""
    place, asked, over = 0, time.monotonic(), False
    while True:
        if path.is_file():
            with path.open("rb") as file:
                file.seek(place)
                piece = file.read()
            place += len(piece)
            if piece:
                yield piece.decode("utf-8", "replace")
                continue
        if over:
            return
        if time.monotonic() - asked > _ASK_EVERY_S:
            over, asked = is_over(), time.monotonic()
            continue
        time.sleep(_LOOK_EVERY_S)


def job_is_over(key: str, job: Submitted) -> bool:
    """Whether Slurm knows that a job or element has ended; False while Slurm gives no answer."""
    try:
        facts = states([job.id]).get(key)
    except NoSlurm:
        return False
    return facts is None or not facts.is_live
