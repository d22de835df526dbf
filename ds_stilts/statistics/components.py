"""Where the variance of scores comes from: order of training, seed, language, or what is left.

Scores of a full crossing, one for each combination of levels. The components are those of random effects, by the method
of moments (analysis of variance: Searle, Casella and McCulloch 1992, chapter 4): what a factor's means vary, less what
the rest makes them vary. Two factors of which each combination is one run, such as order and seed, can have a part of
their own: its luck is in all scores of the run, and would otherwise be taken for an effect of both factors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

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
    """F test of the factor having no effect; None for the residual, and for a factor that does not vary where nothing
    else does: there is no luck to hold it against."""
    n: int
    """Levels, of two factors together their combinations; of the residual its degrees of freedom."""


RESIDUAL = "residual"
"""Noise, and interactions that have no part of their own."""


_ROUNDING = 1e-20
"""Share of the scores' sum of squares below which one is rounding: differences of 10^-10 of a score."""


def pair_name(pair: tuple[str, str]) -> str:
    """The part that two factors have together: "order × seed"."""
    return " × ".join(pair)


def variance_components(
    scores: np.ndarray, factors: Sequence[str], *, together: tuple[str, str] | None = None
) -> dict[str, Component]:
    """Each factor's part of the variance, and the residual's, of a full crossing.

    Args:
        scores: float, one axis for each factor.
        factors: names of the axes, such as ("order", "seed", "language").
        together: two factors whose combinations have a part of their own, named by `pair_name`; it takes a third
            factor to tell it from the residual. Variance and test of the two are what they have beyond that part.

    Raises:
        StatisticsError: another number of axes than names, a factor with one level, a missing score, scores that are
            all equal, or `together` without a third factor.
    """
    values = np.asarray(scores, np.float64)
    if values.ndim != len(factors) or min(values.shape, default=0) < 2 or len(factors) < 2:
        raise StatisticsError(
            f"variance components: scores of shape {values.shape} for {', '.join(factors)}; give one axis for each of "
            "at least two factors, each with at least two levels"
        )
    if not np.isfinite(values).all():
        raise StatisticsError("variance components: a score is missing; leave out the level that it belongs to")
    if together and (len(factors) < 3 or len(set(together) & set(factors)) < 2):
        raise StatisticsError(
            f"variance components: {pair_name(together)} cannot have a part of its own among {', '.join(factors)}; "
            "give scores along a third factor, and two of the factors' names"
        )
    centred = values - values.mean()
    axes: dict[str, tuple[int, ...]] = {name: (axis,) for axis, name in enumerate(factors)}
    squares = {name: _square(centred, own) for name, own in axes.items()}
    df = {name: values.shape[axis] - 1 for axis, name in enumerate(factors)}
    if together:
        pair, (first, second) = pair_name(together), together
        axes[pair] = (*axes[first], *axes[second])
        squares[pair] = max(_square(centred, axes[pair]) - squares[first] - squares[second], 0.0)
        df[pair] = df[first] * df[second]
    df[RESIDUAL] = values.size - 1 - sum(df.values())
    squares[RESIDUAL] = max(float((centred**2).sum()) - sum(squares.values()), 0.0)
    # Of runs that all score the same, what rounding leaves of a sum would be tested against what it leaves of another.
    nothing = _ROUNDING * float((values**2).sum())
    mean = {name: square / df[name] if square > nothing else 0.0 for name, square in squares.items()}
    # What a part's mean square is expected to be without the part.
    rest = {name: pair if together and name in together else RESIDUAL for name in axes}
    levels = {name: prod(values.shape[axis] for axis in own) for name, own in axes.items()}
    found = {name: max(mean[name] - mean[rest[name]], 0.0) * levels[name] / values.size for name in axes}
    total = sum(found.values()) + mean[RESIDUAL]
    if total == 0:
        raise StatisticsError("variance components: all scores are equal; there is no variance to divide")
    parts = {
        name: Component(
            variance=variance,
            share=variance / total,
            p=_p(mean[name], mean[rest[name]], df[name], df[rest[name]]),
            n=levels[name],
        )
        for name, variance in found.items()
    }
    residual = Component(variance=mean[RESIDUAL], share=mean[RESIDUAL] / total, p=None, n=df[RESIDUAL])
    return {**parts, RESIDUAL: residual}


def _p(mean: float, rest: float, df: int, rest_df: int) -> float | None:
    """Of the F test of a mean square against another."""
    from scipy import stats

    if not rest:
        return 0.0 if mean else None
    return float(stats.f.sf(mean / rest, df, rest_df))


def _square(centred: np.ndarray, kept: tuple[int, ...]) -> float:
    """Sum of squares of the means over all axes but these."""
    means = centred.mean(axis=tuple(set(range(centred.ndim)) - set(kept)))
    return centred.size / means.size * float((means**2).sum())
