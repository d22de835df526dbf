"""Verdicts: what is confirmed, refuted or left open, from numbers whose truth is known."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from ds_stilts.statistics.estimate import paired_contrast
from ds_stilts.statistics.power import Design, power_of_contrast
from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.report.verdicts import Claimed, Judgement, judge
from ds_stilts.studies.sections import Prediction, Statistics

SURE = (4.1, 3.9, 4.2, 4.0, 3.8, 4.3)
UNSURE = (4.0, -3.0, 6.0, -5.0, 3.0, 2.0)
NULL = (0.1, -0.1, 0.2, -0.2, 0.1, -0.1)


def found(per_seed: tuple[float, ...]) -> Finding:
    values = np.array(per_seed)
    return Finding(
        estimate=float(values.mean()),
        found=paired_contrast(values, np.zeros(len(values))),
        seeds=tuple(range(len(values))),
        per_seed=per_seed,
    )


def judged(per_seed: tuple[float, ...], *, statistics: Statistics | None = None, **predicted: Any) -> Judgement:
    claim = Claimed(predicted=Prediction(**predicted), finding=found(per_seed), in_family=False)
    return judge({"one": claim}, statistics or Statistics())["one"]


@pytest.mark.parametrize(
    ("per_seed", "predicted", "verdict"),
    [
        (SURE, {"sign": "positive"}, "CONFIRMED"),
        (SURE, {"sign": "negative"}, "REFUTED"),
        (UNSURE, {"sign": "positive"}, "INCONCLUSIVE"),
        (SURE, {"number": 5.0, "within": 1.5}, "CONFIRMED"),
        (SURE, {"number": 8.0, "within": 1.5}, "REFUTED"),
        (SURE, {"number": -4.0, "within": 9.0}, "INCONCLUSIVE"),
        (UNSURE, {"number": 1.0, "within": 1.5}, "INCONCLUSIVE"),
        (NULL, {"equal_within": 0.5}, "CONFIRMED"),
        (SURE, {"equal_within": 0.5}, "REFUTED"),
        (UNSURE, {"equal_within": 0.5}, "INCONCLUSIVE"),
        (NULL, {"not_below": -0.5}, "CONFIRMED"),
        (SURE, {"not_below": 0.0}, "CONFIRMED"),
        (tuple(-value for value in SURE), {"not_below": -0.5}, "REFUTED"),
        (tuple(-value for value in SURE), {"not_below": 0.0}, "REFUTED"),
        (UNSURE, {"not_below": -0.5}, "INCONCLUSIVE"),
    ],
)
def test_a_prediction_gets_the_verdict_of_its_rule(
    per_seed: tuple[float, ...], predicted: dict[str, Any], verdict: str
) -> None:
    result = judged(per_seed, **predicted)
    assert result.verdict == verdict
    assert result.rule and result.method and result.n == 6 and result.interval is not None


def test_no_difference_is_not_a_failed_test_of_one() -> None:
    """p = 0.5 confirms nothing: equivalence has a test of its own."""
    assert judged(UNSURE, sign="positive").p == pytest.approx(0.5, abs=0.2)
    assert judged(UNSURE, equal_within=0.5).verdict == "INCONCLUSIVE"


def test_low_power_is_said_with_the_smallest_effect_that_would_have_been_found() -> None:
    result = judged(UNSURE, sign="positive")
    assert result.detectable is not None and f"effect of {result.detectable:.2f} points" in result.why
    design = Design(num_seeds=6, seed_sd=float(np.std(UNSURE, ddof=1)))
    assert power_of_contrast(design, result.detectable) == pytest.approx(0.8, abs=1e-4)
    assert "margin of" in judged(UNSURE, equal_within=0.5).why
    assert judged(SURE, sign="positive").detectable is None


def test_confirmatory_predictions_are_corrected_together_and_exploratory_ones_are_not() -> None:
    weak = (2.0, 0.5, 3.0, 0.1, 1.5, 0.2)
    one = found(weak)
    assert one.found is not None and one.found.p is not None and 0.02 < one.found.p < 0.05
    claim = Claimed(predicted=Prediction(sign="positive"), finding=one, in_family=True)
    explored = Claimed(predicted=Prediction(sign="positive"), finding=one, in_family=False)
    together = judge({"a": claim, "b": claim, "c": explored}, Statistics())
    assert together["a"].adjusted_p == pytest.approx(2 * one.found.p)
    assert (together["a"].verdict, together["c"].verdict) == ("INCONCLUSIVE", "CONFIRMED")
    assert "Holm" in together["a"].rule and "Holm" not in together["c"].rule
    alone = judge({"a": claim, "b": claim}, Statistics(multiplicity="none"))
    assert alone["a"].verdict == "CONFIRMED" and "Holm" not in alone["a"].rule


@pytest.mark.parametrize(("test", "name"), [("sign", "sign test"), ("sign_flip", "sign-flip test")])
def test_an_exact_test_is_used_where_the_study_asks_for_it(test: str, name: str) -> None:
    result = judged(SURE, statistics=Statistics(test=test), sign="positive")  # type: ignore[arg-type]
    assert result.p == pytest.approx(2 / 2**6) and name in result.rule and name in result.method
    five = judged(SURE[:5], statistics=Statistics(test=test), sign="positive")  # type: ignore[arg-type]
    assert five.p == pytest.approx(0.0625) and five.verdict == "INCONCLUSIVE"


def test_without_a_pair_of_seeds_nothing_is_confirmed() -> None:
    one = Finding(estimate=9.0, seeds=(1,), per_seed=(9.0,), note="one paired seed shows no spread")
    none = Finding(estimate=None, note="arm 'qa' has no finished seed of 'x' yet")
    claims = {
        "one": Claimed(predicted=Prediction(sign="positive"), finding=one, in_family=True),
        "none": Claimed(predicted=Prediction(sign="positive"), finding=none, in_family=True),
    }
    found = judge(claims, Statistics())
    assert found["one"].verdict == "INCONCLUSIVE" and "one paired seed" in found["one"].why
    assert found["none"].verdict == "NOT RUN" and "no finished seed" in found["none"].why


def test_runs_that_agree_to_the_last_digit_show_no_certainty() -> None:
    same = judged((0.0,) * 6, equal_within=0.5)
    assert same.verdict == "INCONCLUSIVE" and same.interval is None and "no certainty" in same.why


def test_a_null_effect_is_confirmed_no_oftener_than_alpha_allows() -> None:
    """A positive sign by chance: 2.5 % of 400 null studies, and no more in the 99 % binomial band."""
    draw = np.random.default_rng(1)
    verdicts = [judged(tuple(draw.normal(size=6)), sign="positive").verdict for _ in range(400)]
    low, high = stats.binom.interval(0.99, 400, 0.025)
    assert low <= verdicts.count("CONFIRMED") <= high
    assert low <= verdicts.count("REFUTED") <= high
