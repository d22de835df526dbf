"""What makes two recipes the same experiment."""

from typing import Any

import pytest
from pydantic import ValidationError

from ds_stilts.recipe import Recipe


def recipe(tasks: dict[str, Any]) -> Recipe:
    values = {
        "name": "r",
        "start": {"model": "FacebookAI/xlm-roberta-base"},
        "training": {"steps": 10, "batch_examples": 8},
        "arms": {"a": {"tasks": tasks}},
        "targets": {},
    }
    return Recipe.model_validate(values)


def test_a_mixture_is_another_one_with_its_tasks_in_another_order() -> None:
    """Items are drawn by that order; a run would go on with other data without a word."""
    there, here = recipe({"mnli": {}, "qqp": {}}), recipe({"qqp": {}, "mnli": {}})
    assert there.fingerprint() != here.fingerprint()
    assert here.identity()["arms"]["a"]["task_order"] == ["qqp", "mnli"]


def test_tasks_in_the_order_of_their_names_are_the_experiment_that_they_always_were() -> None:
    assert "task_order" not in recipe({"mnli": {}, "qqp": {}}).identity()["arms"]["a"]


def validated(**validation: Any) -> str:
    values = {
        "name": "r", "start": {"model": "FacebookAI/xlm-roberta-base"}, "arms": {"none": None},
        "targets": {"xnli": {"steps": 5, "validation": {"every": 2, **validation}}},
    }  # fmt: skip
    return Recipe.model_validate(values).fingerprint()


def test_what_a_validation_only_shows_is_no_other_experiment_and_what_it_chooses_by_is() -> None:
    seen = {"unlabelled": {"examples": 50}}
    for patience in ({}, {"patience": 2}):
        plain = validated(**patience)
        assert plain == validated(**patience, probe={"task": "tatoeba"}) == validated(**patience, **seen)
    chosen = validated(patience=2, choose_by="entropy", **seen)
    assert chosen == validated(patience=2, choose_by="entropy", unlabelled={"examples": 50, "oracle": True})
    assert len({chosen, validated(patience=2), validated(patience=2, choose_by="entropy", unlabelled={})}) == 3


def test_a_part_of_a_task_is_another_experiment_and_the_whole_is_the_one_that_it_always_was() -> None:
    whole = recipe({"mnli": {}})
    assert "where" not in whole.identity()["arms"]["a"]["tasks"]["mnli"]
    parts = [recipe({"mnli": {"where": {"genre": genres}}}) for genres in (["fiction"], ["fiction", "slate"])]
    assert len({one.fingerprint() for one in (whole, *parts)}) == 3
    assert parts[1].fingerprint() == recipe({"mnli": {"where": {"genre": ["slate", "fiction", "slate"]}}}).fingerprint()


@pytest.mark.parametrize(
    ("where", "sentence"), [({}, "it names no field"), ({"genre": []}, "at least 1 item"), ({"genre": "x"}, "list")]
)
def test_a_part_that_asks_for_nothing_is_refused(where: Any, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        recipe({"mnli": {"where": where}})
