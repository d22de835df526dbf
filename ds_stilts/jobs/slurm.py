"""The four Slurm commands that are asked, each with a time limit, and what their answers mean.

Works with and without an accounting database, and in federations, where a job belongs to a cluster.
"""

import os
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ds_stilts.errors import ClusterError

_SUBMIT_S, _ASK_S = 120.0, 30.0
LIVE = {
    "PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
    "RESIZING", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED",
}  # fmt: skip
"""States of jobs that are not over."""
_NARROWS = re.compile(r"SQUEUE_|SCANCEL_|SLURM_CLUSTERS$")
"""Variables with which a user's shell has squeue and scancel look at some jobs only; options that we give say where."""


class NoSlurm(ClusterError):
    """Slurm's commands are not on this machine, or do not answer."""


@dataclass(frozen=True, kw_only=True)
class JobId:
    """A job, or an array as a whole."""

    number: int
    cluster: str | None = None
    """In a federation, the cluster that took it."""

    @property
    def options(self) -> list[str]:
        """What tells other commands where the job is."""
        return [f"--clusters={self.cluster}"] if self.cluster else []


@dataclass(frozen=True, kw_only=True)
class JobState:
    """What Slurm says of a job or of one element of an array."""

    state: str
    """E.g. "RUNNING"."""
    reason: str = ""
    """Why it waits, e.g. "Dependency"."""
    elapsed: str = ""
    """As Slurm writes times."""
    nodes: str = ""

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


def submit(words: Sequence[str], environment: Mapping[str, str]) -> JobId:
    """Run sbatch with these words after its name.

    Raises:
        ClusterError: it refused, with what it said.
    """
    answer = _run(["sbatch", "--parsable", *words], _SUBMIT_S, environment)
    if answer.returncode:
        raise ClusterError(f"sbatch refused a job: {_reasons(answer.stderr)}")
    return parse_id(answer.stdout)


def parse_id(text: str) -> JobId:
    """The job in what `sbatch --parsable` prints: "123", in a federation "123;cluster".

    Raises:
        ClusterError: there is no number in it.
    """
    found = re.search(r"^(\d+)(?:;([^\s;]+))?\s*$", text, re.MULTILINE)
    if not found:
        raise ClusterError(f"sbatch should print the number of the job, and printed '{text.strip()}'")
    return JobId(number=int(found[1]), cluster=found[2])


def states(jobs: Sequence[JobId], keys: Collection[str] = ()) -> dict[str, JobState]:
    """What is known of jobs, by "123" or, for an element of an array, "123_4": from the queue, which remembers ended
    jobs for some minutes, and for older ones from the accounts. Those that nobody remembers are left out.

    Args:
        keys: elements that are asked about, each of which the queue forgets by itself, while others of its array live.

    Raises:
        NoSlurm: no answer.
    """
    found = queued(jobs)
    seen = {key.split("_")[0] for key in found} - {key.split("_")[0] for key in keys if key not in found}
    forgotten = [job for job in jobs if str(job.number) not in seen]
    for here in _by_cluster(forgotten):
        found = accounts(here) | found
    return found


def queued(jobs: Sequence[JobId]) -> dict[str, JobState]:
    """As `states`, from the queue alone: a job that is not over is there.

    Raises:
        NoSlurm: no answer.
    """
    found: dict[str, JobState] = {}
    for here in _by_cluster(jobs):
        found |= queue(here)
    return found


def _by_cluster(jobs: Sequence[JobId]) -> list[list[JobId]]:
    return [[job for job in jobs if job.cluster == one] for one in dict.fromkeys(job.cluster for job in jobs)]


def queue(jobs: Sequence[JobId]) -> dict[str, JobState]:
    """As `states`, from squeue; all jobs are of one cluster."""
    numbers = ",".join(str(job.number) for job in jobs)
    words = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={numbers}", "--format=%i|%T|%M|%N|%r"]
    answer = _run([*words, *jobs[0].options], _ASK_S)
    if answer.returncode and "Invalid job id" not in answer.stderr:
        raise NoSlurm(f"squeue gives no answer: {_last(answer.stderr)}")
    found = {}
    for line in answer.stdout.splitlines():
        parts = line.strip().split("|", 4)
        if len(parts) == 5:
            key, state, elapsed, nodes, reason = parts
            found[key] = JobState(state=state, elapsed=elapsed, nodes=nodes, reason="" if reason == "None" else reason)
    return found


def accounts(jobs: Sequence[JobId]) -> dict[str, JobState]:
    """As `states`, from sacct: its database or, where there is none, the list of completed jobs; empty without both.

    Only of jobs that are over: what the queue does not know is not in it, though a database that has missed its end
    calls it RUNNING for ever (sacctmgr(1), runaway jobs).
    """
    numbers = ",".join(str(job.number) for job in jobs)
    for words in (
        ["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={numbers}", "--format=JobID,State"],
        ["sacct", "--completion", "--noheader", "--parsable2", f"--jobs={numbers}", "--format=JobID,State"],
    ):
        try:
            answer = _run([*words, *jobs[0].options], _ASK_S)
        except NoSlurm:
            return {}
        found = _states_of(answer.stdout)
        if answer.returncode == 0 and found:
            return {key: facts for key, facts in found.items() if not facts.is_live}
    return {}


def _states_of(text: str) -> dict[str, JobState]:
    found = {}
    for line in text.splitlines():
        key, _, state = line.strip().partition("|")
        if re.fullmatch(r"\d+(_\d+)?", key) and state:
            found[key] = JobState(state=state.split()[0])  # "CANCELLED by 1000"
    return found


def cancel(job: JobId, *, signal: str | None = None, states_only: str | None = None) -> None:
    """Cancel a job, or send a signal to its ranks (not to the batch script).

    Args:
        signal: e.g. "USR2"; None: cancel.
        states_only: cancel it only while it is in this state, e.g. "PENDING".

    Raises:
        NoSlurm: no answer.
        ClusterError: the job is somebody else's.
    """
    words = ["scancel", "--quiet", *job.options]
    words += [f"--signal={signal}"] if signal else []
    words += [f"--state={states_only}"] if states_only else []
    answer = _run([*words, str(job.number)], _ASK_S)
    if answer.returncode and "denied" in answer.stderr:  # other refusals pass: a job may be over by now
        why = _last(answer.stderr).removeprefix("scancel: error: ")
        raise ClusterError(f"job {job.number} was not ended ({why}); have it ended by whoever submitted it")


def _run(
    words: Sequence[str], limit_s: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    env = (
        {key: value for key, value in os.environ.items() if not _NARROWS.match(key)}
        if environment is None
        else environment
    )
    try:
        return subprocess.run(words, env=env, capture_output=True, text=True, errors="replace", timeout=limit_s)
    except FileNotFoundError:
        raise NoSlurm(f"there is no command '{words[0]}' here; do this on a login node of the cluster") from None
    except subprocess.TimeoutExpired:
        raise NoSlurm(f"Slurm gave no answer to {words[0]} within {limit_s:.0f} s; try again later") from None


def _reasons(text: str) -> str:
    """What sbatch itself says, in one line: before its own last words, which may be as little as "Unspecified error",
    come those of a site's rules (job_submit plugins)."""
    own = [line.strip().removeprefix("sbatch: ") for line in text.splitlines() if line.startswith("sbatch: ")]
    own = [line.removeprefix("error: ").removeprefix("fatal: ").strip() for line in own]
    return "; ".join(dict.fromkeys(line for line in own if line)) or _last(text)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "without a word"
