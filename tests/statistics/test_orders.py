"""Orders exchanged within seeds: exact where all permutations can be counted, honest where orders do not differ."""

from itertools import permutations, product

import numpy as np
import pytest

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.orders import order_test
from ds_stilts.statistics.signs import sign_flip_test
from tests.statistics.bands import SIMULATIONS, at_most, in_band


def test_p_is_that_of_all_permutations_within_seeds() -> None:
    """Counted by hand over every seed's orders, the first seed's too: 6 · 6 · 6 of three orders and seeds."""
    scores = np.array([[71.0, 69.5, 72.0], [70.2, 69.0, 70.1], [68.0, 69.9, 69.3]])
    found = order_test(scores, most=36)
    columns = [[list(order) for order in permutations(column)] for column in scores.T]
    variances = [np.var(np.mean(chosen, axis=0), ddof=1) for chosen in product(*columns)]
    observed = np.var(scores.mean(axis=1), ddof=1)
    assert len(variances) == 216 and (found.permutations, found.is_exact) == (36, True)
    assert found.p == pytest.approx(np.mean(np.array(variances) >= observed - 1e-9))
    assert found.sd == pytest.approx(observed**0.5)
    assert found.method == "permutation test of 3 orders within 3 seeds, all 36 permutations"


def test_of_two_orders_it_is_the_sign_flip_test() -> None:
    ours, theirs = np.random.default_rng(1).normal(size=(2, 7))
    assert order_test(np.stack([ours, theirs])).p == pytest.approx(sign_flip_test(ours, theirs).p)


def test_random_permutations_come_near_all_of_them_and_count_the_observed_one() -> None:
    scores = np.random.default_rng(2).normal(size=(4, 3)) + np.arange(4.0)[:, None] / 2
    every, some = order_test(scores), order_test(scores, most=500)
    assert every.is_exact and every.permutations == 576 and not some.is_exact and some.permutations == 500
    assert some.p == pytest.approx(every.p, abs=3 * (every.p * (1 - every.p) / 500) ** 0.5 + 1 / 500)
    apart = order_test(100 * np.arange(4.0)[:, None] + scores, most=500)
    assert apart.p == apart.least_p == 1 / 501


def test_orders_that_do_not_differ_are_found_as_often_as_alpha_says() -> None:
    """Seeds differ much, runs are skewed; what a seed adds to all of its runs may not count."""
    draw, alarms, found = np.random.default_rng(3), 0, 0
    for number in range(SIMULATIONS):
        scores = 3 * draw.normal(size=6) + draw.exponential(size=(4, 6))
        alarms += order_test(scores, most=199, seed=number).p <= 0.05
        found += order_test(scores + np.arange(4.0)[:, None], most=199, seed=number).p <= 0.05
    assert in_band(alarms, 0.05)
    assert not at_most(found, 0.8), "orders one point apart, each with runs of SD 1"


def test_luck_is_what_spreads_the_means_of_orders_that_do_not_differ_and_stays_what_it_is_where_they_do() -> None:
    draw = np.random.default_rng(4)
    scores = [2 * draw.normal(size=5) + draw.normal(size=(4, 5)) for _ in range(300)]
    alike = [order_test(one, most=9) for one in scores]
    apart = [order_test(one + 10 * np.arange(4.0)[:, None], most=9) for one in scores]
    luck = np.mean([one.by_luck**2 for one in alike])
    assert luck == pytest.approx(1 / 5, rel=0.1) and np.mean([one.sd**2 for one in alike]) == pytest.approx(
        luck, rel=0.2
    )
    assert [one.by_luck for one in apart] == pytest.approx([one.by_luck for one in alike])


def test_orders_that_differ_without_seeds_that_do_have_the_least_p() -> None:
    scores = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [5.0, 5.0, 5.0]])
    assert order_test(scores).p == order_test(scores).least_p == pytest.approx(1 / 36)
    assert order_test(np.ones((3, 3))).p == 1, "nothing differs: every permutation is as large"


@pytest.mark.parametrize("scores", [np.ones((1, 3)), np.ones((3, 1)), np.ones(3), np.array([[1.0, np.nan]] * 2)])
def test_scores_that_leave_nothing_to_exchange_are_refused(scores: np.ndarray) -> None:
    with pytest.raises(StatisticsError, match="at least two orders"):
        order_test(scores)
