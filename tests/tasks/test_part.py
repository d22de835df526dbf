"""Part of a task as a task of its own: XNLI's pairs of one genre, in the layout of its release."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.data.identity import declaration
from ds_stilts.errors import DataError, RecipeError
from ds_stilts.plan import check_recipe
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task
from ds_stilts.tasks.declaration import words
from ds_stilts.tasks.examples import PairExample
from ds_stilts.tasks.part import part

COLUMNS = words(
    "language gold_label sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse sentence1 "
    "sentence2 promptID pairID genre label1 label2 label3 label4 label5 sentence1_tokenized sentence2_tokenized match"
)
ROWS = [("fiction", "neutral"), ("facetoface", "entailment"), ("fiction", "contradiction")]
FICTION = {"genre": ["fiction"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three test pairs in German and Swahili, as xnli.test.tsv has them: quotation marks are characters."""
    lines = ["\t".join(COLUMNS)]
    for language in ("de", "sw"):
        for number, (genre, label) in enumerate(ROWS, start=1):
            row = {"language": language, "gold_label": label, "sentence1": f'"{language} {number}', "sentence2": "b",
                   "pairID": str(number), "genre": genre}  # fmt: skip
            lines.append("\t".join(row.get(column, "") for column in COLUMNS))
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli/xnli.test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "xnli/train-en.tsv").write_text("a\tb\tneutral\n", encoding="utf-8")
    return tmp_path


def test_one_file_of_all_languages_is_read_in_each_and_an_item_has_one_id_in_all(root: Path) -> None:
    german, swahili = (get_task("xnli_genres").examples("test", language, root) for language in ("de", "sw"))
    assert german[0] == PairExample(id="1", premise='"de 1', hypothesis="b", label="neutral")
    assert [example.id for example in german] == [example.id for example in swahili] == ["1", "2", "3"]
    with pytest.raises(DataError, match=r"no example has language 'th'; there are de \(3\), sw \(3\)\."):
        get_task("xnli_genres").examples("test", "th", root)


def test_a_part_has_the_examples_of_its_genre_and_trains_on_the_whole(root: Path) -> None:
    fiction = part("xnli_fiction", get_task("xnli_genres"), FICTION)
    assert [example.id for example in fiction.examples("test", "sw", root)] == ["1", "3"]
    assert fiction.examples("train", "en", root) == get_task("xnli").examples("train", "en", root)
    assert fiction.split("test").published is None and fiction.split("train").published == 392_702
    assert (fiction.train_data, fiction.head, fiction.title) == ("mnli", "xnli", "XNLI, with genres, genre fiction")


def test_parts_are_prepared_apart() -> None:
    task = get_task("xnli_genres")
    parts = [part("p", task, {"genre": [genre]}) for genre in ("fiction", "slate")]
    assert len({declaration(one, "test") for one in (task, *parts)}) == 3
    assert declaration(parts[0], "test") == declaration(part("p", task, FICTION), "test")


def recipe(parts: dict[str, Any], **changes: Any) -> Recipe:
    values = {
        "name": "r",
        "start": {"model": "owner/model"},
        "arms": {"none": None},
        "targets": {name: {"steps": 1} for name in parts},
        "parts": parts,
        **changes,
    }
    return Recipe.model_validate(values)


def test_parts_of_one_task_are_targets_of_one_recipe_and_part_of_what_it_is() -> None:
    two = {name: {"of": "xnli_genres", "where": {"genre": [name]}} for name in ("fiction", "slate")}
    check_recipe(recipe(two), processes=1)
    assert get_task("fiction").title.endswith("genre fiction") and get_task("slate:shuffled").title
    targets = {name: {"steps": 1} for name in two}
    other = {**two, "slate": {"of": "xnli_genres", "where": {"genre": ["letters"]}}}
    assert recipe(two).fingerprint() != recipe(other, targets=targets).fingerprint()
    assert "parts" not in recipe({}).identity()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"xnli": {"of": "xnli_genres", "where": FICTION}}, "parts.xnli: there is a task of that name already"),
        (
            {"p": {"of": "xnli_genre", "where": FICTION}},
            r"parts\.p\.of: .*'xnli_genre' \(did you mean 'xnli_genres'\?\)",
        ),
        ({"p": {"of": "xnli", "where": FICTION}}, r"parts\.p\.where\.genre: .* 'xnli' .* by any; name another task"),
        (
            {"p": {"of": "mnli", "where": {"gener": ["x"]}}},
            r"parts\.p\.where\.gener: .*'genre'\?\); they can by: genre",
        ),
    ],
)
def test_a_part_that_cannot_be_made_is_told_by_its_key(parts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        check_recipe(recipe(parts), processes=1)
