"""What is announced of a slope: as often found as it says, in studies that are made up many times over."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.margins import equivalence
from ds_stilts.statistics.mixed_model import language_slope
from ds_stilts.statistics.slope_power import (
    detectable_slope,
    detectable_slope_margin,
    power_of_slope,
    power_of_slope_margin,
)
from tests.statistics.bands import SIMULATIONS, in_band
from tests.statistics.slope_designs import CASES, columns, design, gains

APART = CASES["7 languages without relatives"]
XNLI = CASES["XNLI: 14 languages, 8 of one family"]


@pytest.mark.parametrize("planned", [APART, XNLI], ids=["apart", "xnli"])
def test_a_slope_is_found_as_often_as_announced(planned) -> None:  # type: ignore[no-untyped-def]
    least, draw, hits = detectable_slope(planned), np.random.default_rng(1), 0
    for _ in range(SIMULATIONS):
        p = language_slope(gains(planned, least, draw), **columns(planned)).p
        hits += p is not None and p < 0.05
    assert in_band(hits, 0.8)


def test_a_margin_is_kept_to_as_often_as_announced() -> None:
    margin, draw, hits = detectable_slope_margin(APART, claim="equivalent"), np.random.default_rng(2), 0
    for _ in range(SIMULATIONS):
        hits += equivalence(language_slope(gains(APART, 0.0, draw), **columns(APART)), margin).holds
    assert in_band(hits, 0.8)


def test_without_relatives_it_is_the_regression_of_language_means() -> None:
    x = np.array([APART.covariate_N[APART.languages_N.index(code)] for code in range(7)])
    sd = (APART.language_sd**2 + APART.cell_sd**2 / 18) ** 0.5 / (x.std() * 7**0.5)
    least, slope = stats.t.ppf(0.975, 5), 2 * sd
    by_hand = stats.nct.sf(least, 5, slope / sd) + stats.nct.sf(least, 5, -slope / sd)
    assert power_of_slope(APART, slope) == pytest.approx(by_hand, abs=2e-3)
    assert power_of_slope(APART, 0.0) == pytest.approx(0.05, abs=2e-3)
    assert power_of_slope_margin(APART, 0.5, slope=-0.5, claim="not worse") == pytest.approx(0.05, abs=2e-3)


def test_more_spread_fewer_seeds_and_less_alpha_find_less() -> None:
    least = detectable_slope(APART)
    assert detectable_slope(replace(APART, language_sd=2.0)) > 1.5 * least
    assert detectable_slope(APART, alpha=0.025) > least
    few = design((1,) * 7, (7, 7, 7), 2)
    assert detectable_slope(few) > least
    assert detectable_slope(replace(APART, seed_sd=9.0)) == pytest.approx(least), "it is in every language alike"


def test_what_rows_cannot_tell_apart_counts_for_each_other() -> None:
    """Languages without relatives, one task and one seed: only the sum of the three variances matters."""
    one = design((1,) * 8, (8,), 1, family_sd=1.0, language_sd=2.0, cell_sd=2.0)
    assert detectable_slope(one) == pytest.approx(
        detectable_slope(replace(one, family_sd=0.0, language_sd=0.0, cell_sd=3.0))
    )


def test_what_makes_no_plan_is_refused_in_a_sentence() -> None:
    with pytest.raises(StatisticsError, match="the last above 0"):
        replace(APART, cell_sd=0.0)
    with pytest.raises(StatisticsError, match="at least 5"):
        detectable_slope(design((1,) * 4, (4,), 3))
    with pytest.raises(StatisticsError, match="above alpha and below 1"):
        detectable_slope(APART, power=0.01)
