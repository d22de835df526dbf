"""What each phase of a sequence begins with, and which heads it hands on."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ds_stilts.errors import CheckpointError
from ds_stilts.models.heads import build_head
from ds_stilts.phases.context import Run
from ds_stilts.phases.sequence import (
    follows_in_sequence,
    load_head,
    other_heads,
    source_of,
    stored_heads,
)
from ds_stilts.plan import keeps_language_head
from ds_stilts.recipe import Recipe


def run(root: Path, **changes: Any) -> Run:
    phases = [{"tasks": tasks, "steps": 1} for tasks in ({"mnli": {}}, {"squad_v1": {}, "text": {}}, {"mnli": {}})]
    values = {
        "name": "r",
        "start": {"model": "owner/model"},
        "arms": {"none": None, "nli": phases[0], "chain": {"sequence": phases}},
        "targets": {"xnli": {"steps": 1}},
    }
    return Run(recipe=Recipe.model_validate({**values, **changes}), run_dir=root, data_root=root)


def test_every_stage_begins_with_the_folder_of_the_one_before(tmp_path: Path) -> None:
    own = run(tmp_path)
    expected = {
        "arms/nli": "owner/model",
        "arms/chain/1": "owner/model",
        "arms/chain/2": tmp_path / "arms/chain/1/model",
        "arms/chain/3": tmp_path / "arms/chain/2/model",
        "targets/none/xnli": "owner/model",
        "targets/nli/xnli": tmp_path / "arms/nli/model",
        "targets/chain/xnli": tmp_path / "arms/chain/3/model",
    }
    assert {stage: source_of(own, stage) for stage in expected} == {k: str(v) for k, v in expected.items()}


def test_a_made_start_model_is_read_from_the_run_folder(tmp_path: Path) -> None:
    pretrain = {"tasks": {"text": {}}, "steps": 1}
    own = run(tmp_path, start={"model": "owner/model", "pretrain": pretrain})
    assert source_of(own, "arms/chain/1") == source_of(own, "targets/none/xnli") == str(tmp_path / "start/model")


def test_heads_go_on_within_a_sequence_only(tmp_path: Path) -> None:
    own = run(tmp_path)
    stages = ["arms/nli", "arms/chain/1", "arms/chain/2", "arms/chain/3", "targets/chain/xnli"]
    assert [follows_in_sequence(own, stage) for stage in stages] == [False, False, True, True, False]


def test_the_language_head_is_kept_through_a_sequence_in_which_any_phase_trains_it(tmp_path: Path) -> None:
    own = run(tmp_path)
    stages = ["arms/nli", "arms/chain/1", "arms/chain/2", "arms/chain/3", "targets/chain/xnli", "start"]
    assert [keeps_language_head(own.recipe, stage) for stage in stages] == [False, True, True, True, False, False]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    heads = torch.nn.ModuleDict({"nli": build_head("classification", 4, 3, 0.0), "qa": build_head("span", 4, 2, 0.0)})
    save_file(heads.state_dict(), tmp_path / "heads.safetensors")
    return tmp_path


def test_a_stored_head_is_loaded_whole(model: Path) -> None:
    stored, head = stored_heads(str(model)), build_head("classification", 4, 3, 0.0)
    load_head(head, stored, "nli", str(model))
    for name, value in head.state_dict().items():
        assert torch.equal(value, stored[f"nli.{name}"])


@pytest.mark.parametrize(("name", "num_outputs"), [("nli", 2), ("missing", 3), ("qa", 3)])
def test_a_head_that_is_missing_or_of_another_shape_is_told(model: Path, name: str, num_outputs: int) -> None:
    head = build_head("classification", 4, num_outputs, 0.0)
    with pytest.raises(CheckpointError, match=rf"heads\.safetensors should hold a head '{name}'"):
        load_head(head, stored_heads(str(model)), name, str(model))


def test_heads_that_are_not_trained_are_handed_on(model: Path) -> None:
    stored = stored_heads(str(model))
    assert set(other_heads(stored, ["nli"])) == {"qa.out_proj.weight", "qa.out_proj.bias"}
    assert other_heads(stored, ["nli", "qa", "pos"]) == {} and len(other_heads(stored, ["n"])) == len(stored)


def test_damaged_heads_are_a_sentence(model: Path) -> None:
    whole = (model / "heads.safetensors").read_bytes()
    (model / "heads.safetensors").write_bytes(whole[:-8])
    with pytest.raises(CheckpointError, match=r"heads\.safetensors is damaged \(.*\); copy it again"):
        stored_heads(str(model))


def test_a_model_without_heads_has_none(tmp_path: Path) -> None:
    assert stored_heads(str(tmp_path)) == stored_heads("owner/model") == {}
