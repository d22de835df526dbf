"""What a validation cannot ask for, told before any file is opened; and which languages are looked at unasked."""

from typing import Any

import pytest
from pydantic import ValidationError

from ds_stilts.errors import RecipeError
from ds_stilts.plan import check_recipe
from ds_stilts.plan_validation import pivot_language, unlabelled_languages
from ds_stilts.recipe import Recipe, Target
from ds_stilts.tasks import get_task


def recipe(target: str = "xnli", *, arm: dict[str, Any] | None = None, **validation: Any) -> Recipe:
    own: dict[str, Any] = {"steps": 5, "validation": {"every": 2, **validation}}
    score = own["validation"].pop("score", {})
    values = {
        "name": "r",
        "start": {"model": "owner/model"},
        "arms": {"none": None, **({"a": {"tasks": {"mnli": {}}, "steps": 5, **arm}} if arm else {})},
        "targets": {target: {**own, **score}},
    }
    return Recipe.model_validate(values)


def refusal(made: Recipe) -> str:
    with pytest.raises(RecipeError) as caught:
        check_recipe(made, processes=1)
    return str(caught.value)


def target_of(made: Recipe) -> Target:
    (target,) = made.targets.values()
    return target


def test_without_names_every_scored_language_that_is_not_trained_in_and_has_the_split_is_looked_at() -> None:
    made = recipe(unlabelled={}, score={"score_languages": ["en", "de", "sw"]})
    check_recipe(made, processes=1)
    assert unlabelled_languages(target_of(made), get_task("xnli")) == ["de", "sw"]
    assert pivot_language(target_of(made), get_task("xnli")) == "en"


def test_only_items_that_are_translations_with_one_label_have_a_pivot() -> None:
    for name, pivot in {"xnli": "en", "pawsx": "en", "synth_choice": "aa", "panx": None, "synth_pos": None}.items():
        made = recipe(name, unlabelled={})
        check_recipe(made, processes=1)
        assert pivot_language(target_of(made), get_task(name)) == pivot


@pytest.mark.parametrize(
    ("target", "validation", "sentence"),
    [
        ("xnli", {"unlabelled": {"split": "test"}}, "unlabelled.split: 'test' is scored, and nothing may be chosen"),
        ("xnli", {"unlabelled": {"languages": ["en"]}}, "the target is trained in 'en', whose labels it has seen"),
        ("xnli", {"unlabelled": {"languages": ["xx"]}}, "task 'xnli' has no language 'xx' in split 'dev'"),
        ("xnli", {"unlabelled": {"split": "dv"}}, "task 'xnli' has no split 'dv'"),
        ("xquad", {"unlabelled": {}}, "no language that is scored and not trained in has split 'dev'"),
        ("korsts", {"unlabelled": {}}, "is pair_regression, whose predictions are numbers without a distribution"),
        ("panx", {"unlabelled": {}, "choose_by": "agreement", "patience": 1}, "agreement between languages says noth"),
        ("xnli", {"probe": {"task": "tatoba"}}, "validation.probe.task: no task 'tatoba' (did you mean 'tatoeba'?)"),
        ("xnli", {"probe": {"task": "bucc2018"}}, "'bucc2018' is mining, and translations one by one are needed"),
        ("xnli", {"probe": {"task": "tatoeba", "languages": ["en"]}}, "task 'tatoeba' has no language 'en'"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_in_a_sentence(
    target: str, validation: dict[str, Any], sentence: str
) -> None:
    assert sentence in refusal(recipe(target, **validation))


def test_an_arm_knows_no_languages_that_it_is_scored_in() -> None:
    made = recipe(arm={"validation": {"every": 2, "unlabelled": {}}})
    assert refusal(made).startswith("arms.a.validation.unlabelled: only a target knows")


@pytest.mark.parametrize(
    ("validation", "sentence"),
    [
        ({"choose_by": "entropy", "patience": 1}, "measured on texts without labels; add `unlabelled: {}`"),
        ({"choose_by": "entropy", "unlabelled": {}}, "without `patience` the last step is kept"),
        ({"probe": {"task": "tatoeba", "layers": []}}, "layers: it names no hidden state"),
        ({"probe": {"task": "tatoeba", "layers": [-1]}}, "layers: -1 is no hidden state"),
    ],
)
def test_a_key_that_would_decide_nothing_is_refused(validation: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match="(?s)" + sentence.replace("{", r"\{").replace("}", r"\}")):
        recipe(**validation)
