"""Phases on real engines: in a sequence untrained heads do not move by a bit; early stopping survives a kill."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ds_stilts.recipe import Architecture
from tests.distributed import phases
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(600)
SHAPE = Architecture(hidden_size=32, layers=2, heads=2, intermediate_size=64, max_tokens=128)
SEQUENCE = [
    {"tasks": {"synth_nli": {"max_examples": 60}, "synth_text": {"languages": ["aa"], "max_examples": 40}}},
    {"tasks": {"synth_qa": {"max_examples": 60}}},
    {"tasks": {"synth_nli": {"max_examples": 60}}},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phases.make_folder(tmp_path_factory.mktemp("sequence"), SHAPE)


def heads(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "heads.safetensors")


def language_head(model: Path) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in load_file(model / "model.safetensors").items() if "lm_head" in name}


def equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], prefix: str) -> bool:
    names = [name for name in ours if name.startswith(prefix)]
    assert names
    return all(torch.equal(ours[name], theirs[name]) for name in names)


@pytest.mark.parametrize("config", ["zero2_fp32", "zero3_release_fp32"])
def test_heads_of_other_phases_are_bit_equal_and_one_that_comes_again_goes_on(config: str, folder: Path) -> None:
    run = folder / config
    made = phases.recipe(
        str(folder / "start"),
        config,
        arms={"chain": {"sequence": SEQUENCE}},
        targets={"synth_nli": {"heads": "reuse", "steps": 1, "lr": 1e-9, "score_languages": ["aa"],
                               "max_train_examples": 16, "max_score_examples": 20}},
    )  # fmt: skip
    walked = ["arms/chain/1", "arms/chain/2", "arms/chain/3", "targets/chain/synth_nli"]
    run_world(2, phases.walk, str(run), phases.text_of(made), walked, timeout_s=300)
    assert all((run / stage / "DONE").is_file() and (run / stage / "metrics.jsonl").is_file() for stage in walked)
    first, second, third = (heads(run / f"arms/chain/{place}/model") for place in (1, 2, 3))
    assert {name.split(".")[0] for name in first} == {"synth_nli"}
    assert (
        {name.split(".")[0] for name in second} == {name.split(".")[0] for name in third} == {"synth_nli", "synth_qa"}
    )
    assert equal(first, second, "synth_nli.") and equal(second, third, "synth_qa.")
    assert not equal(second, third, "synth_nli."), "it was trained once more"
    far = max(float((second[name] - third[name]).abs().max()) for name in first)
    assert far < 5e-3, "it went on from where it was: three steps of 1e-3 at most, not a fresh head"
    # The language head is no task's in phases 2 and 3, and a later phase could want it.
    assert language_head(run / "arms/chain/1/model")
    for place in (2, 3):
        assert equal(
            {k: v for k, v in language_head(run / "arms/chain/1/model").items() if "decoder.weight" not in k},
            language_head(run / f"arms/chain/{place}/model"),
            "lm_head",
        )
    target = heads(run / "targets/chain/synth_nli/model")
    assert max(float((third[name] - target[name]).abs().max()) for name in target) < 1e-6
    scores = json.loads((run / "targets/chain/synth_nli/scores.json").read_text())
    assert scores["train"]["head"] == "synth_nli"
    assert "its head goes on from that of 'synth_nli' in the intermediate phase" in scores["notes"]
    assert scores["checkpoint"] == "targets/chain/synth_nli"


WATCHED: dict[str, Any] = {
    "tasks": {"synth_nli": {"max_examples": 60}, "synth_qa": {"max_examples": 60},
              "synth_text": {"languages": ["aa"], "max_examples": 40}},
    "mixing": "uniform", "steps": 30, "schedule": "constant", "warmup": 0, "checkpoint_every": 3,
}  # fmt: skip
VALIDATION = {"every": 2, "examples": 25, "patience": 3}


def curve(stage: Path) -> list[tuple[int, dict[str, Any]]]:
    lines = [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], line["validation"]) for line in lines if "validation" in line]


def exported(stage: Path) -> dict[str, torch.Tensor]:
    return {**load_file(stage / "model/model.safetensors"), **heads(stage / "model")}


def same_bits(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_early_stopping_survives_a_stop_and_a_kill_and_keeps_the_best_steps_weights(folder: Path) -> None:
    """A mixture under ZeRO-3: validated in lockstep while parameters are partitioned, running text left out."""
    arms = {"mix": {**WATCHED, "validation": VALIDATION}}
    text = phases.text_of(phases.recipe(str(folder / "start"), "zero3_release_fp32", arms=arms))
    run_world(2, phases.walk, str(folder / "whole"), text, ["arms/mix"], timeout_s=300)
    whole = folder / "whole/arms/mix"
    looks = curve(whole)
    facts = json.loads((whole / "model/phase.json").read_text())
    best, stopped = facts["validation"]["best_step"], facts["validation"]["stopped"]
    assert [step for step, _ in looks] == list(range(2, stopped + 1, 2)) and stopped < 30
    assert [found["worse"] for _, found in looks][-3:] == [1, 2, 3] and best == stopped - 6 == facts["steps"]
    values = {step: found["value"] for step, found in looks}
    assert max(values.values()) == values[best] == facts["validation"]["value"]
    assert all(list(found["tasks"]) == ["synth_nli", "synth_qa"] for _, found in looks)
    assert not list((whole / "checkpoints").glob("step-*"))

    def broken_by(fail: str) -> None:
        run_world(2, phases.walk, str(folder / "broken"), text, ["arms/mix"], fail, timeout_s=300)

    with pytest.raises(AssertionError, match="arms/mix stopped on request in the validation after step 2, saved"):
        broken_by("validation.batch:rank1=term")
    with pytest.raises(AssertionError, match="died"):
        broken_by(f"loop.step:step{stopped - 1}=kill")
    broken = folder / "broken/arms/mix"
    assert curve(broken) == looks[:-1], "it was killed in the middle of patience"
    run_world(2, phases.walk, str(folder / "broken"), text, ["arms/mix"], timeout_s=300)
    assert curve(broken) == looks
    assert same_bits(exported(broken), exported(whole))

    # As many steps without any validation: watching moves nothing, and it is the best step's weights that are kept.
    plain = {"mix": {**WATCHED, "steps": best}}
    text = phases.text_of(phases.recipe(str(folder / "start"), "zero3_release_fp32", arms=plain))
    run_world(2, phases.walk, str(folder / "plain"), text, ["arms/mix"], timeout_s=300)
    assert same_bits(exported(folder / "plain/arms/mix"), exported(whole))


def test_a_target_is_scored_with_the_weights_that_were_the_best_and_says_so(folder: Path) -> None:
    target = {
        "steps": 20, "schedule": "constant", "lr": 3e-2, "max_train_examples": 40,
        "score_split": "dev", "max_score_examples": 25, "score_languages": ["aa", "bb"],
        "validation": {**VALIDATION, "every": 1, "patience": 2},
    }  # fmt: skip
    made = phases.recipe(str(folder / "start"), "zero2_bf16", targets={"synth_pos": target})
    run_world(2, phases.walk, str(folder / "target"), phases.text_of(made), ["targets/none/synth_pos"], timeout_s=300)
    stage = folder / "target/targets/none/synth_pos"
    scores = json.loads((stage / "scores.json").read_text())
    seen = scores["train"]["validation"]
    assert seen["stopped"] == seen["best_step"] + 2 == scores["train"]["steps"] + 2
    # The same 25 examples are validated and scored here, so that the two numbers must be one.
    assert scores["languages"]["aa"]["metrics"]["f1"] == pytest.approx(seen["value"])
    assert any(
        "these weights were chosen on the very split that is scored here in aa" in note for note in scores["notes"]
    )
    # Nothing of validation; the 25 examples fit into one batch, so that rank 1 has no rows.
    assert sorted(path.name for path in (stage / "predictions").iterdir()) == ["aa-0.parquet", "bb-0.parquet"]
