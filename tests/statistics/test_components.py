"""Variance components against statsmodels' analysis of variance, and scores of which the components are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.components import RESIDUAL, variance_components
from tests.statistics.bands import SIMULATIONS, at_most, in_band

FACTORS = ("order", "seed", "language")


def made_up(draw: np.random.Generator, shape: tuple[int, ...], sds: tuple[float, ...]) -> np.ndarray:
    """Scores whose standard deviations are those of the axes, and of the residual as the last."""
    scores = 70 + sds[-1] * draw.normal(size=shape)
    for axis, sd in enumerate(sds[:-1]):
        scores += sd * draw.normal(size=[size if place == axis else 1 for place, size in enumerate(shape)])
    return scores


def test_f_tests_are_those_of_statsmodels() -> None:
    scores = made_up(np.random.default_rng(1), (4, 3, 5), (0.5, 0.5, 2, 1))
    places = np.indices(scores.shape).reshape(3, -1)
    table = pd.DataFrame({"score": scores.ravel(), **{name: places[axis] for axis, name in enumerate(FACTORS)}})
    theirs = anova_lm(ols("score ~ C(order) + C(seed) + C(language)", table).fit())
    found = variance_components(scores, FACTORS)
    for name in FACTORS:
        assert found[name].p == pytest.approx(theirs.loc[f"C({name})", "PR(>F)"])
        # Expected mean square of a factor: residual + (other levels) · its variance.
        row, rest = theirs.loc[f"C({name})"], theirs.loc["Residual", "mean_sq"]
        others = scores.size / found[name].n
        assert found[name].variance == pytest.approx(max((row["mean_sq"] - rest) / others, 0))
    assert found[RESIDUAL].variance == pytest.approx(theirs.loc["Residual", "mean_sq"])


def test_components_are_found_without_bias() -> None:
    draw, sds = np.random.default_rng(2), (1.0, 1.5, 3.0, 1.0)
    found = [variance_components(made_up(draw, (6, 8, 12), sds), FACTORS) for _ in range(400)]
    for name, sd in zip((*FACTORS, RESIDUAL), sds, strict=True):
        values = [one[name].variance for one in found]
        assert np.mean(values) == pytest.approx(sd**2, abs=3 * np.std(values) / 20)


def test_what_two_factors_have_together_is_told_from_both() -> None:
    """Each order with each seed is one run, whose luck is in all of its languages."""
    scores = made_up(np.random.default_rng(4), (4, 3, 5), (0.5, 0.5, 2, 1))
    scores += np.random.default_rng(5).normal(size=(4, 3, 1))
    places = np.indices(scores.shape).reshape(3, -1)
    table = pd.DataFrame({"score": scores.ravel(), **{name: places[axis] for axis, name in enumerate(FACTORS)}})
    theirs = anova_lm(ols("score ~ C(order) * C(seed) + C(language)", table).fit())
    squares = {"order": "C(order)", "seed": "C(seed)", "order × seed": "C(order):C(seed)", "language": "C(language)"}
    own = {name: theirs.loc[row, "mean_sq"] for name, row in squares.items()}
    residual = theirs.loc["Residual", "mean_sq"]
    found = variance_components(scores, FACTORS, together=("order", "seed"))
    expected = {
        "order": (own["order"] - own["order × seed"]) / 15,
        "seed": (own["seed"] - own["order × seed"]) / 20,
        "order × seed": (own["order × seed"] - residual) / 5,
        "language": (own["language"] - residual) / 12,
        RESIDUAL: residual,
    }
    assert {name: one.variance for name, one in found.items()} == pytest.approx(
        {name: max(variance, 0.0) for name, variance in expected.items()}
    )
    assert found["order × seed"].p == pytest.approx(theirs.loc["C(order):C(seed)", "PR(>F)"])
    assert found["order"].p == pytest.approx(stats.f.sf(own["order"] / own["order × seed"], 3, 6))
    assert (found["order × seed"].n, found[RESIDUAL].n) == (12, theirs.loc["Residual", "df"])


def test_luck_of_runs_is_not_taken_for_an_effect_of_orders() -> None:
    """Without a part of its own, what each run has in all languages makes orders significant far too often."""
    draw, apart, mixed = np.random.default_rng(6), 0, 0
    for _ in range(SIMULATIONS):
        scores = made_up(draw, (4, 6, 8), (0, 1, 5, 1)) + draw.normal(size=(4, 6, 1))
        apart += variance_components(scores, FACTORS, together=("order", "seed"))["order"].p < 0.05
        mixed += variance_components(scores, FACTORS)["order"].p < 0.05
    assert in_band(apart, 0.05)
    assert not at_most(mixed, 0.3)


@pytest.mark.parametrize("together", [None, ("order", "seed")])
def test_runs_that_all_score_the_same_show_no_effect_of_orders(together: tuple[str, str] | None) -> None:
    """As collapsed runs do: only languages differ, and an F test of what rounding leaves would find anything."""
    languages = np.round(np.random.default_rng(0).uniform(20, 95, size=7), 2)
    for scores in (np.zeros((3, 2, 7)) + languages, np.zeros((3, 2, 4)) + np.array([50.0, 75.0, 25.0, 100.0])):
        found = variance_components(scores, FACTORS, together=together)
        assert found["language"].p == 0.0 and found["language"].share == 1.0
        assert all(one.p is None and one.variance == 0.0 for name, one in found.items() if name != "language")


def test_a_part_of_two_factors_needs_a_third() -> None:
    with pytest.raises(StatisticsError, match="third factor"):
        variance_components(np.eye(3), ("order", "seed"), together=("order", "seed"))


def test_shares_add_up_and_a_factor_without_effect_has_none() -> None:
    scores = np.add.outer(np.arange(4.0), np.zeros(5)) + 0.01 * np.random.default_rng(3).normal(size=(4, 5))
    found = variance_components(scores, ("language", "seed"))
    assert sum(one.share for one in found.values()) == pytest.approx(1)
    assert found["language"].share > 0.99 and found["seed"].share < 0.01
    assert found["language"].p is not None and found["language"].p < 1e-6


@pytest.mark.parametrize(
    ("scores", "word"),
    [(np.ones((3, 3)), "all scores are equal"), (np.ones((3, 1)), "two levels"), (np.ones(3), "one axis"),
     (np.array([[1.0, np.nan], [2.0, 3.0]]), "missing")],
)  # fmt: skip
def test_tables_that_are_no_full_crossing_are_refused(scores: np.ndarray, word: str) -> None:
    with pytest.raises(StatisticsError, match=word):
        variance_components(scores, ("seed", "language"))
