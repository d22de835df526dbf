"""How often each task of a phase is drawn, and when: the rules of `mixing` and `share`."""

from collections.abc import Mapping

import numpy as np

from ds_stilts.errors import RecipeError
from ds_stilts.expression import evaluate
from ds_stilts.recipe import Training


def phase_length(training: Training, sizes: Mapping[str, int], item_tokens: Mapping[str, float]) -> int:
    """Optimizer steps of a phase: its `steps`, or as many as its `epochs` over the (capped) total of items, or of
    their tokens, take.

    Args:
        sizes: items per task.
        item_tokens: mean tokens of an item of each task; asked for with `batch_tokens` only.
    """
    if training.steps is not None:
        return training.steps
    assert training.epochs is not None, "`ds_stilts.plan.check_recipe` refuses a phase without a length"
    items = {n: min(size, training.cap) if training.mixing == "capped" else size for n, size in sizes.items()}
    if training.batch_tokens is not None:
        total, batch = sum(count * item_tokens[name] for name, count in items.items()), training.batch_tokens
    else:
        assert training.batch_examples is not None
        total, batch = sum(items.values()), training.batch_examples
    return max(1, -(-round(training.epochs * total) // batch))


def shares(sizes: Mapping[str, int], training: Training, num_steps: int) -> np.ndarray:
    """Sampling probabilities of the tasks at each step.

    Args:
        sizes: items per task, n_t.

    Returns:
        fp64 [num_steps, tasks], p_t of each step summing to 1: ∝ the tasks' own `share`s if given; else n_t
        (proportional), 1 (uniform), min(n_t, K) (capped; Raffel et al. 2020, examples-proportional mixing), n_t^(1/T)
        (temperature), n_t^α with α falling from 1 by `anneal` over the phase (annealed; Stickland & Murray 2019, BERT
        and PALs, section 4.1); or 1 for one task after another, for a time ∝ n_t (sequence). Of "adaptive" the shares
        before the first validation, which are uniform.

    Raises:
        RecipeError: at some step all are 0.
    """
    done = np.arange(num_steps) / num_steps
    counts: np.ndarray = np.array([float(size) for size in sizes.values()])
    uses = training.tasks
    if uses and all(use.share is not None for use in uses.values()):
        weights = np.stack([evaluate(str(uses[name].share), done) for name in sizes], axis=1)
    elif training.mixing == "proportional":
        weights = counts
    elif training.mixing in ("uniform", "adaptive"):
        weights = np.ones_like(counts)
    elif training.mixing == "capped":
        weights = np.minimum(counts, training.cap)
    elif training.mixing == "temperature":
        weights = counts ** (1.0 / training.temperature)
    elif training.mixing == "annealed":
        weights = counts ** (1.0 - training.anneal * done)[:, None]
    else:  # sequence
        ends = np.cumsum(counts) / counts.sum()
        weights = np.eye(len(counts))[np.minimum(np.searchsorted(ends, done, side="right"), len(counts) - 1)]
    totals = weights.sum(axis=-1, keepdims=True)
    if not totals.all():  # between the points that the recipe was checked by
        raise RecipeError(f"the shares of {', '.join(sizes)} are all 0 at t = {done[totals[:, 0] == 0][0]:g}")
    return np.broadcast_to(weights / totals, (num_steps, len(counts)))


def mean_shares(sizes: Mapping[str, int], training: Training, num_steps: int) -> dict[str, float]:
    """Of all items that a phase draws, the share that each task is expected to have. (Where shares change over time and
    steps hold equally many tokens, it is the mean over steps.)"""
    over_time = shares(sizes, training, num_steps)
    return {name: float(value) for name, value in zip(sizes, over_time.mean(axis=0), strict=True)}


def items_drawn(
    training: Training, sizes: Mapping[str, int], item_tokens: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """Items that a phase draws in all, and the share that each task is expected to have of them.

    Args:
        sizes: items per task.
        item_tokens: mean tokens of an item of each task.
    """
    steps = phase_length(training, sizes, item_tokens)
    expected = mean_shares(sizes, training, steps)
    if training.batch_tokens is None:
        return float(steps * (training.batch_examples or 1)), expected
    return steps * training.batch_tokens / sum(share * item_tokens[name] for name, share in expected.items()), expected
