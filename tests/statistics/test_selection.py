"""The best of several arms: what nested selection is for, shown on arms of which none is better than another."""

import numpy as np
import pytest

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.selection import best_of, choose
from tests.statistics.bands import SIMULATIONS, in_band

ARMS = 8


def test_the_arm_is_chosen_on_some_seeds_and_scored_on_the_others() -> None:
    scores = np.array([[5.0, 5.0, 1.0, 2.0], [4.0, 4.0, 9.0, 9.5]])
    found = best_of(scores, np.array([0.0, 0.0, 1.0, 1.0]))
    assert (found.choice.arm, found.choice.chosen_on, found.choice.score_on) == (0, (0, 1), (2, 3))
    assert (found.estimate, found.n) == (0.5, 2)
    assert found.optimistic == pytest.approx(6.625 - 0.5)  # arm 1 over all seeds
    assert found.choice.stability == pytest.approx(1 / 6)  # of six pairs of seeds only {0, 1} choose arm 0


def test_what_is_looked_at_to_choose_may_be_another_split() -> None:
    dev = np.array([[1.0, 1.0, 9.0, 9.0], [2.0, 2.0, 0.0, 0.0]])
    test = np.array([[5.0, 5.0, 5.0, 6.0], [1.0, 1.0, 1.0, 3.0]])
    assert best_of(test, np.zeros(4), selection_KS=dev).estimate == 2.0
    assert best_of(test, np.zeros(4), selection_KS=dev, chosen_on=[3, 2]).choice.score_on == (0, 1)


@pytest.mark.parametrize("num_seeds", [6, 10])
def test_95_percent_of_nested_intervals_hold_the_truth(num_seeds: int) -> None:
    """Truths differ by arm; the one that counts is that of the arm that was chosen."""
    draw, held = np.random.default_rng(1), 0
    truths = np.linspace(0, 0.6, ARMS)
    for _ in range(SIMULATIONS):
        found = best_of(truths[:, None] + draw.normal(size=(ARMS, num_seeds)), draw.normal(size=num_seeds))
        assert found.interval is not None
        held += found.interval[0] <= truths[found.choice.arm] <= found.interval[1]
    assert in_band(held, 0.95)


def test_choosing_and_scoring_on_the_same_seeds_finds_a_winner_where_there_is_none() -> None:
    draw, nested, curse = np.random.default_rng(2), [], []
    for _ in range(SIMULATIONS):
        found = best_of(draw.normal(size=(ARMS, 6)), draw.normal(size=6))
        nested.append(found.estimate)
        curse.append(found.optimistic)
    assert abs(np.mean(nested)) < 3 * np.std(nested) / SIMULATIONS**0.5
    # The mean of the largest of eight normal deviates is 1.42 (David and Nagaraja 2003); of means of six, 1.42 / √6.
    assert np.mean(curse) == pytest.approx(1.42 / 6**0.5, abs=3 * np.std(curse) / SIMULATIONS**0.5)


def test_choosing_on_dev_with_the_same_seeds_keeps_part_of_the_curse() -> None:
    """Why seeds are split even where the choice is made on dev: both splits share the luck of the seed."""
    draw, same, nested = np.random.default_rng(3), [], []
    for _ in range(SIMULATIONS):
        luck = draw.normal(size=(ARMS, 6))
        dev, test = luck + 0.5 * draw.normal(size=luck.shape), luck + 0.5 * draw.normal(size=luck.shape)
        same.append(test[dev.mean(axis=1).argmax()].mean())
        nested.append(best_of(test, np.zeros(6), selection_KS=dev).estimate)
    assert np.mean(same) > 0.4
    assert abs(np.mean(nested)) < 3 * np.std(nested) / SIMULATIONS**0.5


@pytest.mark.parametrize(
    ("shape", "chosen_on", "word"),
    [
        ((2, 2), None, "2 seeds"),
        ((2, 4), [0, 1, 2], "two others"),
        ((2, 4), [9], "there, 9 of them"),
        ((0, 4), None, "each arm"),
    ],
)
def test_too_few_seeds_on_either_side_are_refused(
    shape: tuple[int, int], chosen_on: list[int] | None, word: str
) -> None:
    with pytest.raises(StatisticsError, match=word):
        choose(np.zeros(shape), chosen_on)
    with pytest.raises(StatisticsError):
        best_of(np.zeros(shape), np.zeros(shape[1] + 1))
