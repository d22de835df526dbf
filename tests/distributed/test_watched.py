"""What a validation looks at besides, on partitioned engines in lockstep: no weight moves by a bit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ds_stilts.recipe import Architecture
from tests.distributed import phases
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)
SHAPE = Architecture(hidden_size=32, layers=2, heads=2, intermediate_size=64, max_tokens=128)
STAGE = "targets/none/synth_nli"
TARGET: dict[str, Any] = {
    "steps": 4, "max_train_examples": 40, "checkpoint_every": 4,
    "score_languages": ["bb", "cc"], "max_score_examples": 10,
}  # fmt: skip
WATCHED = {
    "every": 2, "examples": 10, "probe": {"task": "synth_retrieval", "languages": ["bb", "ee"], "examples": 20},
    "unlabelled": {"examples": 15, "oracle": True},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phases.make_folder(tmp_path_factory.mktemp("watched"), SHAPE)


def walked(folder: Path, name: str, target: dict[str, Any]) -> Path:
    made = phases.recipe(str(folder / "start"), "zero3_release_fp32", targets={"synth_nli": target})
    run_world(2, phases.walk, str(folder / name), phases.text_of(made), [STAGE])
    return folder / name / STAGE


def weights(stage: Path) -> dict[str, torch.Tensor]:
    return {
        **load_file(stage / "model/model.safetensors"),
        **{f"heads.{name}": own for name, own in load_file(stage / "model/heads.safetensors").items()},
    }


def looks(stage: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]
    return [line["validation"] for line in lines if "validation" in line]


def test_weights_are_bit_equal_to_those_of_a_phase_that_nobody_watched(folder: Path) -> None:
    plain = weights(walked(folder, "plain", TARGET))
    stage = walked(folder, "watched", {**TARGET, "validation": WATCHED})
    found = weights(stage)
    assert found.keys() == plain.keys() and all(torch.equal(found[name], plain[name]) for name in plain)

    first, last = looks(stage)
    assert first["probe"]["layers"] == [0, 1, 2] and first["probe"] != last["probe"]
    assert [len(last["probe"][figure]) for figure in ("accuracy", "alignment", "uniformity")] == [3, 3, 3]
    assert {name: own["examples"] for name, own in last["probe"]["languages"].items()} == {"bb": 20, "ee": 20}
    assert set(last["unlabelled"]["languages"]) == set(last["oracle"]["languages"]) == {"bb", "cc"}
    assert all(-100 <= own["agreement"] <= 100 for own in last["unlabelled"]["languages"].values())

    selection = json.loads((stage / "selection.json").read_text())
    assert [look["step"] for look in selection["looks"]] == [2, 4]
    assert selection["chosen_by"] == "last" and selection["kept"] == selection["rules"]["last"]["step"] == 4
    assert set(selection["rules"]) == {"last", "value", "entropy", "agreement", "oracle"}
    assert selection["rules"]["oracle"]["gap"] == 0


def test_a_phase_that_is_cut_short_behind_its_export_has_left_what_it_has_found(folder: Path) -> None:
    """The next start finds its model and does not go into it again."""
    made = phases.recipe(
        str(folder / "start"), "zero3_release_fp32", targets={"synth_nli": {**TARGET, "validation": WATCHED}}
    )
    with pytest.raises(AssertionError, match=r"export\.renamed"):
        run_world(2, phases.walk, str(folder / "cut"), phases.text_of(made), [STAGE], "export.renamed=raise")
    assert (folder / "cut" / STAGE / "model").is_dir()
    assert json.loads((folder / "cut" / STAGE / "selection.json").read_text())["kept"] == 4
