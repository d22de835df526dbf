"""Do runs differ by the order of their tasks? A permutation test over orders, within seeds.

Under the null hypothesis the order changes nothing, so within a seed the orders' scores might as well have changed
places; what a seed adds to all of its runs is left where it is. The statistic is the variance of the orders' means
(blocks of exchangeable scores: Fisher 1935; Winkler et al. 2015, doi:10.1016/j.neuroimage.2015.05.092). No distribution
is assumed. The test is of these test items, as `signs`: of two orders it is the sign-flip test.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np

from ds_stilts.errors import StatisticsError

MOST_PERMUTATIONS = 20_000
"""Gone through at most: all of four orders with four seeds (13,824), that many random ones of more."""


@dataclass(frozen=True, kw_only=True)
class OrderResult:
    """Of orders that were all run with the same seeds."""

    sd: float
    """Standard deviation of the orders' means, in the unit of the scores. Luck alone makes it more than 0."""
    by_luck: float
    """What that would be, root mean square, where runs differed by their luck alone: from what is left of the scores
    beside their order's mean and their seed's."""
    p: float
    """That of an SD at least as large by chance."""
    least_p: float
    """The smallest p that these orders and seeds can give."""
    permutations: int
    is_exact: bool
    """All permutations, not random ones."""
    orders: int
    seeds: int
    method: str


def order_test(scores_OS: np.ndarray, *, most: int = MOST_PERMUTATIONS, seed: int = 0) -> OrderResult:
    """Do the orders' means lie further apart than after exchanging orders within seeds?

    Args:
        scores_OS: float [orders, seeds], one score of each run.
        most: permutations; if there are no more than that, all are gone through, else that many random ones count,
            and the observed one as one more (Phipson and Smyth 2010).

    Raises:
        StatisticsError: fewer than two orders or two seeds, or a missing score.
    """
    from scipy import stats

    scores = np.asarray(scores_OS, np.float64)
    if scores.ndim != 2 or min(scores.shape) < 2 or not np.isfinite(scores).all():
        raise StatisticsError(
            f"order test: scores of shape {scores.shape}; give a finite score for each of at least two orders (rows) "
            "with each of at least two seeds (columns)"
        )
    orders, seeds = scores.shape
    # Exchanging orders in all seeds alike changes nothing: the first seed stays as it is.
    still, exchanged = scores[:, 0], tuple(scores[:, 1:].T)

    def variance(*of_seeds: np.ndarray, axis: int) -> np.ndarray:
        return np.var((still + sum(of_seeds)) / seeds, axis=axis, ddof=1)

    left = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    luck = float((left**2).sum()) / ((orders - 1) * (seeds - 1))
    found = stats.permutation_test(
        exchanged, variance, permutation_type="pairings", vectorized=True, alternative="greater", batch=1 << 12,
        n_resamples=most, rng=np.random.default_rng(seed),
    )  # fmt: skip
    possible = factorial(orders) ** (seeds - 1)
    is_exact = possible <= most
    permutations = possible if is_exact else most
    kind = f"all {permutations:,}" if is_exact else f"{permutations:,} random"
    return OrderResult(
        sd=float(np.sqrt(found.statistic)),
        by_luck=(luck / seeds) ** 0.5,
        p=float(found.pvalue),
        least_p=1 / possible if is_exact else 1 / (most + 1),
        permutations=permutations,
        is_exact=is_exact,
        orders=orders,
        seeds=seeds,
        method=f"permutation test of {orders} orders within {seeds} seeds, {kind} permutations",
    )
