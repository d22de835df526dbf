"""What a plan announces: the statistics' own numbers, with the alpha that multiplicity leaves."""

from typing import Any

import numpy as np
import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.report.facts import language_facts
from ds_stilts.statistics.power import Design, detectable_effect, detectable_margin, power_of_contrast
from ds_stilts.studies.covariates import covariate
from ds_stilts.studies.plan import plan_study
from ds_stilts.studies.power import power_words
from ds_stilts.studies.slopes import Columns, mixed_slope
from ds_stilts.studies.study import Study
from ds_stilts.studies.text import plan_text
from tests.statistics.bands import SIMULATIONS, in_band
from tests.studies.worlds import study

MADE_UP = ("bb", "cc", "dd", "ee", "ff", "gg", "hh")
SLOPE = {"arm": "qa", "against": "none", "slope": "distance"}
EVERYWHERE = {"synth_qa_low": {}, "synth_pos": {}}
"""Targets that are scored in every made-up language."""
SPREAD = {"seed_sd": 2.0, "language_sd": 1.5, "cell_sd": 4.0}
SIX = {"seeds": {"intermediate": [1, 2, 3, 4, 5, 6]}, "statistics": {"seed_sd": 2.0, "item_se": 0.5}}
ONE = {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}}


def announced(made: Study, contrast: str) -> dict[str, Any] | None:
    power: dict[str, Any] | None = plan_study(made)["contrasts"][contrast]["power"]
    return power


def test_an_effect_is_that_of_the_statistics_for_the_assumed_spread() -> None:
    made = study(**SIX)
    found = announced(made, "qa_helps")
    assert found is not None
    assert found["least"] == detectable_effect(Design(num_seeds=6, seed_sd=2.0, item_se=0.5, alpha=0.05))
    assert (found["kind"], found["power"]) == ("effect", None)
    assert f"finds {found['least']:.1f} points with 80% chance" in plan_text(plan_study(made))


def test_each_of_several_confirmatory_contrasts_has_its_share_of_alpha() -> None:
    confirmatory = {**ONE, "confirmatory": True}
    made = study(**SIX, contrasts={"a": confirmatory, "b": confirmatory, "c": ONE})
    shares = {name: announced(made, name) for name in made.contrasts}
    assert [shares[name]["alpha"] for name in "abc"] == [0.025, 0.025, 0.05]  # type: ignore[index]


def test_a_predicted_number_has_its_chance_and_a_margin_its_least() -> None:
    number = study(**SIX, contrasts={"a": {**ONE, "predicted": {"number": 3.0, "within": 1.0}}})
    found = announced(number, "a")
    design = Design(num_seeds=6, seed_sd=2.0, item_se=0.5)
    assert found is not None and found["power"] == power_of_contrast(design, 3.0)
    null = study(**SIX, contrasts={"a": {**ONE, "predicted": {"equal_within": 4.0}}})
    found = announced(null, "a")
    assert found is not None and found["least"] == detectable_margin(design, claim="equivalent")
    assert power_words(found).startswith("shows equality within")


def test_a_sign_test_announces_what_signs_can_find() -> None:
    made = study(seeds=SIX["seeds"], statistics={"seed_sd": 2.0, "item_se": 0.0, "test": "sign"})
    found = announced(made, "qa_helps")
    expected = detectable_effect(Design(num_seeds=6, seed_sd=2.0), test="sign")
    assert found is not None and found["least"] == pytest.approx(expected)


def test_the_best_of_several_arms_has_the_seeds_that_it_is_scored_on() -> None:
    best = {"best_of": ["none", "qa"], "against": "none"}
    made = study(**SIX, contrasts={"best": best})
    found = announced(made, "best")
    assert found is not None and found["seeds"] == 3
    assert found["least"] == detectable_effect(Design(num_seeds=3, seed_sd=2.0, item_se=0.5))
    assert "6 paired seeds (3 of them score it); finds" in plan_text(plan_study(made))


def test_what_is_no_mean_is_said_to_be_held_for_one() -> None:
    plain, worst = ONE, {**ONE, "aggregate": "worst_language"}
    minus = {**ONE, "of": {"targets": ["synth_qa_low"]}, "minus": {"targets": ["synth_pos"]}}
    made = study(**SIX, contrasts={"plain": plain, "worst": worst, "minus": minus})
    words = {name: power_words(announced(made, name)) for name in made.contrasts}
    assert {name for name, said in words.items() if said.endswith("if it spreads as a mean does")} == {"worst", "minus"}


