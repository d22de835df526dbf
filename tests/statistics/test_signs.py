"""Exact tests of signs against plain enumeration, and against what exact means: never more false alarms than p says."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.signs import least_p, least_seeds, sign_flip_test, sign_test
from tests.statistics.bands import SIMULATIONS, at_most, in_band


def flipped(differences: np.ndarray) -> float:
    """p of the mean, by going through all patterns of signs."""
    sums = [abs(np.dot(signs, differences)) for signs in product((1, -1), repeat=len(differences))]
    return sum(one >= abs(differences.sum()) - 1e-12 for one in sums) / len(sums)


def test_a_sign_flip_test_goes_through_all_patterns() -> None:
    draw = np.random.default_rng(1)
    for num_seeds in (2, 5, 9, 12):
        ours, theirs = draw.normal(0.5, 1, num_seeds), draw.normal(0, 1, num_seeds)
        assert sign_flip_test(ours, theirs).p == pytest.approx(flipped(ours - theirs), abs=1e-12)


def test_a_sign_flip_test_counts_ties_as_extreme() -> None:
    ours = np.array([1.0, 1.0, 1.0, -1.0, 2.0, 0.0])
    assert sign_flip_test(ours, np.zeros(6)).p == pytest.approx(flipped(ours), abs=1e-12)


def test_many_pairs_are_flipped_at_random_and_the_same_way_each_time() -> None:
    draw = np.random.default_rng(2)
    ours = draw.normal(0.4, 1, 40)
    found = sign_flip_test(ours, np.zeros(40), seed=1)
    assert sign_flip_test(np.arange(1.0, 18), np.zeros(17)).p >= found.least_p == 2 / 100_001
    assert found == sign_flip_test(ours, np.zeros(40), seed=1) and found.method.startswith("random")
    assert found.p == pytest.approx(stats.ttest_1samp(ours, 0).pvalue, abs=0.01)


def test_a_sign_test_is_binomial_over_pairs_that_differ() -> None:
    ours, theirs = np.array([1, 2, 3, 4, 5, 6, 7.0]), np.array([0, 1, 2, 3, 4, 6, 8.0])
    found = sign_test(ours, theirs)
    assert (found.n, found.estimate) == (6, pytest.approx(5 / 6))
    assert found.p == pytest.approx(2 * (1 + 6) / 2**6)
    with pytest.raises(StatisticsError, match="nothing to test"):
        sign_test(ours, ours)


def test_five_seeds_cannot_reject_and_six_can() -> None:
    ahead = np.arange(1.0, 6.0)
    assert sign_test(ahead, np.zeros(5)).p == sign_flip_test(ahead, np.zeros(5)).p == least_p(5) == 0.0625
    assert least_seeds() == 6 and least_p(6) == 0.03125


@pytest.mark.parametrize(("alpha", "num_tests"), [(0.05, 1), (0.05, 2), (0.05, 8), (0.0625, 1), (0.01, 1), (1.0, 1)])
def test_the_least_number_of_seeds_is_the_first_that_can_reject(alpha: float, num_tests: int) -> None:
    found = least_seeds(alpha, num_tests)
    assert least_p(found) <= alpha / num_tests
    assert found == 1 or least_p(found - 1) > alpha / num_tests


@pytest.mark.parametrize("num_seeds", [6, 10])
@pytest.mark.parametrize("test", [sign_test, sign_flip_test])
def test_at_most_five_percent_are_false_alarms(test, num_seeds: int) -> None:
    """Skewed seeds in both arms, of different size in each pair; the rate is the exact one of so few patterns."""
    draw, hits = np.random.default_rng(3), 0
    for _ in range(SIMULATIONS):
        ours, theirs = draw.exponential(size=(2, num_seeds)) * draw.uniform(0.5, 2, num_seeds)
        hits += test(ours, theirs).p <= 0.05
    exact = {(sign_test, 6): 2 / 64, (sign_test, 10): 22 / 1024, (sign_flip_test, 6): 2 / 64}
    assert at_most(hits, 0.05) and in_band(hits, exact.get((test, num_seeds), 50 / 1024))
