"""What `run.json` says of stages to people and to batch scripts."""

import json
from pathlib import Path

import pytest

from ds_stilts.phases.context import Run
from ds_stilts.recipe import Recipe
from ds_stilts.run_record import RunRecord


def test_a_target_is_trained_with_its_model_and_one_that_is_searched_needs_none(tmp_path: Path) -> None:
    recipe = Recipe.model_validate(
        {
            "name": "r",
            "start": {"model": "model"},
            "arms": {"none": None},
            "targets": {"xnli": {"steps": 1}, "tatoeba": {}},
        }
    )
    record = RunRecord(Run(recipe=recipe, run_dir=tmp_path, data_root=tmp_path), [], 1)

    def trained() -> dict[str, bool]:
        record.update()
        rows = json.loads((tmp_path / "run.json").read_text())["stages"]
        assert not any(row["done"] for row in rows if row["stage"] != "start")
        return {row["stage"]: row["trained"] for row in rows}

    assert trained() == {"start": False, "targets/none/xnli": False, "targets/none/tatoeba": True}
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "DONE").write_text('{"wall_s": 1.0}')
    (tmp_path / "targets" / "none" / "xnli" / "model").mkdir(parents=True)
    assert all(trained().values())


def test_a_mark_that_another_job_removes_while_it_is_read_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elements of an array score targets again side by side, and a node may see a file that is gone."""
    recipe = Recipe.model_validate({"name": "r", "start": {"model": "model"}, "arms": {"none": None}, "targets": {}})
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name == "DONE" or exists(path))
    RunRecord(Run(recipe=recipe, run_dir=tmp_path, data_root=tmp_path), [], 1)
    (row,) = json.loads((tmp_path / "run.json").read_text())["stages"]
    assert row == {"stage": "start", "done": False, "trained": False, "wall_s": None}
