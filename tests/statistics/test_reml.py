"""REML against statsmodels' MixedLM where that converges, and against the analysis of variance where that is exact."""

import warnings

import numpy as np
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

from ds_stilts.statistics.products import Products
from ds_stilts.statistics.reml import fit_reml
from tests.statistics.gains import Gains


def columns(rows: dict) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    effects = [np.eye(max(rows[name]) + 1)[rows[name]] for name in ("families_N", "languages_N", "tasks_N", "seeds_N")]
    return rows["gains_N"], np.column_stack([np.ones(len(rows["gains_N"])), rows["covariate_N"]]), effects


def test_variances_and_slopes_are_those_of_statsmodels() -> None:
    draw, compared = np.random.default_rng(1), 0
    for _ in range(12):
        gains, design, effects = columns(
            Gains(num_languages=20, num_families=6, num_tasks=2, num_seeds=6, task=2.0, slope=0.5).rows(draw)
        )
        labels = [[[f"{place}.{level}" for level in range(one.shape[1])]] for place, one in enumerate(effects)]
        parts = VCSpec(["family", "language", "task", "seed"], labels, [[one] for one in effects])
        model = MixedLM(gains, design, groups=np.zeros(len(gains)), exog_vc=parts)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = model.fit(reml=True, method=["lbfgs"])
        found = fit_reml(Products.of(gains, design, effects))
        assert found.converged
        if theirs.converged and (theirs.vcomp > 1e-3).all():
            compared += 1
            assert found.ratios * found.residual == pytest.approx(theirs.vcomp, rel=2e-3, abs=2e-3)
            assert found.residual == pytest.approx(theirs.scale, rel=1e-3)
            assert found.fixed == pytest.approx(np.asarray(theirs.fe_params), rel=1e-3, abs=1e-3)
    assert compared >= 5


def test_a_balanced_table_has_the_variances_of_its_analysis_of_variance() -> None:
    draw = np.random.default_rng(2)
    table = draw.normal(0, 2, (12, 1)) + draw.normal(size=(12, 5))
    effects = [np.repeat(np.eye(12), 5, axis=0)]
    found = fit_reml(Products.of(table.ravel(), np.ones((60, 1)), effects))
    within = table.var(axis=1, ddof=1).mean()
    assert found.residual == pytest.approx(within, rel=1e-4)
    assert found.ratios[0] * found.residual == pytest.approx(table.mean(axis=1).var(ddof=1) - within / 5, rel=1e-4)


def test_a_variance_that_would_be_negative_is_zero_and_converged() -> None:
    draw = np.random.default_rng(3)
    table = draw.normal(size=(12, 5))
    table -= table.mean(axis=1, keepdims=True) * 0.9  # groups are more alike than chance would have them
    found = fit_reml(Products.of(table.ravel(), np.ones((60, 1)), [np.repeat(np.eye(12), 5, axis=0)]))
    assert found.converged and found.ratios[0] == 0
    assert found.residual == pytest.approx(table.var(ddof=1))


def test_without_random_intercepts_it_is_least_squares() -> None:
    draw = np.random.default_rng(4)
    design = np.column_stack([np.ones(30), draw.normal(size=30)])
    outcome = draw.normal(size=30)
    solved, (left_over,), _, _ = np.linalg.lstsq(design, outcome, rcond=None)
    found = fit_reml(Products.of(outcome, design, []))
    assert found.fixed == pytest.approx(solved) and found.residual == pytest.approx(left_over / 28)


def test_rows_that_leave_nothing_for_the_residual_do_not_converge() -> None:
    exact = np.repeat(np.random.default_rng(5).normal(size=12), 5)
    found = fit_reml(Products.of(exact, np.ones((60, 1)), [np.repeat(np.eye(12), 5, axis=0)]))
    assert not found.converged


def test_one_variance_may_be_negative_as_the_analysis_of_variance_has_it() -> None:
    draw = np.random.default_rng(6)
    table = draw.normal(size=(12, 5))
    table -= table.mean(axis=1, keepdims=True) * 0.5
    effects = [np.repeat(np.eye(12), 5, axis=0)]
    found = fit_reml(Products.of(table.ravel(), np.ones((60, 1)), effects), below_zero=0)
    within = table.var(axis=1, ddof=1).mean()
    expected = table.mean(axis=1).var(ddof=1) - within / 5
    assert found.converged and expected < 0
    assert found.ratios[0] * found.residual == pytest.approx(expected, rel=1e-3)
