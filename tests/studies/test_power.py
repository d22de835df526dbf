"""What a plan announces: the statistics' own numbers, with the alpha that multiplicity leaves."""

import pytest

from ds_stilts.statistics.power import Design, detectable_effect, detectable_margin, power_of_contrast
from ds_stilts.studies.plan import plan_study
from ds_stilts.studies.power import announced_power, power_words
from ds_stilts.studies.study_file import load_study
from ds_stilts.studies.text import plan_text
from tests.studies.worlds import study

SIX = {"seeds": {"intermediate": [1, 2, 3, 4, 5, 6]}, "statistics": {"seed_sd": 2.0, "item_se": 0.5}}
ONE = {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}}


def test_an_effect_is_that_of_the_statistics_for_the_assumed_spread() -> None:
    made = study(**SIX)
    found = announced_power(made, made.contrasts["qa_helps"])
    assert found is not None
    assert found["least"] == detectable_effect(Design(num_seeds=6, seed_sd=2.0, item_se=0.5, alpha=0.05))
    assert (found["kind"], found["power"]) == ("effect", None)
    assert f"finds {found['least']:.1f} points with 80% chance" in plan_text(plan_study(made))


def test_each_of_several_confirmatory_contrasts_has_its_share_of_alpha() -> None:
    confirmatory = {**ONE, "confirmatory": True}
    made = study(**SIX, contrasts={"a": confirmatory, "b": confirmatory, "c": ONE})
    shares = {name: announced_power(made, contrast) for name, contrast in made.contrasts.items()}
    assert [shares[name]["alpha"] for name in "abc"] == [0.025, 0.025, 0.05]  # type: ignore[index]


def test_a_predicted_number_has_its_chance_and_a_margin_its_least() -> None:
    number = study(**SIX, contrasts={"a": {**ONE, "predicted": {"number": 3.0, "within": 1.0}}})
    found = announced_power(number, number.contrasts["a"])
    design = Design(num_seeds=6, seed_sd=2.0, item_se=0.5)
    assert found is not None and found["power"] == power_of_contrast(design, 3.0)
    null = study(**SIX, contrasts={"a": {**ONE, "predicted": {"equal_within": 4.0}}})
    found = announced_power(null, null.contrasts["a"])
    assert found is not None and found["least"] == detectable_margin(design, claim="equivalent")
    assert power_words(found).startswith("shows equality within")


def test_a_sign_test_announces_what_signs_can_find() -> None:
    made = study(seeds=SIX["seeds"], statistics={"seed_sd": 2.0, "item_se": 0.0, "test": "sign"})
    found = announced_power(made, made.contrasts["qa_helps"])
    expected = detectable_effect(Design(num_seeds=6, seed_sd=2.0), test="sign")
    assert found is not None and found["least"] == pytest.approx(expected)


def test_the_best_of_several_arms_has_the_seeds_that_it_is_scored_on() -> None:
    best = {"best_of": ["none", "qa"], "against": "none"}
    made = study(**SIX, contrasts={"best": best})
    found = announced_power(made, made.contrasts["best"])
    assert found is not None and found["seeds"] == 3
    assert found["least"] == detectable_effect(Design(num_seeds=3, seed_sd=2.0, item_se=0.5))
    assert "6 paired seeds (3 of them score it); finds" in plan_text(plan_study(made))


def test_what_is_no_mean_is_said_to_be_held_for_one() -> None:
    plain, worst = ONE, {**ONE, "aggregate": "worst_language"}
    minus = {**ONE, "of": {"targets": ["synth_qa_low"]}, "minus": {"targets": ["synth_pos"]}}
    made = study(**SIX, contrasts={"plain": plain, "worst": worst, "minus": minus})
    words = {name: power_words(announced_power(made, contrast)) for name, contrast in made.contrasts.items()}
    assert {name for name, said in words.items() if said.endswith("if it spreads as a mean does")} == {"worst", "minus"}


def test_rotations_are_announced_at_most_what_one_difference_finds() -> None:
    """The mean of several has no greater standard deviation than the one of them that has the greatest."""
    turns = [{"arm": "qa", "against": "none"}, {"arm": "shuffled", "against": "none"}]
    made = study(**SIX, contrasts={"turns": {"rotations": turns, "predicted": {"sign": "positive"}}, "one": ONE})
    found, alone = (announced_power(made, contrast) for contrast in made.contrasts.values())
    assert found is not None and alone is not None and found["least"] == alone["least"]
    text = plan_text(plan_study(made))
    assert "turns: mean of qa - none, shuffled - none, sign positive" in text
    assert power_words(found).endswith("or fewer, as rotations are averaged") and "fewer" not in power_words(alone)


def test_nothing_is_announced_of_slopes_and_of_one_seed() -> None:
    slope = {"arm": "qa", "against": "none", "slope": "distance"}
    made = study(**SIX, contrasts={"a": slope})
    assert announced_power(made, made.contrasts["a"]) is None and power_words(None) == ""
    shown = plan_text(plan_study(load_study("s0", "synthetic")))
    assert shown.count("paired seeds; what a slope finds is not announced") == 2
    one = study(seeds={"intermediate": [1]})
    assert announced_power(one, one.contrasts["qa_helps"]) is None