def test_rotations_are_announced_at_most_what_one_difference_finds() -> None:
    """The mean of several has no greater standard deviation than the one of them that has the greatest."""
    turns = [{"arm": "qa", "against": "none"}, {"arm": "shuffled", "against": "none"}]
    made = study(**SIX, contrasts={"turns": {"rotations": turns, "predicted": {"sign": "positive"}}, "one": ONE})
    found, alone = (announced(made, name) for name in made.contrasts)
    assert found is not None and alone is not None and found["least"] == alone["least"]
    text = plan_text(plan_study(made))
    assert "turns: mean of qa - none, shuffled - none, sign positive" in text
    assert power_words(found).endswith("or fewer, as rotations are averaged") and "fewer" not in power_words(alone)


def test_a_slope_is_announced_over_the_real_distances_targets_and_seeds() -> None:
    """Seven made-up languages in six families, which are then the units; the true gains of families vary alike."""
    made = study(seeds=SIX["seeds"], targets=EVERYWHERE, statistics=SPREAD, contrasts={"a": SLOPE})
    found = announced(made, "a")
    assert found is not None and (found["kind"], found["unit"]) == ("effect", "points per unit of distance")
    assert found["over_range"] == pytest.approx(found["least"] * 4.0), "from none to four switches of the grammar"
    said = f"finds {found['least']:.1f} points per unit of distance ({found['over_range']:.1f} points between the"
    assert said in plan_text(plan_study(made))
    rows = [(code, target, seed) for code in MADE_UP for target in made.targets for seed in range(6)]
    codes, targets, seeds = zip(*rows, strict=True)
    columns = Columns(
        covariate_N=np.array([covariate("distance", code) for code in codes]), languages_N=codes,
        families_N=[language_facts(code).family for code in codes], tasks_N=targets, seeds_N=seeds,
    )  # fmt: skip
    draw, hits = np.random.default_rng(1), 0
    for _ in range(SIMULATIONS):
        own = {key: sd * draw.normal() for names, sd in ((MADE_UP, 1.5), (range(6), 2.0)) for key in names}
        gains = np.array([own[code] + own[seed] for code, _, seed in rows]) + 4.0 * draw.normal(size=len(rows))
        p = mixed_slope(gains + found["least"] * columns.covariate_N, columns).p
        hits += p is not None and p < 0.05
    assert in_band(hits, 0.8)


def test_a_slope_has_its_share_of_alpha_and_what_it_predicts_its_chance() -> None:
    sign, number = {"sign": "negative"}, {"number": -5.0, "within": 2.0}
    contrasts = {
        "open": SLOPE,
        "one": {**SLOPE, "predicted": sign, "confirmatory": True},
        "other": {**ONE, "confirmatory": True},
        "number": {**SLOPE, "predicted": number},
        "null": {**SLOPE, "predicted": {"equal_within": 4.0}},
    }
    made = study(seeds=SIX["seeds"], targets=EVERYWHERE, statistics=SPREAD, contrasts=contrasts)
    found = {name: announced(made, name) or {} for name in contrasts}
    assert found["one"]["alpha"] == 0.025 and found["one"]["least"] > found["open"]["least"]
    assert found["number"]["power"] > 0.8 > 0.05 and found["number"]["least"] < 5.0
    assert found["null"]["kind"] == "margin" and 0 < found["null"]["power"] < 1


def test_nothing_is_announced_of_slopes_without_a_spread_and_of_one_seed() -> None:
    made = study(**SIX, targets=EVERYWHERE, contrasts={"a": SLOPE})
    assert announced(made, "a") is None and power_words(None) == ""
    shown = plan_text(plan_study(made))
    assert "paired seeds; what a slope finds is not announced (statistics.language_sd)" in shown
    one = study(seeds={"intermediate": [1]})
    assert announced(one, "qa_helps") is None


@pytest.mark.parametrize(
    ("statistics", "word"),
    [
        ({"language_sd": 1.0}, "`language_sd` and `cell_sd` go together"),
        ({"family_sd": 1.0}, "family_sd: it is for the power of slopes alone"),
        (SPREAD, "no contrast has a `slope`"),
    ],
)
def test_a_spread_that_would_be_ignored_is_refused(statistics: dict[str, float], word: str) -> None:
    with pytest.raises(RecipeError, match=word):
        study(statistics=statistics, contrasts={"a": ONE})
