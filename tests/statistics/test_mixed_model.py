"""The slope of gains over languages: how often its interval holds the truth, and what it refuses."""

import numpy as np
import pytest
from scipy import stats

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.mixed_model import language_slope
from tests.statistics.bands import SIMULATIONS, at_most, in_band
from tests.statistics.gains import CASES, Gains


def test_a_balanced_design_without_families_is_a_regression_of_language_means() -> None:
    rows = Gains(num_languages=11, num_families=11, num_tasks=3, num_seeds=4, family=0, slope=1).rows(
        np.random.default_rng(1)
    )
    found = language_slope(**rows)
    means = rows["gains_N"].reshape(11, -1).mean(axis=1)
    theirs = stats.linregress(rows["covariate_N"].reshape(11, -1)[:, 0], means)
    assert found.estimate == pytest.approx(theirs.slope, rel=1e-6)
    assert found.intercept == pytest.approx(theirs.intercept, rel=1e-6)
    assert found.se == pytest.approx(theirs.stderr, rel=1e-3)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-2)
    assert (found.n, found.df, found.left_out) == (11, pytest.approx(9), ("family",))


def test_the_unit_of_the_covariate_changes_the_slope_only() -> None:
    rows = Gains(num_languages=14, num_families=5, slope=0.5).rows(np.random.default_rng(2))
    found = language_slope(**rows)
    scaled = language_slope(**{**rows, "covariate_N": 1000 * rows["covariate_N"] + 5})
    assert (scaled.estimate, scaled.se, scaled.p) == pytest.approx((found.estimate / 1000, found.se / 1000, found.p))
    assert scaled.intercept == pytest.approx(found.intercept - 5 * scaled.estimate)


def test_intercepts_that_cannot_be_told_apart_are_left_out_and_named() -> None:
    one_each = language_slope(**Gains(num_languages=8, num_families=3, num_seeds=1).rows(np.random.default_rng(3)))
    assert one_each.left_out == ("language", "task", "seed")
    assert set(one_each.variances) == {"family", "residual"}
    many = language_slope(**Gains(num_languages=8, num_families=3, num_tasks=2).rows(np.random.default_rng(3)))
    assert many.left_out == () and set(many.variances) == {"family", "language", "task", "seed", "residual"}


@pytest.mark.parametrize("name", CASES)
def test_95_percent_of_intervals_hold_the_slope(name: str) -> None:
    draw, case, held = np.random.default_rng(4), CASES[name], 0
    for _ in range(SIMULATIONS):
        found = language_slope(**case.rows(draw))
        assert found.converged and found.interval is not None
        held += found.interval[0] <= case.slope <= found.interval[1]
    assert in_band(held, 0.95)


def test_rows_taken_for_independent_would_find_slopes_where_there_are_none() -> None:
    """What random intercepts are for."""
    draw, case, hits = np.random.default_rng(5), Gains(num_languages=12, num_families=6, num_seeds=6), 0
    for _ in range(SIMULATIONS):
        rows = case.rows(draw)
        hits += stats.linregress(rows["covariate_N"], rows["gains_N"]).pvalue < 0.05
    assert not at_most(hits, 0.25)


def test_a_fit_that_does_not_converge_says_so_and_gives_no_interval() -> None:
    rows = Gains(num_languages=8, num_families=3, task=0, seed=0, residual=0).rows(np.random.default_rng(6))
    found = language_slope(**rows)
    assert not found.converged and found.interval is None and found.p is None
    assert "did NOT converge" in found.method


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"covariate_N": np.ones(24)}, "the same|for every language"),
        ({"covariate_N": np.arange(24.0)}, "covariates; a language has one"),
        ({"families_N": list(range(24))}, "families; a language has one"),
        ({"gains_N": np.r_[np.nan, np.ones(23)]}, r"row 0 \(0\) has gain nan"),
        ({"tasks_N": [0]}, "columns of"),
        ({"languages_N": [0] * 12 + [1] * 12}, "at least 5"),
    ],
)
def test_columns_that_make_no_model_are_refused_in_a_sentence(change: dict, word: str) -> None:
    rows = Gains(num_languages=8, num_families=3).rows(np.random.default_rng(7))
    with pytest.raises(StatisticsError, match=word):
        language_slope(**{**rows, **change})
