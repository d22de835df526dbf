"""What a study may not compare or claim, each in one sentence before anything runs."""

from typing import Any

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.studies.guards import (
    all_languages,
    arm_recipes,
    cell_languages,
    check_arms,
    check_seeds,
    labels_seen,
)
from ds_stilts.studies.plan import check_study
from tests.studies.worlds import study

ANSWER = {"tasks": {"tydiqa": {"languages": ["en", "sw"]}}, "steps": 4, "batch_examples": 8}
REAL: dict[str, Any] = {
    "base": {"start": {"model": "FacebookAI/xlm-roberta-base"}, "training": {"steps": 4, "batch_examples": 8}},
    "arms": {"none": {"role": "baseline"}, "sw": {"intermediate": ANSWER}},
    "targets": {"xnli": {}, "panx": {}},
    "contrasts": {"c": {"arm": "sw", "against": "none"}},
}


def real(**changes: Any) -> Any:
    return study(**{**REAL, **changes})


def test_the_small_study_passes() -> None:
    assert len(check_study(study())) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "contrasts.c.of: arm 'sw' has seen labels in 'sw' when it is scored on 'xnli', so that this is not zero"),
        ({"contrasts__c__of": {"languages": ["de", "sw"]}}, "arm 'sw' has seen labels in 'sw'"),
        ({"contrasts__c__of": {"languages": ["de", "en"]}}, "arm 'sw' has seen labels in 'en'"),
        (
            {"contrasts__c__of": {"languages": ["de", "fr"]}, "held_out": ["sw"]},
            "held_out: arm 'sw' trains on labels in 'sw' before it is scored on 'xnli'",
        ),
        ({"contrasts__c__of": {"languages": ["xx"]}}, "none of its targets is scored in 'xx'"),
        ({"contrasts__c__of": {"languages": ["az"]}}, "target 'xnli' has no language to compare in"),
        (
            {"contrasts__c": {"arm": "sw", "against": "none", "of": {"languages": ["de", "fr"]}, "confirmatory": True,
                              "predicted": {"sign": "positive"}}},
            "2 are too few to confirm anything of their kind",
        ),
        (
            {"contrasts__c": {"arm": "sw", "against": "none", "of": {"languages": ["de", "fr", "ru"]},
                              "slope": "distance"}},
            "distance is known of 3 of its languages, and a slope needs 4",
        ),
        ({"contrasts__c__of": {"languages": ["de"]}, "targets__xnl": {}}, "the recipe of none, sw: targets: no task"),
    ],
)  # fmt: skip
def test_a_claim_that_the_arms_cannot_carry_is_refused(changes: dict[str, Any], said: str) -> None:
    changed = real(**changes)
    with pytest.raises(RecipeError, match=said):
        check_study(changed)


def test_the_arms_of_a_scaling_may_not_have_seen_its_languages() -> None:
    more = {
        f"arms__more_{code}": {"intermediate": {**ANSWER, "tasks": {"tydiqa": {"languages": [code]}}}}
        for code in ("fi", "ko")
    }
    asked = {"amount": "n", "against": "none", "arms": {1: ["sw"], 2: ["more_fi"], 3: ["more_ko"]}}
    fine = {"contrasts__c__of": {"languages": ["de"]}, **more}
    leaking = real(**fine, scaling={"n": {**asked, "of": {"low": {"targets": ["panx"], "languages": ["de", "fi"]}}}})
    with pytest.raises(RecipeError, match=r"scaling.n.of.low: arm 'more_fi' has seen labels in 'fi'"):
        check_study(leaking)
    assert check_study(real(**fine, scaling={"n": {**asked, "of": {"low": {"languages": ["de"]}}}}))


def test_a_leak_that_is_declared_is_no_leak() -> None:
    assert check_study(real(contrasts__c__zero_shot=False))
    assert check_study(real(contrasts__c__of={"languages": ["de", "fr"]}))


TURNING: dict[str, Any] = {
    "arms__ko": {"intermediate": {**ANSWER, "tasks": {"tydiqa": {"languages": ["en", "ko"]}}}},
    "targets": {"panx": {}},
}


def turning(first: list[str], second: list[str], **more: Any) -> Any:
    """The arms with Swahili and with Korean, each held against the baseline over languages of its own."""
    turns = [
        {"arm": "sw", "against": "none", "languages": first},
        {"arm": "ko", "against": "none", "languages": second},
    ]
    return real(**TURNING, contrasts={"c": {"rotations": turns, **more}})


