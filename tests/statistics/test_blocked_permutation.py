"""Permutations within families: exact where all orders can be counted, and honest where gains go by family."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.blocked_permutation import blocked_permutation, language_gains
from tests.statistics.bands import SIMULATIONS, at_most, in_band
from tests.statistics.gains import Gains


def test_p_is_that_of_all_orders_that_keep_families_together() -> None:
    """Families a a, b b, c: within a and b, and a with b, but c alone: 2 · 2 · 2 orders."""
    gains, covariate = np.array([0.1, 0.9, 2.0, 3.1, 7.0]), np.array([1.0, 2.0, 3.0, 5.0, 9.0])
    found = blocked_permutation(gains, covariate, list("aabbc"))
    assert found.method.startswith("family-blocked permutation test, all 8 orders of 5 languages")
    orders = [
        [*pair[0], *pair[1], 4]
        for first, second in ([(0, 1), (2, 3)], [(2, 3), (0, 1)])
        for pair in [(one, other) for one in permutations(first) for other in permutations(second)]
    ]
    slopes = [abs(stats.linregress(covariate, gains[order]).slope) for order in orders]
    assert len(orders) == 8 and found.least_p == 1 / 8
    assert found.p == pytest.approx(np.mean(np.array(slopes) >= slopes[0] - 1e-9))
    assert found.estimate == pytest.approx(stats.linregress(covariate, gains).slope)


def test_p_of_all_orders_is_a_share_of_them_and_never_below_the_least() -> None:
    draw, families = np.random.default_rng(3), list("abbcd")
    for _ in range(20):
        gains, covariate = draw.normal(size=5), draw.normal(size=5)
        exact = blocked_permutation(gains, covariate, families)  # 3! · 2 orders
        assert exact.least_p == 1 / 12 <= exact.p and 12 * exact.p == pytest.approx(round(12 * exact.p))
        some = blocked_permutation(gains, covariate, families, resamples=11)
        assert some.method.startswith("family-blocked permutation test, 11 random orders") and some.least_p >= 1 / 12


def test_a_covariate_that_is_one_number_in_a_family_raises_the_least_p() -> None:
    """Of 48 orders of aa, bb, cc the 8 within families change nothing: no p is below 8 / 48, however clear the slope
    is; and where families' covariates lie evenly the mirrored order is as steep."""
    families, gains = list("aabbcc"), np.array([1.0, 1.1, 2.0, 2.1, 9.0, 9.2])
    found = blocked_permutation(gains, np.array([1.0, 1.0, 2.0, 2.0, 5.0, 5.0]), families)
    assert found.p == found.least_p == pytest.approx(8 / 48)
    even = blocked_permutation(gains - gains.mean(), np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0]), families)
    assert even.p == even.least_p == pytest.approx(16 / 48)
    drawn = blocked_permutation(gains, np.array([1.0, 1.0, 2.0, 2.0, 5.0, 5.0]), families, resamples=47)
    assert 0.05 < drawn.least_p < 0.4


def test_gains_that_go_by_family_are_not_taken_for_a_slope() -> None:
    """Families differ in gain and covariate, without any slope: shuffling over all languages finds one all the same."""
    draw, blocked, plain = np.random.default_rng(1), 0, 0
    families = np.repeat(np.arange(6), 3)
    for number in range(SIMULATIONS):
        gains = draw.normal(size=6)[families] + 0.3 * draw.normal(size=18)
        covariate = draw.normal(size=6)[families] + 0.3 * draw.normal(size=18)
        blocked += blocked_permutation(gains, covariate, families.tolist(), resamples=199, seed=number).p <= 0.05
        plain += blocked_permutation(gains, covariate, [0] * 18, resamples=199, seed=number).p <= 0.05
    assert in_band(blocked, 0.05)
    assert not at_most(plain, 0.2)


def test_a_true_slope_is_found() -> None:
    draw, hits = np.random.default_rng(2), 0
    for number in range(100):
        rows = Gains(num_languages=24, num_families=6, slope=1.5, family=0.3).rows(draw)
        keys = ("languages_N", "tasks_N", "seeds_N")
        gains = language_gains(rows["gains_N"], **{key: rows[key] for key in keys})
        covariate = rows["covariate_N"].reshape(24, -1)[:, 0]
        families = np.reshape(rows["families_N"], (24, -1))[:, 0].tolist()
        by_language = np.array(list(gains.values()))
        hits += blocked_permutation(by_language, covariate, families, resamples=99, seed=number).p < 0.05
    assert hits > 80


def test_gains_of_languages_are_means_where_all_is_crossed_and_fair_where_a_task_is_missing() -> None:
    languages, tasks, seeds = (axis.ravel() for axis in np.indices((4, 3, 2)))
    own, of_task, of_seed = np.array([1.0, 2.0, 3.0, 4.0]), np.array([-10.0, 0.0, 10.0]), np.array([-1.0, 1.0])
    gains = own[languages] + of_task[tasks] + of_seed[seeds]
    kept = ~((languages == 3) & (tasks == 0))  # the last language lacks the task that gains least
    found = language_gains(gains, languages_N=languages.tolist(), tasks_N=tasks.tolist(), seeds_N=seeds.tolist())
    fair = language_gains(
        gains[kept],
        languages_N=languages[kept].tolist(),
        tasks_N=tasks[kept].tolist(),
        seeds_N=seeds[kept].tolist(),
    )
    assert list(found.values()) == pytest.approx(own)
    assert np.diff(list(fair.values())) == pytest.approx(np.diff(own))


@pytest.mark.parametrize(
    ("gains", "covariate", "families", "word"),
    [([1.0, 2.0], [1.0, 2.0], "a", "one of each"), ([1.0, 2.0], [1.0, 1.0], "ab", "differ"),
     ([1.0, 2.0, 3.0], [1.0, np.nan, 2.0], "aab", "finite"), ([1.0], [1.0], "a", "differ"),
     ([], [], "", "one of each")],
)  # fmt: skip
def test_what_cannot_be_shuffled_is_refused(gains, covariate, families: str, word: str) -> None:
    with pytest.raises(StatisticsError, match=word):
        blocked_permutation(np.array(gains), np.array(covariate), list(families))
