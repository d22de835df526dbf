"""The best of several arms, without the winner's curse: chosen on some seeds, scored on others.

The best of k arms looks better on the seeds that it was chosen on than it is: its luck was part of the choice. Another
split of the data (dev to choose, test to score) takes away the luck of the items but not that of the seeds, which both
splits share; so seeds are split here even where the choice is made on dev.

Averaging over many splits would use each seed for both, but has no honest interval: where arms are close, the choice in
one split leans on the seeds that another scores, and the splits' values go together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.bootstrap import LEVEL
from ds_stilts.statistics.estimate import Estimate, paired_contrast

_MOST_SPLITS = 5_000
"""Of more than that many ways to split, `stability` looks at the first ones."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An arm, and which seeds it may be judged on."""

    arm: int
    """Its row."""
    chosen_on: tuple[int, ...]
    """Seeds, as columns from 0."""
    score_on: tuple[int, ...]
    """The other seeds."""
    stability: float
    """Share of the ways to split the seeds alike in which the same arm is chosen."""


@dataclass(frozen=True, kw_only=True)
class BestOf(Estimate):
    """The chosen arm minus the reference, on seeds that had no part in the choice."""

    choice: Choice
    optimistic: float
    """What the same difference would be said to be if the arm were chosen and scored on all seeds."""


def num_chosen_on(num_seeds: int) -> int:
    """How many seeds `choose` takes to choose on, unless it is told which."""
    return num_seeds // 2


def choose(selection_KS: np.ndarray, chosen_on: Sequence[int] | None = None) -> Choice:
    """The arm with the highest mean over the seeds `chosen_on`; the first of equal ones.

    Args:
        selection_KS: float [arms, seeds], of the split that is looked at to choose: dev, or the scored one.
        chosen_on: seeds, as columns; the first half by default. What is left has to be two or more.

    Raises:
        StatisticsError: no arm, a missing score, or too few seeds on either side.
    """
    scores = np.asarray(selection_KS, np.float64)
    if scores.ndim != 2 or not scores.shape[0]:
        raise StatisticsError(f"best of several arms: scores of shape {scores.shape}; give one row for each arm")
    if not np.isfinite(scores).all():
        arm, seed = (int(places[0]) for places in np.nonzero(~np.isfinite(scores)))
        raise StatisticsError(
            f"best of several arms: arm {arm}, seed {seed} (counted from 0) has {scores[arm, seed]}; run it again, or "
            "leave out that arm or that seed"
        )
    num_seeds = scores.shape[1]
    chosen = tuple(range(num_chosen_on(num_seeds))) if chosen_on is None else tuple(sorted(set(chosen_on)))
    rest = tuple(seed for seed in range(num_seeds) if seed not in chosen)
    if not chosen or not set(chosen) <= set(range(num_seeds)) or len(rest) < 2:
        raise StatisticsError(
            f"best of several arms: {num_seeds} {'seed is' if num_seeds == 1 else 'seeds are'} there, "
            f"{', '.join(map(str, chosen)) or 'none'} of them to choose on (counted from 0); one at least has to be "
            "there for that, and two others to score on; run more seeds"
        )
    arm = int(scores[:, chosen].mean(axis=1).argmax())
    ways = list(islice(combinations(range(num_seeds), len(chosen)), _MOST_SPLITS))
    same = sum(int(scores[:, way].mean(axis=1).argmax()) == arm for way in ways)
    return Choice(arm=arm, chosen_on=chosen, score_on=rest, stability=same / len(ways))


def best_of(
    scores_KS: np.ndarray,
    reference_S: np.ndarray,
    *,
    selection_KS: np.ndarray | None = None,
    chosen_on: Sequence[int] | None = None,
    level: float = LEVEL,
) -> BestOf:
    """The best of k arms minus a reference arm, by nested selection. n is the number of seeds that it is scored on.

    For an interval that covers test items too, `choose` the arm and give the seeds `score_on` to `multi_bootstrap`.

    Args:
        scores_KS: float [arms, seeds], on the split that is scored; seeds are paired over arms.
        reference_S: float [seeds], of the arm to beat.
        selection_KS: float [arms, seeds], of the split to choose on (dev); the scored one by default.
        chosen_on: as `choose`.

    Raises:
        StatisticsError: as `choose` and `paired_contrast`.
    """
    scores, reference = np.asarray(scores_KS, np.float64), np.asarray(reference_S, np.float64)
    looked_at = scores if selection_KS is None else np.asarray(selection_KS, np.float64)
    if looked_at.shape != scores.shape or reference.shape != scores.shape[1:]:
        raise StatisticsError(
            f"best of several arms: scores of shape {scores.shape}, selection of {looked_at.shape}, reference of "
            f"{reference.shape}; give [arms, seeds] twice and [seeds], with the same seeds"
        )
    choice = choose(looked_at, chosen_on)
    on = list(choice.score_on)
    found = paired_contrast(scores[choice.arm, on], reference[on], level=level)
    best = int(looked_at.mean(axis=1).argmax())
    return BestOf(
        estimate=found.estimate, se=found.se, df=found.df, level=level, interval=found.interval, p=found.p, n=found.n,
        method=f"best of {len(scores)} arms, chosen on {len(choice.chosen_on)} seeds, scored on {len(on)} others: "
        + found.method,
        choice=choice,
        optimistic=float((scores[best] - reference).mean()),
    )  # fmt: skip