def test_a_language_may_be_held_out_of_one_rotation_and_be_learned_in_another() -> None:
    made = turning(["ko", "de"], ["sw", "de"])
    recipes = arm_recipes(check_study(made))
    assert all_languages(made, recipes, made.contrasts["c"], "of") == {"panx": ["de", "ko", "sw"]}


def test_a_rotation_over_a_language_that_its_own_arm_has_seen_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"contrasts.c.rotations.2.of: arm 'ko' has seen labels in 'ko'"):
        check_study(turning(["ko", "de"], ["ko", "de"]))
    assert check_study(turning(["ko", "de"], ["ko", "de"], zero_shot=False))


def test_the_reference_of_a_rotation_must_leave_its_languages_out_too() -> None:
    turns = [
        {"arm": "ko", "against": "sw", "languages": ["sw", "de"]},
        {"arm": "sw", "against": "none", "languages": ["ko", "de"]},
    ]
    with pytest.raises(RecipeError, match=r"contrasts.c.rotations.1.of: arm 'sw' has seen labels in 'sw'"):
        check_study(real(**TURNING, contrasts={"c": {"rotations": turns}}))


def test_rotations_confirm_something_of_the_languages_of_all_of_them_together() -> None:
    confirmatory = {"confirmatory": True, "predicted": {"sign": "positive"}}
    assert check_study(turning(["ko", "de"], ["sw", "de"], **confirmatory))
    with pytest.raises(RecipeError, match=r"contrasts.c.of.languages: 2 are too few to confirm"):
        check_study(turning(["ko"], ["sw"], **confirmatory))


def test_by_default_a_contrast_is_over_what_no_target_is_trained_in() -> None:
    changed = real(contrasts__c__zero_shot=False)
    runs = check_study(changed)
    recipes = arm_recipes(runs)
    chosen = cell_languages(changed, recipes, changed.contrasts["c"], changed.contrasts["c"].of)
    assert "en" not in chosen["xnli"] and {"sw", "de"} <= set(chosen["xnli"]) and len(chosen["panx"]) > 40
    assert labels_seen(recipes["sw"], "sw", "xnli") == {"en", "sw"}
    assert labels_seen(recipes["none"], "none", "xnli") == {"en"}


def test_translated_training_of_a_target_counts_as_labels() -> None:
    changed = real(
        targets={"tydiqa": {}},
        arms__all={"targets": {"tydiqa": {"train_languages": ["en", "ko"]}}, "unmatched": "more"},
        contrasts__c={"arm": "all", "against": "none", "of": {"targets": ["tydiqa"], "languages": ["ko", "fi", "ru"]}},
    )
    with pytest.raises(RecipeError, match="arm 'all' has seen labels in 'ko' when it is scored on 'tydiqa'"):
        check_study(changed)


@pytest.mark.parametrize("test", ["sign", "sign_flip"])
def test_an_exact_test_of_the_best_of_several_is_refused_by_the_seeds_it_is_measured_on(test: str) -> None:
    one = {"best_of": ["qa", "shuffled"], "against": "none", "predicted": {"sign": "positive"}, "confirmatory": True}
    changed = study(seeds={"intermediate": list(range(10))}, statistics={"test": test}, contrasts={"c": one})
    with pytest.raises(RecipeError, match=r"contrasts\.c\.best_of: the best is measured on 5 of 10 seeds, .* 0.0625"):
        check_seeds(changed)
    check_seeds(study(seeds={"intermediate": list(range(12))}, statistics={"test": test}, contrasts={"c": one}))


@pytest.mark.parametrize(
    ("seeds", "statistics", "confirmatory", "said"),
    [
        (5, {"test": "sign"}, 1, "5 paired seeds give an exact sign test a p-value of 0.0625 at the least, above 0.05"),
        (5, {"test": "sign_flip"}, 1, "give 6 seeds or more, or `test: bootstrap`"),
        (6, {"test": "sign"}, 2, r"above 0.05 / 2 \(Holm over 2 confirmatory contrasts\); give 7 seeds"),
        (1, {}, 1, "contrasts.c0.confirmatory: one seed shows no spread"),
    ],
)
def test_seeds_that_cannot_tell_are_refused(
    seeds: int, statistics: dict[str, str], confirmatory: int, said: str
) -> None:
    one = {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}, "confirmatory": True}
    changed = study(
        seeds={"intermediate": list(range(seeds))},
        statistics=statistics,
        contrasts={f"c{number}": one for number in range(confirmatory)},
    )
    with pytest.raises(RecipeError, match=said):
        check_seeds(changed)


