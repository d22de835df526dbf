"""Links between runs and the store, and what happens to work that another recipe left half done."""

from pathlib import Path

import pytest

from ds_stilts.errors import UserError
from ds_stilts.studies.store import Store, read_json


def test_a_stage_folder_is_a_link_that_moves_with_its_store(tmp_path: Path) -> None:
    store = Store(root=tmp_path / "a" / "store")
    store.link("k1", tmp_path / "a" / "study" / "runs" / "start")
    (store.folder("k1") / "DONE").write_text("{}")
    (tmp_path / "a").rename(tmp_path / "b")

    assert (tmp_path / "b" / "study" / "runs" / "start" / "DONE").is_file()
    assert Store(root=tmp_path / "b" / "store").is_done("k1")


def test_linking_again_changes_nothing_and_another_key_replaces_the_link(tmp_path: Path) -> None:
    store, stage = Store(root=tmp_path / "store"), tmp_path / "run" / "arms" / "qa"
    store.link("k1", stage)
    store.link("k1", stage)
    store.link("k2", stage)
    assert stage.resolve() == store.folder("k2") and store.folder("k1").is_dir()
    assert [path.name for path in stage.parent.iterdir()] == ["qa"]


def test_a_folder_in_the_place_of_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run" / "start").mkdir(parents=True)
    with pytest.raises(UserError, match="is a folder of its own, not a link into the store"):
        Store(root=tmp_path / "store").link("k1", tmp_path / "run" / "start")


def test_half_done_work_goes_on_for_its_own_recipe_and_is_begun_again_for_another(tmp_path: Path) -> None:
    store = Store(root=tmp_path)
    store.folder("k").mkdir()
    assert store.begin("k", {"a": 1}, stage="arms/qa", fingerprint="one") == 1
    (store.folder("k") / "checkpoints").mkdir()
    (store.folder("k") / "checkpoints" / "step-1").write_text("x")
    (store.folder("k") / "LOCK").write_text("held")

    assert store.begin("k", {"a": 1}, stage="arms/qa", fingerprint="one") == 2
    assert (store.folder("k") / "checkpoints" / "step-1").exists()
    assert store.begin("k", {"a": 1}, stage="arms/other", fingerprint="two") == 3
    assert sorted(path.name for path in store.folder("k").iterdir()) == ["LOCK", "entry.json"]
    entry = read_json(store.folder("k") / "entry.json")
    assert (entry["fingerprint"], entry["stage"], entry["facts"]) == ("two", "arms/other", {"a": 1})


def test_half_an_object_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": ')
    assert read_json(tmp_path / "x.json") == {} == read_json(tmp_path / "missing.json")
