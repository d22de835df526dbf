"""Regret@k and rank correlation, by hand and by going through every draw."""

from itertools import combinations

import numpy as np
import pytest

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.regret import chance_regret, rank_correlation, regret

SCORES = [50.0, 80.0, 60.0, 40.0]


def test_regret_is_what_the_best_of_the_first_k_lacks_of_the_best_score() -> None:
    predicted = [0.9, 0.1, 0.8, 0.7]  # the order 50, 60, 40, 80
    assert regret(SCORES, predicted, 1) == pytest.approx(37.5)  # (80 - 50) / 80
    assert regret(SCORES, predicted, 2) == pytest.approx(25.0)  # (80 - 60) / 80
    assert regret(SCORES, predicted, 3) == pytest.approx(25.0)  # 40 adds nothing
    assert regret(SCORES, predicted, 4) == 0


def test_nothing_is_lost_once_the_best_arm_is_among_the_first() -> None:
    assert regret(SCORES, SCORES, 1) == 0
    assert regret(SCORES, [0.5, 0.4, -0.2, -0.3], 2) == 0


def test_arms_of_equal_prediction_stand_in_no_order() -> None:
    assert regret(SCORES, [0.5, 0.5, 0.2, 0.1], 1) == pytest.approx(18.75)  # 37.5 or 0
    assert regret(SCORES, [0.5, 0.2, 0.9, 0.2], 3) == pytest.approx(12.5)  # 60 and 50, then 80 or 40: 0 or 25
    assert regret(SCORES, [0.3] * 4, 2) == pytest.approx(chance_regret(SCORES, 2))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_chance_is_the_mean_over_every_choice_of_k_arms(k: int) -> None:
    draws = [100 * (80 - max(chosen)) / 80 for chosen in combinations(SCORES, k)]
    assert chance_regret(SCORES, k) == pytest.approx(np.mean(draws))


def test_chance_of_one_arm_by_hand() -> None:
    assert chance_regret(SCORES, 1) == pytest.approx(28.125)  # (80 - 57.5) / 80
    assert chance_regret(SCORES, 2) == pytest.approx(100 * (80 - (3 * 80 + 2 * 60 + 50) / 6) / 80)


def test_ranks_agree_by_spearman_with_equal_values_at_their_mean_rank() -> None:
    assert rank_correlation(SCORES, [0.2, 0.9, 0.3, 0.1]) == pytest.approx(1.0)
    # Ranks 2 4 3 1 and 1 3 2 4: squared differences 1 + 1 + 1 + 9, so 1 - 6 * 12 / (4 * 15).
    assert rank_correlation(SCORES, [0.1, 0.3, 0.2, 0.4]) == pytest.approx(-0.2)
    # Ranks 1 2 3 and 1.5 1.5 3: covariance 1.5, variances 2 and 1.5 (sums of squares).
    assert rank_correlation([1.0, 2.0, 3.0], [5.0, 5.0, 7.0]) == pytest.approx(1.5 / 3**0.5)


def test_two_arms_or_a_constant_side_have_no_rank_correlation() -> None:
    assert rank_correlation([1.0, 2.0], [1.0, 2.0]) is None
    assert rank_correlation(SCORES, [0.5] * 4) is None
    assert rank_correlation([7.0] * 4, SCORES) is None


@pytest.mark.parametrize(
    ("scores", "predicted", "k", "said"),
    [
        (SCORES, SCORES, 0, "0 of 4 arms cannot be chosen"),
        (SCORES, SCORES, 5, "5 of 4 arms cannot be chosen"),
        ([0.0, 0.0], [1.0, 2.0], 1, "a share of the best score"),
        ([float("nan"), 1.0], [1.0, 2.0], 1, "a share of the best score"),
        (SCORES, [1.0, float("nan"), 2.0, 3.0], 1, "one finite prediction for each"),
        (SCORES, [1.0], 1, "one finite prediction for each"),
    ],
)
def test_what_has_no_regret_is_refused(scores: list[float], predicted: list[float], k: int, said: str) -> None:
    with pytest.raises(StatisticsError, match=said):
        regret(scores, predicted, k)