def test_six_seeds_may_be_asked_for_a_sign_test_and_five_for_a_bootstrap() -> None:
    one = {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}, "confirmatory": True}
    check_seeds(study(seeds={"intermediate": [1, 2, 3, 4, 5, 6]}, statistics={"test": "sign"}, contrasts={"c": one}))
    check_seeds(study(seeds={"intermediate": [1, 2, 3, 4, 5]}, contrasts={"c": one}))


def matched(match: str, **phase: Any) -> Any:
    """The small study with tokens or steps of its arms as given."""
    text = {"tasks": {"synth_qa": {}}, "steps": 10, "batch_tokens": 512}
    other = {"tasks": {"synth_qa:shuffled": {}}, "steps": 10, "batch_tokens": 512, **phase}
    return study(
        arms={"none": {"role": "baseline"}, "qa": {"intermediate": text}, "other": {"intermediate": other}},
        budget={"match": match},
    )


@pytest.mark.parametrize(
    ("match", "phase", "said"),
    [
        (
            "tokens",
            {"steps": 11},
            r"arms 'other' and 'qa' differ by 10.0% in tokens of their intermediate phases \(5,632",
        ),
        (
            "tokens",
            {"batch_tokens": 530},
            r"differ by 3.5% in tokens .* more than 2%; change how long they train, or say",
        ),
        ("steps", {"steps": 11}, r"differ by 10.0% in steps of their intermediate phases \(11 and 10\)"),
    ],
)
def test_planned_budgets_that_differ_are_refused(match: str, phase: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        check_study(matched(match, **phase))


def test_budgets_within_the_tolerance_and_those_not_known_pass() -> None:
    check_study(matched("tokens", batch_tokens=520))
    check_study(matched("tokens", batch_tokens=None, batch_examples=8))  # tokens are known once data are prepared


def test_an_arm_that_says_why_is_not_compared() -> None:
    values = matched("steps").model_dump()
    values["arms"]["other"]["intermediate"]["steps"] = 20
    values["arms"]["other"]["unmatched"] = "twice as long on purpose"
    from ds_stilts.studies.study import Study

    assert check_study(Study.model_validate(values))


def test_with_over_all_what_the_targets_are_trained_on_counts_too() -> None:
    from ds_stilts.studies.study import Study

    values = matched("steps").model_dump()
    values["budget"] = {"match": "steps", "over": "all"}
    values["arms"]["longer"] = {"targets": {name: {"steps": 14} for name in values["targets"]}, "role": "control"}
    check_study(Study.model_validate(values))  # 10 + 4 steps against 0 + 14
    values["arms"]["longer"]["targets"]["synth_pos"]["steps"] = 20
    with pytest.raises(RecipeError, match=r"arms 'longer' and 'qa' differ by 21.4% in steps of their training"):
        check_study(Study.model_validate(values))


def test_check_arms_names_the_recipe_that_cannot_be_run() -> None:
    from ds_stilts.studies.expand import expand

    changed = study(arms__qa__intermediate={"tasks": {"synth_retrieval": {}}})
    with pytest.raises(
        RecipeError, match=r"the recipe of none, qa, shuffled: arms.qa.tasks.synth_retrieval: nothing can"
    ):
        check_arms(changed, expand(changed))


def test_weights_are_not_chosen_on_what_is_scored() -> None:
    early = {"every": 2, "patience": 3, "split": "test"}
    with pytest.raises(
        RecipeError, match="in arm 'none' the weights are chosen on split 'test', which is scored as well"
    ):
        check_study(study(targets__synth_pos__validation=early))
    check_study(study(targets__synth_pos__validation={**early, "split": "dev"}))
    check_study(study(targets__synth_pos__validation={"every": 2, "split": "test"}))  # looked at, and nothing chosen
    check_study(study(targets__synth_pos__validation={**early, "choose_by": "entropy", "unlabelled": {}}))
