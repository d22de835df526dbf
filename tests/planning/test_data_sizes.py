"""Where items and lengths of a phase are known from, the surest source first."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.data.checksums import checksum
from ds_stilts.data.identity import tokenizer_fingerprint
from ds_stilts.planning.data_sizes import ASSUMED, Known, TaskSize, task_size
from ds_stilts.planning.start_model import start_tokenizer
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task
from tests.small import tokenizer

MNLI = 392_702
"""Training pairs (Williams et al. 2018)."""

BASE: dict[str, Any] = {
    "name": "r",
    "start": {"model": "xlm-roberta-base"},
    "arms": {"mix": {"tasks": {"mnli": {}, "text": {}}, "steps": 1}},
    "targets": {"xnli": {"steps": 1}},
}


ROW = {"premise": "a b", "hypothesis": "a", "label": "entailment"}


def size(
    task: str,
    prepared: Path,
    arm: bool = True,
    limit: int | None = 512,
    data_root: Path | None = None,
    assumed: Mapping[str, int] | None = None,
    **changes: Any,
) -> TaskSize:
    recipe = Recipe.model_validate({**BASE, **changes})
    phase = recipe.arms["mix"] if arm else recipe.targets[task]
    assert phase is not None
    return task_size(Known(recipe, data_root, assumed or {}, prepared), phase, get_task(task), limit)


def write_facts(folder: Path, **values: Any) -> None:
    """Facts of a prepared file, as a run leaves them: 40 tokens an item."""
    items = values.get("items", MNLI)
    facts: dict[str, Any] = {
        "task": "mnli", "split": "train", "language": "en", "examples": items, "items": items, "sequences": items,
        "tokens": 40 * items, "bytes": 1, "checksum": "xxh3:other", "tokenizer": "another", **values,
    }  # fmt: skip
    (folder / "mnli").mkdir(parents=True, exist_ok=True)
    (folder / "mnli" / "train-en-abc.json").write_text(json.dumps(facts), encoding="utf-8")


def data(folder: Path, rows: int) -> Path:
    """A data root with so many rows of MNLI."""
    file = folder / "data" / "mnli" / "train.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(ROW)}\n" for _ in range(rows)), encoding="utf-8")
    return folder / "data"


@pytest.fixture
def model(tmp_path: Path) -> tuple[str, str]:
    """Folder of a start model, and the fingerprint of its tokenizer."""
    made = tokenizer()
    made.save_pretrained(tmp_path / "model")
    found = start_tokenizer(Recipe.model_validate({**BASE, "start": {"model": str(tmp_path / "model")}}))
    assert found == tokenizer_fingerprint(made)
    return str(tmp_path / "model"), found


def test_a_published_count_is_used_with_the_longest_input(tmp_path: Path) -> None:
    found = size("mnli", tmp_path)
    assert (found.items, found.counted) == (MNLI, "published counts")
    assert (found.item_tokens, found.longest, found.lengths_known) == (128, 128, False)


@pytest.mark.parametrize(
    "left",
    [
        {"items": 7000},  # a sample
        {"items": MNLI},  # the whole, by another tokenizer
        {"items": 7000, "tokenizer": None},  # a sample, by this one
        {"items": MNLI, "tokenizer": ""},  # of a version that did not write it down
    ],
)
def test_what_others_left_in_the_cache_changes_nothing(
    left: dict[str, Any], tmp_path: Path, model: tuple[str, str]
) -> None:
    folder, own = model
    before = size("mnli", tmp_path / "empty", start={"model": folder})
    write_facts(tmp_path, **{**left, **({"tokenizer": own} if left.get("tokenizer", "") is None else {})})
    assert size("mnli", tmp_path, start={"model": folder}) == before
    assert (before.items, before.lengths_known) == (MNLI, False)


def test_a_prepared_file_of_this_tokenizer_and_the_published_size_knows_the_mean_length(
    tmp_path: Path, model: tuple[str, str]
) -> None:
    folder, own = model
    write_facts(tmp_path, tokenizer=own)
    found = size("mnli", tmp_path, start={"model": folder})
    assert (found.items, found.item_tokens, found.counted, found.lengths_known) == (
        MNLI,
        40.0,
        "published counts",
        True,
    )


def test_where_the_data_files_are_there_they_are_counted(tmp_path: Path) -> None:
    found = size("mnli", tmp_path, data_root=data(tmp_path, 5))
    assert (found.items, found.counted, found.lengths_known) == (5, "data files", False)
    assert size("mnli", tmp_path, data_root=data(tmp_path, 6)).items == 6
    assert size("mnli", tmp_path, data_root=tmp_path / "nothing").counted == "published counts"


def test_a_prepared_file_of_these_data_knows_their_mean_length_and_windows(
    tmp_path: Path, model: tuple[str, str]
) -> None:
    folder, own = model
    root = data(tmp_path, 4)
    digest = checksum([root / "mnli" / "train.jsonl"])
    write_facts(tmp_path, items=6, examples=4, tokenizer=own, checksum=digest)
    found = size("mnli", tmp_path, start={"model": folder}, data_root=root)
    assert (found.items, found.item_tokens, found.counted, found.lengths_known) == (6, 40.0, "data files", True)
    write_facts(tmp_path, items=6, examples=4, tokenizer=own)  # as many, of other files
    assert not size("mnli", tmp_path, start={"model": folder}, data_root=root).lengths_known


def test_a_part_is_counted_in_the_data_files_or_not_at_all(tmp_path: Path) -> None:
    arms = {"mix": {"tasks": {"mnli": {"where": {"genre": ["fiction"]}}}, "steps": 1}}
    assert size("mnli", tmp_path, arms=arms, assumed={"mnli": 7}).items is None
    root = data(tmp_path, 0)
    rows = [{**ROW, "genre": genre} for genre in ("fiction", "slate", "fiction")]
    (root / "mnli" / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    found = size("mnli", tmp_path, arms=arms, data_root=root)
    assert (found.items, found.counted) == (2, "data files")
    assert size("mnli", tmp_path, data_root=root).items == 3


def test_an_assumed_count_is_the_last_resort_and_says_so(tmp_path: Path) -> None:
    assumed = {"mnli": 7, "text": 9}
    assert size("mnli", tmp_path, assumed=assumed).items == MNLI
    found = size("text", tmp_path, assumed=assumed)
    assert (found.items, found.counted) == (9, ASSUMED)


def test_running_text_is_counted_where_its_files_are(tmp_path: Path) -> None:
    assert size("text", tmp_path).items is None
    for language, lines in (("de", 2), ("en", 3)):
        file = tmp_path / "data" / "text" / f"{language}.txt.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(b"a b c\n" * lines))
    assert size("text", tmp_path, data_root=tmp_path / "data").items == 5


def test_a_target_may_train_on_fewer_examples(tmp_path: Path) -> None:
    assert size("xnli", tmp_path, arm=False, targets={"xnli": {"steps": 1, "max_train_examples": 500}}).items == 500


def test_inputs_are_no_longer_than_the_recipe_and_the_model_allow(tmp_path: Path) -> None:
    arms = {"mix": {"tasks": {"mnli": {}}, "steps": 1, "max_tokens": 96}}
    assert size("mnli", tmp_path, arms=arms).longest == 96
    assert size("mnli", tmp_path, limit=64).longest == 64
    assert size("mnli", tmp_path, limit=None).longest == 128


def test_choices_of_one_example_are_one_item(tmp_path: Path) -> None:
    arms = {"mix": {"tasks": {"siqa": {}}, "steps": 1}}
    assert size("siqa", tmp_path, arms=arms).longest == 3 * get_task("siqa").max_tokens


@pytest.mark.parametrize(("preset", "items"), [("tiny", 3000), ("small", 9000)])
def test_made_up_languages_are_counted_by_their_preset(preset: str, items: int, tmp_path: Path) -> None:
    changes = {"data": {"synthetic": {"preset": preset}}, "targets": {"synth_nli": {"steps": 1}}}
    assert size("synth_nli", tmp_path, arm=False, **changes).items == items
