"""Tests against a margin: "no benefit" and "no worse" are claims of their own, not failed tests of a difference."""

from dataclasses import dataclass
from typing import Literal

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.bootstrap import Interval
from ds_stilts.statistics.estimate import Estimate, student


@dataclass(frozen=True, kw_only=True)
class MarginResult:
    """Whether a contrast lies within a margin."""

    claim: Literal["equivalent", "not worse"]
    estimate: float
    margin: float
    """In the estimate's unit, above 0."""
    interval: Interval
    """At level 1 − 2 alpha: the claim holds where it lies within the margin (above −margin, for "not worse")."""
    p: float
    """Of the claim being false."""
    holds: bool
    """p < alpha."""
    n: int
    method: str


def equivalence(contrast: Estimate, margin: float, *, alpha: float = 0.05) -> MarginResult:
    """Is the truth within ±margin? Two one-sided t tests (Schuirmann 1987), with the contrast's own standard error.

    Raises:
        StatisticsError: a margin that is not above 0, or a contrast that does not vary.
    """
    above = _p_not_above(contrast, -margin, margin)
    below = _p_not_above(_turned(contrast), -margin, margin)
    return _result("equivalent", contrast, margin, max(above, below), alpha, "two one-sided tests (TOST)")


def non_inferiority(contrast: Estimate, margin: float, *, alpha: float = 0.05) -> MarginResult:
    """Is the truth above −margin, where larger is better? One one-sided t test.

    Raises:
        StatisticsError: as `equivalence`.
    """
    p = _p_not_above(contrast, -margin, margin)
    return _result("not worse", contrast, margin, p, alpha, "one-sided non-inferiority test")


def _p_not_above(contrast: Estimate, bound: float, margin: float) -> float:
    """p of the truth being at most `bound`."""
    from scipy import stats

    if not margin > 0:
        raise StatisticsError(
            f"margin {margin}: a margin is above 0; give the largest difference that would not matter"
        )
    if contrast.interval is None:
        raise StatisticsError(
            f"contrast {contrast.estimate:g}: it has no standard error to hold against a margin ({contrast.method}); "
            "check that the arms are different runs, and that the fit converged"
        )
    return float(stats.t.sf((contrast.estimate - bound) / contrast.se, contrast.df))


def _turned(contrast: Estimate) -> Estimate:
    from dataclasses import replace

    return replace(contrast, estimate=-contrast.estimate)


def _result(
    claim: Literal["equivalent", "not worse"], contrast: Estimate, margin: float, p: float, alpha: float, test: str
) -> MarginResult:
    interval, _ = student(contrast.estimate, contrast.se, contrast.df, 1 - 2 * alpha)
    assert interval is not None, "a contrast that does not vary was refused"
    return MarginResult(
        claim=claim, estimate=contrast.estimate, margin=margin, interval=interval, p=p, holds=p < alpha,
        n=contrast.n, method=f"{test} with margin {margin:g}, on: {contrast.method}",
    )  # fmt: skip
