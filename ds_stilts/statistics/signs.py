"""Exact tests over paired seeds that ask for no normal distribution: the sign test and the sign-flip test.

Both are exact, and both are of these test items: what all seeds share because they were scored on the same items shifts
every sign alike. Their p has a floor that only more seeds lower: of n pairs all in one direction, two-sided, 2/2^n.
"""

from dataclasses import dataclass
from math import ceil, log2

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.estimate import paired_differences

MOST_FLIPS = 100_000
"""Patterns of signs that are gone through at most: all of 16 pairs, that many random ones of more."""


@dataclass(frozen=True, kw_only=True)
class SignResult:
    """A test of paired seeds."""

    estimate: float
    """What is tested: the share of pairs above 0 of those that differ, or the mean difference."""
    p: float
    """Two-sided."""
    least_p: float
    """The smallest p that this number of pairs can give."""
    n: int
    """Pairs that count."""
    method: str


def least_p(num_seeds: int) -> float:
    """The smallest two-sided p that a sign or sign-flip test over so many pairs can give: 2/2^n, at most 1."""
    return min(1.0, 2.0 ** (1 - num_seeds))


def least_seeds(alpha: float = 0.05, num_tests: int = 1) -> int:
    """How many paired seeds a sign or sign-flip test needs to be able to reject at all, two-sided.

    Args:
        alpha: error rate of all tests together.
        num_tests: tests that share it: the smallest p of a family has to pass alpha / num_tests (Holm).
    """
    return max(1, ceil(1 - log2(alpha / num_tests) - 1e-9))


def sign_test(ours_S: np.ndarray, theirs_S: np.ndarray) -> SignResult:
    """Is one arm ahead for more seeds than chance would have it? Equal pairs do not count (Dixon and Mood 1946).

    Raises:
        StatisticsError: as `paired_differences`, or all pairs are equal.
    """
    from scipy import stats

    differences = paired_differences(ours_S, theirs_S)
    ahead, behind = int((differences > 0).sum()), int((differences < 0).sum())
    if ahead + behind == 0:
        raise StatisticsError(f"sign test: both arms score the same for all {len(differences)} seeds; nothing to test")
    return SignResult(
        estimate=ahead / (ahead + behind),
        p=float(stats.binomtest(ahead, ahead + behind).pvalue),
        least_p=least_p(ahead + behind),
        n=ahead + behind,
        method=f"exact sign test over {ahead + behind} pairs",
    )


def sign_flip_test(ours_S: np.ndarray, theirs_S: np.ndarray, *, seed: int = 0) -> SignResult:
    """Is the mean difference larger than when each pair's arms are swapped at random? (Fisher 1935, section 21.)

    All patterns of swaps if there are at most `MOST_FLIPS`, else that many random ones drawn with `seed`.

    Raises:
        StatisticsError: as `paired_differences`.
    """
    from scipy import stats

    differences = paired_differences(ours_S, theirs_S)
    found = stats.permutation_test(
        (differences,), _mean, permutation_type="samples", vectorized=True, batch=1 << 12,
        n_resamples=MOST_FLIPS, rng=np.random.default_rng(seed),
    )  # fmt: skip
    exact = 2 ** len(differences) <= MOST_FLIPS
    kind = "exact" if exact else f"random ({MOST_FLIPS} draws)"
    return SignResult(
        estimate=float(differences.mean()),
        p=float(found.pvalue),
        least_p=least_p(len(differences)) if exact else 2 / (MOST_FLIPS + 1),
        n=len(differences),
        method=f"{kind} sign-flip test over {len(differences)} pairs",
    )


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    return values.mean(axis=axis)
