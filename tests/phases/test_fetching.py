"""A recipe that reads from the hub: what its data root lacks is fetched, and the run says which copies it read."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from ds_stilts.errors import DataError
from ds_stilts.phases.checks import check_files
from ds_stilts.phases.context import Run, data_folder
from ds_stilts.phases.fetching import fetch_missing, record_copies
from ds_stilts.recipe import Recipe
from tests.hub import nli_rows, put_in_cache, write_hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = nli_rows([("a", "b", "neutral"), ("c", "d", "entailment"), ("e", "f", "contradiction")])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the hub, as an earlier download of all of XNLI's German and English would have left it."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    parts = {("en", "train"): ROWS, ("en", "test"): ROWS, ("de", "test"): ROWS[:2], ("de", "validation"): ROWS}
    put_in_cache(tmp_path / "hf", write_hub(tmp_path / "xnli", parts), "facebook/xnli", COMMIT)


def run(tmp_path: Path, **target: Any) -> Run:
    values = {
        "name": "r",
        "data": {"source": "hub"},
        "start": {"model": "m"},
        "arms": {"none": None},
        "targets": {"xnli": {"steps": 1, "score_languages": ["en", "de"], **target}},
    }
    (tmp_path / "run").mkdir()
    return Run(recipe=Recipe.model_validate(values), run_dir=tmp_path / "run", data_root=tmp_path / "root")


def fetched(tmp_path: Path) -> list[str]:
    return sorted(path.stem for path in (tmp_path / "root" / "hub" / "xnli").glob("*.parquet"))


def test_all_that_the_recipe_reads_is_fetched_and_nothing_else(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    fetch_missing(wanted)
    check_files(wanted)
    assert fetched(tmp_path) == ["test-de", "test-en", "train-en"]


def test_an_official_file_that_lies_there_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "root" / "xnli").mkdir(parents=True)
    (tmp_path / "root" / "xnli" / "train-en.tsv").write_text("a\tb\tneutral\n", encoding="utf-8")
    fetch_missing(run(tmp_path))
    assert fetched(tmp_path) == ["test-de", "test-en"]


def test_of_several_splits_one_that_lies_there_is_enough(tmp_path: Path) -> None:
    (tmp_path / "root" / "xnli").mkdir(parents=True)
    (tmp_path / "root" / "xnli" / "test-de.tsv").write_text("a\tb\n", encoding="utf-8")
    fetch_missing(run(tmp_path, score_split=["dev", "test"], score_languages=["de"]))
    assert fetched(tmp_path) == ["train-en"]


def test_without_score_languages_all_of_the_task_are_fetched(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'xnli' \(facebook/xnli, configuration 'ar', split 'test'\) cannot be had"):
        fetch_missing(run(tmp_path, score_languages=None))


def test_a_task_that_is_not_on_the_hub_is_told_and_its_official_files_are_used(tmp_path: Path) -> None:
    values = run(tmp_path).recipe.model_dump(exclude={"training"})
    values["targets"] = {"tatoeba": {}}
    wanted = Run(recipe=Recipe.model_validate(values), run_dir=tmp_path / "run", data_root=tmp_path / "root")
    with pytest.raises(DataError, match=r"no copy that we know of task 'tatoeba', split 'test'; download the official"):
        fetch_missing(wanted)
    (tmp_path / "root" / "tatoeba").mkdir(parents=True)
    for side in ("de", "en"):
        (tmp_path / "root" / "tatoeba" / f"de-en.{side}").write_text("a\n", encoding="utf-8")
    fetch_missing(wanted)
    assert not (tmp_path / "root" / "hub").exists()


def test_the_run_says_which_copies_it_read(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    fetch_missing(wanted)
    record_copies(wanted)
    copies = json.loads((tmp_path / "run" / "hub.json").read_text(encoding="utf-8"))
    assert [(copy["task"], copy["our_split"], copy["language"], copy["rows"]) for copy in copies] == [
        ("xnli", "train", "en", 3),
        ("xnli", "test", "en", 3),
        ("xnli", "test", "de", 2),
    ]
    assert {copy["revision"] for copy in copies} == {COMMIT}


def test_a_run_on_official_files_alone_has_no_such_list(tmp_path: Path) -> None:
    wanted = run(tmp_path, score_languages=["en"])
    for name, text in {"xnli/train-en.tsv": "a\tb\tneutral\n", "xnli/test-en.tsv": "a\tb\n"}.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text, encoding="utf-8")
    fetch_missing(wanted)
    record_copies(wanted)
    assert not (tmp_path / "run" / "hub.json").exists()


def test_copies_lie_in_the_cache_folder_where_no_other_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DS_STILTS_CACHE", str(tmp_path / "own"))
    recipe = run(tmp_path).recipe
    assert data_folder(recipe, None) == tmp_path / "own" / "data"
    assert data_folder(recipe, tmp_path / "given") == tmp_path / "given"
    files = recipe.model_copy(update={"data": recipe.data.model_copy(update={"source": "files"})})
    assert data_folder(files, None) is None


def test_texts_without_labels_are_fetched_for_every_language_that_is_scored(tmp_path: Path) -> None:
    wanted = run(tmp_path, score_languages=["de"], validation={"every": 1, "languages": ["de"], "unlabelled": {}})
    with pytest.raises(DataError, match=r"configuration 'en', split 'validation'\) cannot be had"):
        fetch_missing(wanted)  # the pivot's
    assert fetched(tmp_path) == ["dev-de", "train-en"]
