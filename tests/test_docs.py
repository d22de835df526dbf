"""What the pages under docs/ show as a whole file is one that the program takes as it stands."""

import re
from pathlib import Path

import pytest
import yaml

from ds_stilts.plan import check_recipe
from ds_stilts.recipe_file import load_recipe
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.study_file import load_study

DOCS = Path(__file__).parents[1] / "docs"


def examples(key: str) -> list[tuple[str, str]]:
    """Page and text of every YAML block that has `key` at its top."""
    found = [
        (page.name, block)
        for page in sorted(DOCS.glob("*.md"))
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    return [(page, block) for page, block in found if key in yaml.safe_load(block)]


@pytest.mark.parametrize(("page", "block"), examples("name"), ids=lambda text: text[:20])
def test_a_recipe_in_the_docs_can_be_run_as_it_stands(page: str, block: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(block, encoding="utf-8")
    check_recipe(load_recipe(str(tmp_path / "recipe.yaml")), 1)


@pytest.mark.parametrize(("page", "block"), examples("study"), ids=lambda text: text[:20])
def test_a_study_in_the_docs_can_be_run_as_it_stands(page: str, block: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(block, encoding="utf-8")
    check_study(load_study(str(tmp_path / "study.yaml")))


def test_there_are_examples_of_both() -> None:
    assert examples("name") and examples("study")
