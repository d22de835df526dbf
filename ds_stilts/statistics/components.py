"""Where the variance of scores comes from: order of training, seed, language, or what is left.

Scores of a full crossing, one for each combination of levels. The components are those of random effects without
interactions, by the method of moments (analysis of variance: Searle, Casella and McCulloch 1992, chapter 4): what a
factor's means vary, less what the residual makes them vary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ds_stilts.errors import StatisticsError


@dataclass(frozen=True, kw_only=True)
class Component:
    """One factor's part."""

    variance: float
    """In the squared unit of the scores; 0 where the estimate is negative."""
    share: float
    """Of the sum over factors and residual; a factor's share is its intraclass correlation: how alike two scores are
    that have only this factor in common."""
    p: float | None
    """F test of the factor having no effect; None for the residual."""
    n: int
    """Levels; of the residual its degrees of freedom."""


RESIDUAL = "residual"
"""Interactions and noise."""


def variance_components(scores: np.ndarray, factors: Sequence[str]) -> dict[str, Component]:
    """Each factor's part of the variance, and the residual's, of a full crossing.

    Args:
        scores: float, one axis for each factor.
        factors: names of the axes, such as ("order", "seed", "language").

    Raises:
        StatisticsError: another number of axes than names, a factor with one level, a missing score, or scores that
            are all equal.
    """
    from scipy import stats

    values = np.asarray(scores, np.float64)
    if values.ndim != len(factors) or min(values.shape, default=0) < 2 or len(factors) < 2:
        raise StatisticsError(
            f"variance components: scores of shape {values.shape} for {', '.join(factors)}; give one axis for each of "
            "at least two factors, each with at least two levels"
        )
    if not np.isfinite(values).all():
        raise StatisticsError("variance components: a score is missing; leave out the level that it belongs to")
    centred = values - values.mean()
    means = [centred.mean(axis=tuple(set(range(values.ndim)) - {axis})) for axis in range(values.ndim)]
    squares = [values.size / len(one) * float(one @ one) for one in means]
    df = [len(one) - 1 for one in means]
    residual_df = values.size - 1 - sum(df)
    residual = max(float((centred**2).sum()) - sum(squares), 0.0) / residual_df
    found = {
        name: max(square / own - residual, 0.0) * count / values.size
        for name, square, own, count in zip(factors, squares, df, values.shape, strict=True)
    }
    total = sum(found.values()) + residual
    if total == 0:
        raise StatisticsError("variance components: all scores are equal; there is no variance to divide")
    tests = [
        float(stats.f.sf(square / own / residual, own, residual_df)) if residual > 0 else 0.0
        for square, own in zip(squares, df, strict=True)
    ]
    parts = {
        name: Component(variance=variance, share=variance / total, p=p, n=count)
        for (name, variance), p, count in zip(found.items(), tests, values.shape, strict=True)
    }
    return {**parts, RESIDUAL: Component(variance=residual, share=residual / total, p=None, n=residual_df)}
