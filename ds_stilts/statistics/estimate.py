"""What an estimate is: a value with its standard error, from which its interval and its p follow by Student's t.

Interval, p, equivalence and power all use the same standard error and degrees of freedom, so that a 95 % interval
leaves out 0 exactly where p < 0.05.
"""

from dataclasses import dataclass

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.bootstrap import LEVEL, Interval

_ROUNDING = 1e-10
"""Share of their size by which numbers differ through rounding alone: one item of 10^8 moves a score by more."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean or a slope, in the unit of what it was made from (points, where scores are in percent)."""

    estimate: float
    se: float
    """Standard error; 0 where nothing varies, which shows no certainty: there is then neither interval nor p."""
    df: float
    """Degrees of freedom of the standard error."""
    level: float
    """How often intervals made this way hold the truth."""
    interval: Interval | None
    p: float | None
    """Two-sided, of the truth being 0; None where that is not asked."""
    n: int
    """Independent units: pairs of seeds, or languages."""
    method: str
    """What was done, in words for a table's foot."""


def student(estimate: float, se: float, df: float, level: float = LEVEL) -> tuple[Interval | None, float | None]:
    """Interval and two-sided p by Student's t; None for both where the standard error is 0."""
    from scipy import stats

    if not se > 0:
        return None, None
    half = float(stats.t.ppf((1 + level) / 2, df)) * se
    return (estimate - half, estimate + half), float(2 * stats.t.sf(abs(estimate) / se, df))


def satterthwaite(*parts: tuple[float, float]) -> tuple[float, float]:
    """Variance, and degrees of freedom, of a sum of independent parts, each a (variance, degrees of freedom).

    Of parts v with ν degrees of freedom: (Σ w)² / Σ w²/ν with w = v·(ν + 2)/ν. With w = v this is Satterthwaite 1946
    and Welch 1947; but where a part of few degrees of freedom comes out small by chance, the variance is then too small
    and the degrees of freedom too many, and at six seeds up to 5.6 % of tests reject a truth of 0. The weight is ours:
    with it at most 5.2 % do, whatever the parts' sizes. One part alone keeps its ν. 0 for both where there is no
    variance.
    """
    total = sum(variance for variance, _ in parts)
    weights = [(variance * (df + 2) / df, df) for variance, df in parts]
    if not total > 0:
        return 0.0, 0.0
    return total, sum(weight for weight, _ in weights) ** 2 / sum(weight**2 / df for weight, df in weights)


def paired_differences(ours_S: np.ndarray, theirs_S: np.ndarray) -> np.ndarray:
    """ours − theirs, float64 [seeds]: place s of both is the same seed.

    Raises:
        StatisticsError: shapes differ, fewer than two seeds, or a value is not finite.
    """
    ours, theirs = np.asarray(ours_S, np.float64), np.asarray(theirs_S, np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise StatisticsError(
            f"paired seeds: one arm has scores of shape {ours.shape}, the other {theirs.shape}; give one score for "
            "each seed that both arms have run"
        )
    return checked(ours - theirs)


def checked(values_S: np.ndarray) -> np.ndarray:
    """The same, if there are at least two finite values."""
    if len(values_S) < 2:
        raise StatisticsError(f"{len(values_S)} paired seed(s): a spread over seeds needs at least 2; run more seeds")
    if not np.isfinite(values_S).all():
        place = int(np.flatnonzero(~np.isfinite(values_S))[0])
        raise StatisticsError(f"seed {place} (counted from 0): {values_S[place]} is no score; run that seed again")
    return values_S


def paired_contrast(ours_S: np.ndarray, theirs_S: np.ndarray, *, level: float = LEVEL) -> Estimate:
    """Mean of ours − theirs over paired seeds, one score each (Student 1908).

    The test items are taken as they are: the interval covers another choice of seeds, not another of items, which
    `multi_bootstrap` covers too.

    Args:
        ours_S: float [seeds]; place s is the same seed in both.
        theirs_S: float [seeds].

    Raises:
        StatisticsError: as `paired_differences`.
    """
    differences = paired_differences(ours_S, theirs_S)
    num_seeds, size = len(differences), max(np.abs(ours_S).max(), np.abs(theirs_S).max())
    # Of equal differences the mean may be another float, and a p next to 0 would follow from its distance to them.
    varies = np.ptp(differences) > _ROUNDING * size
    estimate, se = float(differences.mean()), float(differences.std(ddof=1)) / num_seeds**0.5 if varies else 0.0
    interval, p = student(estimate, se, num_seeds - 1, level)
    return Estimate(
        estimate=estimate, se=se, df=num_seeds - 1, level=level, interval=interval, p=p, n=num_seeds,
        method=f"paired t over {num_seeds} seeds, test items as given",
    )  # fmt: skip
