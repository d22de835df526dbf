"""Measures all variants, interleaved: in every round each trains on its slice, and the machine's limit is taken.

The order turns round with every round, so that a machine that grows slower favours nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ds_stilts.bench.clock import Measured
from ds_stilts.bench.job import Job
from ds_stilts.bench.variants import Dtype, Variant, dtype_of
from ds_stilts.bench.worker import Worker
from ds_stilts.errors import UserError

TOLERANCE = 1e-5
"""Of the loss of one batch, in fp32: what adding in another order may change (a loss is about 1, fp32 has 7 digits)."""


class DisagreementError(UserError):
    """Two variants that should train the same thing and do not."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What was measured in one round."""

    measured: Mapping[str, Measured]
    """By variant."""
    limits: Mapping[Dtype, float]
    """Floating-point operations a second of matrix products."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """A whole measurement."""

    losses: Mapping[str, float]
    """By variant, of one batch before training."""
    rounds: Sequence[Round]


def measure(job: Job, variants: Sequence[Variant], progress: Callable[[str], None], *, limits: bool = True) -> Findings:
    """Check that all variants compute the same loss, then train the rounds.

    Args:
        progress: told what is being done.
        limits: whether the machine's limit is measured too.

    Raises:
        DisagreementError: the losses differ by more than `TOLERANCE`; nothing was timed.
        ClusterError: a variant's process ended before its time.
    """
    dtypes = sorted({dtype_of(variant, job.dtype) for variant in variants})
    with ExitStack() as stack:
        workers = {variant.name: stack.enter_context(Worker(job, variant)) for variant in variants}
        machine = stack.enter_context(Worker(job, None))
        losses = {}
        for name, worker in workers.items():
            progress(f"building {name}")
            losses[name] = worker.loss()
        agree(losses)
        for name, worker in workers.items():
            progress(f"warming {name}")
            worker.warm()
        rounds = []
        for number in range(job.rounds):
            names = list(workers) if number % 2 == 0 else list(workers)[::-1]
            measured = {}
            for name in names:
                progress(f"round {number + 1} of {job.rounds}: {name}")
                measured[name] = workers[name].round(number)
            found = {dtype: machine.limit(dtype) for dtype in dtypes} if limits else {}
            rounds.append(Round(measured={name: measured[name] for name in workers}, limits=found))
    return Findings(losses=losses, rounds=rounds)


def agree(losses: Mapping[str, float]) -> None:
    """Raises:
    DisagreementError: two losses differ by more than `TOLERANCE`, or one is no number.
    """
    (first, expected), *others = losses.items()
    for name, loss in others:
        if not abs(loss - expected) <= TOLERANCE:
            raise DisagreementError(
                f"'{first}' and '{name}' compute different losses on the same examples, {expected:.7f} and {loss:.7f}, "
                "so a ratio of their speeds would mean nothing; report this with the versions of torch and transformers"
            )
