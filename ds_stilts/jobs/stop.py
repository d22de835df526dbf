"""`ds-stilts stop`: jobs that wait are cancelled, ranks that run save and leave, and what is there even then is killed.

The file STOP in the run folder says it to every rank, also where no signal arrives, and keeps the batch scripts from
putting the jobs back into the queue. It is removed when nothing is left to read it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ds_stilts.errors import ClusterError
from ds_stilts.jobs.living import living
from ds_stilts.jobs.record import Submitted, read_record
from ds_stilts.jobs.slurm import cancel

_ASK_EVERY_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What stopping came to, by job id as Slurm writes it."""

    waiting: tuple[str, ...]
    """Had not begun."""
    saved: tuple[str, ...]
    """Ended by themselves after the request."""
    killed: tuple[str, ...]
    """Were cancelled while they ran: steps since the last checkpoint are lost."""


def stop_run(run_dir: Path, *, wait_s: float, tell: Callable[[str], None] = lambda _: None) -> Stopped:
    """Stop all jobs of a run or a study that are in the queue, and come back when they are gone.

    Args:
        wait_s: so long ranks may take to save; 0 cancels at once.
        tell: gets a sentence of progress now and then.

    Raises:
        ClusterError: no jobs were submitted for the run, they are somebody else's, or Slurm gives no answer.
    """
    jobs = read_record(run_dir)
    if not jobs:
        raise ClusterError(f"no jobs were submitted for {run_dir}; what was started by hand stops at Ctrl-C or TERM")
    first = living(jobs)
    waiting = tuple(key for key, state in first.items() if state == "PENDING")
    running = tuple(key for key in first if key not in waiting)
    mark = run_dir / "STOP"
    if not first:
        mark.unlink(missing_ok=True)
        return Stopped(waiting=(), saved=(), killed=())
    mark.touch()
    live = _jobs_of(jobs, first)
    try:
        for job in reversed(live):  # what waits for others first
            cancel(job.id, states_only="PENDING")
    except ClusterError:
        mark.unlink(missing_ok=True)
        raise
    left = living(live)
    if wait_s > 0 and left:
        for job in _jobs_of(live, left):
            cancel(job.id, signal="USR2")
        tell(f"asked {', '.join(left)} to save and stop")
        left = _wait(live, wait_s)
    for job in _jobs_of(live, left):
        cancel(job.id)
    killed = tuple(left)
    while left:
        left = _wait(live, 60.0)
        if left:
            tell(f"Slurm is still ending {', '.join(left)}")
    mark.unlink(missing_ok=True)
    return Stopped(waiting=waiting, saved=tuple(key for key in running if key not in killed), killed=killed)


def _jobs_of(jobs: list[Submitted], keys: dict[str, str]) -> list[Submitted]:
    return [job for job in jobs if any(key in keys for key in job.elements())]


def _wait(jobs: list[Submitted], limit_s: float) -> dict[str, str]:
    """Wait until nothing lives, or for so long; returns what still does."""
    until = time.monotonic() + limit_s
    while (left := living(jobs)) and time.monotonic() < until:
        # A job that an earlier stop has put back into the queue may come up again in between.
        for job in _jobs_of(jobs, {key: state for key, state in left.items() if state == "PENDING"}):
            cancel(job.id, states_only="PENDING")
        time.sleep(_ASK_EVERY_S)
    return left
