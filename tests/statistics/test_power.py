"""Power as announced: formulas against studies that are made up many times over."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.estimate import paired_contrast
from ds_stilts.statistics.margins import equivalence, non_inferiority
from ds_stilts.statistics.multi_bootstrap import mean_over_tasks, multi_bootstrap
from ds_stilts.statistics.power import (
    Design,
    detectable_effect,
    detectable_margin,
    power_of_contrast,
    power_of_equivalence,
    power_of_non_inferiority,
    power_of_signs,
    seeds_needed,
)
from ds_stilts.statistics.signs import sign_test
from tests.statistics.bands import SIMULATIONS, in_band
from tests.statistics.worlds import World

SIX = Design(num_seeds=6, seed_sd=1.2)


def test_power_of_a_contrast_is_that_of_statsmodels() -> None:
    from statsmodels.stats.power import TTestPower

    for effect in (0.0, 0.5, 1.5, 4.0):
        theirs = TTestPower().power(effect / 1.2, 6, 0.05)
        assert power_of_contrast(SIX, effect) == pytest.approx(theirs, abs=1e-9)


def test_an_effect_of_zero_is_found_as_often_as_alpha_says() -> None:
    for item_se in (0.0, 0.5, 3.0):
        assert power_of_contrast(replace(SIX, item_se=item_se), 0.0) == pytest.approx(0.05)


@pytest.mark.parametrize("num_seeds", [6, 10])
def test_a_detectable_effect_is_found_four_times_of_five(num_seeds: int) -> None:
    draw, design, hits = np.random.default_rng(1), replace(SIX, num_seeds=num_seeds), 0
    effect = detectable_effect(design)
    for _ in range(SIMULATIONS):
        p = paired_contrast(effect + 1.2 * draw.normal(size=num_seeds), np.zeros(num_seeds)).p
        hits += p is not None and p < 0.05
    assert in_band(hits, 0.8)


def test_power_announced_from_a_pilot_is_that_of_the_multi_bootstrap() -> None:
    """Standard deviations as many pilots give them on average; then new studies, with seeds and items of their own."""
    world = World(num_items=150, num_languages=2, effect=0.24)
    draw, mean = np.random.default_rng(2), {"mean": mean_over_tasks([("t", "l0"), ("t", "l1")])}
    studies = [multi_bootstrap(*world.arms(draw), mean, resamples=200, seed=i)["mean"] for i in range(SIMULATIONS)]
    seed_sd = np.mean([one.seed_se**2 * one.n for one in studies]) ** 0.5
    item_se = np.mean([one.item_se**2 for one in studies]) ** 0.5
    design = Design(num_seeds=6, seed_sd=float(seed_sd), item_se=float(item_se), num_items=150)
    announced = power_of_contrast(design, world.truth())
    assert 0.5 < announced < 0.95
    assert in_band(sum(one.p is not None and one.p < 0.05 for one in studies), announced)


def test_power_of_signs_is_that_of_the_sign_test() -> None:
    draw, hits = np.random.default_rng(3), 0
    design = replace(SIX, num_seeds=9)
    effect = detectable_effect(design, test="sign")
    for _ in range(SIMULATIONS):
        hits += sign_test(effect + 1.2 * draw.normal(size=9), np.zeros(9)).p <= 0.05
    assert in_band(hits, 0.8)
    assert power_of_signs(SIX, 0.0) == pytest.approx(2 / 64)


@pytest.mark.parametrize(
    ("claim", "test"), [("equivalent", equivalence), ("not worse", non_inferiority)], ids=["equivalent", "not worse"]
)
def test_a_detectable_margin_holds_four_times_of_five_where_arms_are_equal(claim, test) -> None:
    draw, hits = np.random.default_rng(4), 0
    margin = detectable_margin(SIX, claim=claim)
    for _ in range(SIMULATIONS):
        hits += test(paired_contrast(1.2 * draw.normal(size=6), np.zeros(6)), margin).holds
    assert in_band(hits, 0.8)


def test_power_against_a_margin_at_the_margin_itself_is_alpha() -> None:
    assert power_of_equivalence(SIX, 3.0, 3.0) == pytest.approx(0.05, abs=0.002)
    assert power_of_non_inferiority(SIX, 3.0, -3.0) == pytest.approx(0.05)
    many = Design(num_seeds=500, seed_sd=1.0)
    normal = 2 * stats.norm.cdf(0.15 * 500**0.5 - stats.norm.ppf(0.95)) - 1
    assert power_of_equivalence(many, 0.15) == pytest.approx(normal, abs=0.003)


def test_the_seeds_that_are_needed_are_the_fewest_that_do() -> None:
    design = Design(num_seeds=2, seed_sd=1.0, item_se=0.1)
    found = seeds_needed(design, 0.8)
    assert found is not None
    assert power_of_contrast(replace(design, num_seeds=found), 0.8) >= 0.8
    assert power_of_contrast(replace(design, num_seeds=found - 1), 0.8) < 0.8


def test_no_number_of_seeds_finds_what_lies_within_the_items_error() -> None:
    assert seeds_needed(Design(num_seeds=2, seed_sd=1.0, item_se=0.5), 1.0) is None


def test_designs_that_cannot_find_anything_are_refused() -> None:
    with pytest.raises(StatisticsError, match="6 or more"):
        detectable_effect(replace(SIX, num_seeds=5), test="sign")
    for wrong in ({"num_seeds": 1}, {"seed_sd": -1.0}, {"seed_sd": 0.0}):
        with pytest.raises(StatisticsError, match="at least 2 seeds"):
            replace(SIX, **wrong)
