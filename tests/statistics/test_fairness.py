"""Aggregates over languages, on numbers that can be checked by eye."""

import numpy as np
import pytest

from ds_stilts.statistics.fairness import fairness, family_mean, gini, worst_decile


def test_all_aggregates_of_a_small_table() -> None:
    found = fairness(np.array([80.0, 60.0, 70.0, 50.0]), ["a", "a", "a", "b"])
    assert (found.mean, found.worst, found.worst_place, found.n) == (65.0, 50.0, 3, 4)
    assert found.family_mean == pytest.approx((70 + 50) / 2)
    # All ordered pairs: 2·(20+10+30+10+10+20) = 200; 200 / (2 · 16 · 65).
    assert found.gini == pytest.approx(200 / (2 * 16 * 65))


def test_the_worst_decile_takes_part_of_a_language_where_a_tenth_is_no_whole_number() -> None:
    values = np.arange(15.0)[::-1]
    assert worst_decile(values) == pytest.approx((0 + 0.5 * 1) / 1.5)
    assert worst_decile(np.arange(20.0)) == pytest.approx(0.5)
    assert worst_decile(np.arange(7.0)) == 0.0


def test_gini_is_half_the_relative_mean_difference() -> None:
    values = np.random.default_rng(1).random(9)
    pairs = np.abs(values[:, None] - values).mean()
    assert gini(values) == pytest.approx(pairs / (2 * values.mean()))
    assert gini(np.ones(5)) == pytest.approx(0) and gini(np.zeros(5)) == 0
    assert gini(np.array([0.0, 0.0, 0.0, 1.0])) == pytest.approx(0.75)


def test_aggregates_are_taken_along_the_last_axis() -> None:
    values = np.random.default_rng(2).random((3, 4, 11))
    families = list("aabbbcccdde")
    for rule in (worst_decile, gini, family_mean(families)):
        looped = np.array([[rule(line) for line in block] for block in values])
        assert np.asarray(rule(values)) == pytest.approx(looped)


def test_a_large_family_counts_as_much_as_a_small_one() -> None:
    assert family_mean(["big"] * 23 + ["small"])(np.r_[np.full(23, 80.0), 40.0]) == pytest.approx(60)
