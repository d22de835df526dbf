"""What no YAML reader or model of a recipe expects is refused in a sentence too."""

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.recipe_file import load_recipe
from tests.test_recipe import read, refused, text


@pytest.mark.parametrize(
    "value", ["2020-02-30", "a\0b", "9" * 5000, "[" * 2000, "!!bool x", "!!timestamp x", "!!int x"]
)
def test_a_value_that_yaml_itself_cannot_read_is_refused_in_a_sentence(value: str) -> None:
    assert refused(f"name: {value}\n").startswith("probe.yaml is not valid YAML: ")
    if "\0" not in value:
        with pytest.raises(RecipeError, match="is not valid YAML"):
            read(text(), f"description={value}")


def test_keys_and_names_that_are_no_words_are_refused_in_a_sentence() -> None:
    assert "training.1: unknown key" in refused(text(training={1: 2}))
    assert "lists the names of arms, found ['a']" in refused(text(arms={"m": {"merge": {"arms": [["a"]]}}}))
    with pytest.raises(RecipeError, match="count from 1"):
        read(text(arms={"a": {"sequence": [{"steps": 1, "tasks": {"mnli": {}}}]}}), "arms.a.sequence.².lr=1")


def test_a_name_that_no_file_can_have_is_refused_in_a_sentence() -> None:
    with pytest.raises(RecipeError, match="aaa: File name too long; name a recipe file that can be read"):
        load_recipe("a" * 300)
