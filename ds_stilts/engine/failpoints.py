"""Places in the engine where a test can make a rank die, fail, wait or be told to stop, at a chosen step.

Off unless the environment variable DS_STILTS_FAIL names a point; then a call costs one look into the environment, and
nothing else. Rules, separated by commas:

    POINT[:rankR][:stepK]=ACTION        e.g.  save.shard:rank1:step6=kill,loop.step:step4=sleep 30

Without `rankR` every rank does it, without `stepK` every time. Actions: `kill`, `term`, `usr2`, `pause` (the signals
KILL, TERM, USR2 and STOP to the rank itself), `raise` (a fault), `enospc` (the error of a full disk), `sleep SECONDS`,
and `nan`, for which `fail_at` returns True and the caller spoils its own number.
"""

import errno
import os
import re
import signal
import time
from functools import lru_cache
from typing import NamedTuple

from ds_stilts.errors import ClusterError, suggestion

VARIABLE = "DS_STILTS_FAIL"

POINTS = {
    "save.begin": "a save has been asked for, nothing is written",
    "save.shard": "before each file of DeepSpeed's, on the rank that writes it",
    "save.shard.after": "after each of them",
    "save.own": "before a rank syncs and hashes what it wrote",
    "save.manifest": "every rank's files are on disk, the manifest is not (rank 0)",
    "save.rename": "the manifest is on disk, the folder has its temporary name (rank 0)",
    "save.renamed": "committed, before older checkpoints are deleted (rank 0)",
    "retain.trash": "before a checkpoint that is not kept gets its temporary name (rank 0)",
    "retain.remove": "it has it, and is still on disk (rank 0)",
    "reshape.convert": "before DeepSpeed converts a checkpoint for any number of ranks",
    "loop.step": "a training step begins",
    "validation.batch": "a batch of a phase's validation is about to be computed",
    "export.parameter": "a parameter of a phase's model is about to be written; the step is its number (rank 0)",
    "export.renamed": "a phase's model is there, its checkpoints are too (rank 0)",
    "merge.parameter": "a parameter of merged arms is summed, and not yet written; the step is its number (rank 0)",
    "score.batch": "a batch of prediction is about to be computed",
    "score.shard": "prediction rows are on disk under a temporary name",
    "score.shard.after": "they have their own",
}
"""Every point that the code calls, and when. A name that is not here is refused, so that no test waits in vain."""

_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "usr2": signal.SIGUSR2, "pause": signal.SIGSTOP}
_RULE = re.compile(
    r"(?P<point>[a-z.]+)(:rank(?P<rank>\d+))?(:step(?P<step>\d+))?="
    rf"(?P<action>{'|'.join(_SIGNALS)}|raise|enospc|nan|sleep (?P<seconds>[0-9.]+))"
)


class FailpointReached(Exception):
    """The fault that the action `raise` stands for."""


class _Rule(NamedTuple):
    point: str
    rank: int | None
    step: int | None
    action: str
    seconds: float


def fail_at(point: str, *, step: int | None = None) -> bool:
    """Do here what DS_STILTS_FAIL says about `point`, on this rank (RANK; 0 without a launcher).

    Args:
        point: one of `POINTS`.
        step: optimizer steps done, or the step that begins; None where there is none: rules with a step do not match.

    Returns:
        True if the caller should put NaN where it computes a number; False otherwise.

    Raises:
        ClusterError: the variable holds something else than rules.
        FailpointReached: the action `raise`.
        OSError: the action `enospc`.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return False
    assert point in POINTS, point
    rank, spoil = int(os.environ.get("RANK", "0")), False
    for rule in _rules(text):
        if rule.point == point and rule.rank in (None, rank) and rule.step in (None, step):
            spoil = _act(rule, rank, step) or spoil
    return spoil


def _act(rule: _Rule, rank: int, step: int | None) -> bool:
    if rule.action in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[rule.action])
    elif rule.action == "raise":
        raise FailpointReached(f"failpoint {rule.point} on rank {rank}, step {step}")
    elif rule.action == "enospc":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    elif rule.action == "nan":
        return True
    else:
        time.sleep(rule.seconds)
    return False


@lru_cache(maxsize=4)
def _rules(text: str) -> tuple[_Rule, ...]:
    rules = []
    for part in text.split(","):
        found = _RULE.fullmatch(part.strip())
        if not found:
            raise ClusterError(
                f"{VARIABLE}={text}: '{part.strip()}' is not POINT[:rankR][:stepK]=ACTION; it is for tests, unset it"
            )
        if found["point"] not in POINTS:
            raise ClusterError(
                f"{VARIABLE}={text}: no point '{found['point']}'{suggestion(found['point'], list(POINTS))}"
            )
        rank, step = (None if found[name] is None else int(found[name]) for name in ("rank", "step"))
        action, seconds = found["action"], float(found["seconds"] or 0)
        rules.append(_Rule(found["point"], rank, step, "sleep" if seconds else action, seconds))
    return tuple(rules)
