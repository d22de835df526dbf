"""What a mean over languages hides: the worst ones, the weight of large families, and how unequal languages are.

Each is a function of values [..., languages], so that it serves as a `Measure` of `multi_bootstrap` as well: the worst
language of a draw is chosen anew in each draw. The worst of several noisy values lies below the worst truth on average;
a contrast of two arms takes most of that away.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ds_stilts.errors import StatisticsError


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """Of one arm's values, in their unit but for `gini`."""

    mean: float
    worst: float
    """The least value (Rawls 1971: as good as it is for the worst off)."""
    worst_place: int
    """Whose it is."""
    worst_decile: float
    family_mean: float
    """Each family counts once."""
    gini: float
    """0 where all are equal."""
    n: int
    """Languages."""


def fairness(values_L: np.ndarray, families: Sequence[str]) -> Fairness:
    """All of them at once, of values [languages] and their families.

    Raises:
        StatisticsError: no language, another number of families, or a value that is missing.
    """
    values = np.asarray(values_L, np.float64)
    if values.ndim != 1 or not len(values) or len(families) != len(values) or not np.isfinite(values).all():
        raise StatisticsError(
            f"languages: values of shape {values.shape}, {int((~np.isfinite(values)).sum())} of them missing, and "
            f"{len(families)} families; give a value and a family for each language that was scored"
        )
    return Fairness(
        mean=float(values.mean()),
        worst=float(worst(values)),
        worst_place=int(values.argmin()),
        worst_decile=float(worst_decile(values)),
        family_mean=float(family_mean(families)(values)),
        gini=float(gini(values)),
        n=len(values),
    )


def worst(values: np.ndarray) -> np.ndarray:
    """[..., languages] → [...]: the least."""
    return values.min(axis=-1)


def worst_decile(values: np.ndarray) -> np.ndarray:
    """[..., languages] → [...]: the mean of the lowest tenth. Of 15 languages that is the lowest and half of the next
    (expected shortfall: Acerbi and Tasche 2002); of ten or fewer it is the worst."""
    num_languages = values.shape[-1]
    share = max(num_languages / 10, 1.0)
    weights = np.clip(share - np.arange(num_languages), 0.0, 1.0) / share
    return np.sort(values, axis=-1) @ weights


def family_mean(families: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """From values [..., languages] to the mean over families of the mean over a family's languages."""
    sizes = Counter(families)
    weights = np.array([1 / sizes[family] / len(sizes) for family in families])
    return lambda values: values @ weights


def gini(values: np.ndarray) -> np.ndarray:
    """[..., languages] → [...]: mean difference of two languages over twice the mean (Gini 1912); 0 where all are 0.
    Of values at least 0."""
    num_languages = values.shape[-1]
    ranks = 2 * np.arange(1, num_languages + 1) - num_languages - 1
    spread, total = np.sort(values, axis=-1) @ ranks, num_languages * values.sum(axis=-1)
    return np.divide(spread, total, out=np.zeros_like(total, dtype=np.float64), where=total > 0)
