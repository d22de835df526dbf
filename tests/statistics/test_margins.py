"""Equivalence and non-inferiority against statsmodels, and simulated arms at the edge of the margin."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.estimate import paired_contrast
from ds_stilts.statistics.margins import equivalence, non_inferiority
from tests.statistics.bands import SIMULATIONS, in_band


def test_equivalence_is_the_tost_of_statsmodels() -> None:
    draw = np.random.default_rng(1)
    for shift in (-0.6, 0.0, 0.4):
        ours, theirs = draw.normal(shift, 0.5, 8), draw.normal(0, 0.5, 8)
        found = equivalence(paired_contrast(ours, theirs), 0.7)
        p, above, _ = DescrStatsW(ours - theirs).ttost_mean(-0.7, 0.7)
        assert found.p == pytest.approx(p, rel=1e-9)
        assert non_inferiority(paired_contrast(ours, theirs), 0.7).p == pytest.approx(above[1], rel=1e-9)


def test_a_claim_holds_exactly_where_the_90_percent_interval_lies_within_the_margin() -> None:
    draw, outcomes = np.random.default_rng(2), set()
    for _ in range(200):
        contrast = paired_contrast(draw.normal(draw.uniform(-1, 1), 0.5, 6), np.zeros(6))
        same, no_worse = equivalence(contrast, 0.7), non_inferiority(contrast, 0.7)
        assert same.holds == (same.interval[0] > -0.7 and same.interval[1] < 0.7) == (same.p < 0.05)
        assert no_worse.holds == (no_worse.interval[0] > -0.7)
        outcomes.add((same.holds, no_worse.holds))
    assert outcomes == {(True, True), (False, True), (False, False)}


def test_a_difference_that_is_not_significant_is_not_yet_equivalence() -> None:
    contrast = paired_contrast(np.array([2.0, -1.5, 0.5, -2.0, 1.5, 0.0]), np.zeros(6))
    assert contrast.p is not None and contrast.p > 0.5
    assert not equivalence(contrast, 0.5).holds


@pytest.mark.parametrize("test", [equivalence, non_inferiority])
@pytest.mark.parametrize("num_seeds", [6, 10])
def test_five_percent_of_arms_at_the_margin_pass(test, num_seeds: int) -> None:
    draw, hits = np.random.default_rng(3), 0
    for _ in range(SIMULATIONS):
        ours, theirs = draw.normal(0, 0.4, (2, num_seeds))
        hits += test(paired_contrast(ours - 1.5, theirs), 1.5).holds
    assert in_band(hits, 0.05)


def test_a_margin_of_zero_and_arms_that_do_not_vary_are_refused() -> None:
    varied = paired_contrast(np.array([1.0, 2.0]), np.zeros(2))
    with pytest.raises(StatisticsError, match="above 0"):
        equivalence(varied, 0.0)
    with pytest.raises(StatisticsError, match="no standard error"):
        non_inferiority(paired_contrast(np.ones(3), np.zeros(3)), 0.5)
