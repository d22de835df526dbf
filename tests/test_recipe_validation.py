"""The recipe on the page about validation: it can be run, and each key does what the page says of it."""

import re
from pathlib import Path
from typing import Any

import yaml

from ds_stilts.plan import check_recipe
from ds_stilts.plan_validation import pivot_language, unlabelled_languages
from ds_stilts.recipe import Recipe, Validation
from ds_stilts.tasks import get_task

DOCS = Path(__file__).parents[1] / "docs"


def examples(page: str) -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)]


def test_the_recipe_of_the_page_can_be_run_and_chooses_without_labels() -> None:
    (values,) = examples("validation.md")
    recipe = Recipe.model_validate(values)
    check_recipe(recipe, processes=2)
    (arm,) = recipe.phases_of("qa")
    assert arm.validation and arm.validation.probe and arm.validation.probe.layers == "all"
    target, task = recipe.targets["synth_nli"], get_task("synth_nli")
    assert target.validation and not target.validation.chooses_by_labels
    assert "aa" not in unlabelled_languages(target, task) and pivot_language(target, task) == "aa"


def test_the_page_names_every_key_and_no_other() -> None:
    text = (DOCS / "validation.md").read_text()
    (table,) = re.findall(r"\| key \| meaning \|\n\| --- \| --- \|\n((?:\|.*\n)+)", text)
    named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(Validation.model_fields)
