"""Bootstrap intervals of values that are made of ratios of sums over items.

Accuracy, F1 of answers and average precision are ratios (what was right over how many there were); so is the F1 of
chunks, labels or mined pairs, 2·right / (predicted + gold), which a mean over items is not. One rule serves them all:
clusters of items are drawn with replacement, as many as there are, and the ratios are made from the sums of the draw.

A cluster is all that has one id: the same item in several groups (languages, systems) is drawn into all of them or
into none, so that what they share does not pass for independent evidence. Ids that agree by chance only do no harm: of
independent items in one cluster the covariances are zero on average.

Intervals are percentile intervals (Efron and Tibshirani 1993, chapter 13). BCa's corrections for bias and skewness are
of order 1/n, and test sets have hundreds of items; below `MIN_ITEMS` neither kind covers what it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000
"""The ends of the interval are then at the 2.5 ± 0.35th percentile (one standard error)."""
MIN_ITEMS = 20
"""Fewer give no interval: that of a mean of 20 items is 9 % too narrow already (a normal deviation where Student's is
due, and √(19/20)), and a group of fewer may well be missing from a draw as a whole (of 20: twice in 10^9)."""
_MAX_DRAWN = 1 << 21
"""Most counts held at once: 16 MiB."""

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """What the value of one group is made of, item by item: N items, M metrics, at most C ratios each.

    The value is 100 times the mean over metrics of the mean over a metric's ratios, of those with a positive
    denominator; a metric without any is 0.
    """

    ids: np.ndarray
    """[N], of strings or integers; equal ones are one cluster, within a group and across groups."""
    over: np.ndarray
    """float64 [N, M, C]: what each item adds to the numerators."""
    under: np.ndarray
    """float64 [N, M, C]: what it adds to the denominators."""

    def value(self) -> float:
        """The value in percent."""
        return float(values_of_sums(self.over.sum(axis=0), self.under.sum(axis=0)))


def resampled(
    groups: Sequence[Tally], *, seed: int, resamples: int = RESAMPLES, max_drawn: int = _MAX_DRAWN
) -> np.ndarray:
    """Values float64 [resamples, groups], in percent, of draws that all groups share.

    Items that add nothing to any sum are left out beforehand: a ratio does not see them, and of millions of sentences
    to mine pairs from, most are such.

    Args:
        max_drawn: limit on what is held at once (counts of 8 bytes); no value depends on it.
    """
    kept = [np.any((group.over != 0) | (group.under != 0), axis=(1, 2)) for group in groups]
    ids = [group.ids[mask] for group, mask in zip(groups, kept, strict=True)]
    clusters, inverse = np.unique(np.concatenate(ids), return_inverse=True)
    places = np.split(inverse, np.cumsum([len(part) for part in ids])[:-1])
    sums = [
        _cluster_sums(side[mask], place, len(clusters))
        for group, mask, place in zip(groups, kept, places, strict=True)
        for side in (group.over, group.under)
    ]
    bounds = np.cumsum([part.shape[1] for part in sums])[:-1]
    joined = np.concatenate(sums, axis=1)
    draw, values = np.random.default_rng(seed), np.empty((resamples, len(groups)))
    step = max(1, max_drawn // max(1, len(clusters)))
    for first in range(0, resamples, step):
        count = min(step, resamples - first)
        parts = np.split(draw_counts(draw, count, len(clusters)) @ joined, bounds, axis=1)
        for column, group in enumerate(groups):
            over, under = (part.reshape(count, *group.over.shape[1:]) for part in parts[2 * column : 2 * column + 2])
            values[first : first + count, column] = values_of_sums(over, under)
    return values


def interval(values: np.ndarray, level: float = LEVEL) -> Interval | None:
    """Percentile interval of resampled values [resamples]; None where all are equal, which shows no certainty: the
    items that were drawn from just lacked one that differs."""
    if np.ptp(values) == 0:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def draw_counts(draw: np.random.Generator, count: int, num_clusters: int) -> np.ndarray:
    """How often each cluster is in each draw, float64 [count, clusters]."""
    drawn = draw.integers(0, num_clusters, (count, num_clusters)) if num_clusters else np.empty((count, 0), np.int64)
    drawn += num_clusters * np.arange(count)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=count * num_clusters)
    return counts.reshape(count, num_clusters).astype(np.float64)


def _cluster_sums(side: np.ndarray, place: np.ndarray, num_clusters: int) -> np.ndarray:
    """[N, M, C] → [clusters, M·C]."""
    columns = side.reshape(len(side), side.shape[1] * side.shape[2]).T
    sums = [np.bincount(place, weights=column, minlength=num_clusters) for column in columns]
    return np.stack(sums, axis=1)


def values_of_sums(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Sums [..., M, C] → values [...] in percent."""
    there = under > 0
    ratios = np.divide(over, under, out=np.zeros_like(over, dtype=np.float64), where=there)
    means: np.ndarray = ratios.sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
    return 100.0 * means.mean(axis=-1)
