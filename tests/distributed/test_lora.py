"""Low-rank additions on real engines: the numbers of plain PyTorch with peft, and a phase that leaves a plain model."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import load_file

from ds_stilts.recipe import Architecture
from tests.distributed import options, phases, plain, tiny, tiny_mt5
from tests.distributed.matrix import Cell
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)
LORA = {"rank": 4, "alpha": 12, "modules": ["query", "value", "dense"]}
CONFIGS = ("zero0", "zero1", "zero2", "zero2_offload", "zero3_release", "zero3_offload_params", "zero3_hpz")
IN_CI = ("zero2", "zero3_release")


def slow_unless(chosen: bool, *values: Any) -> Any:
    return pytest.param(*values, marks=[] if chosen else pytest.mark.slow)


def rate(name: str) -> float:
    return 1.0 if "lora_" in name or name.startswith("heads.") else 0.0


def with_peft(hf: torch.nn.Module) -> None:
    """peft as its guide has it, with factors A drawn one after the other by the seed."""
    inject_adapter_in_model(LoraConfig(r=4, lora_alpha=12, target_modules=["query", "value", "dense"]), hf)
    torch.manual_seed(plain.ADAPTER_SEED)
    for name, parameter in hf.named_parameters():
        if "lora_A" in name:
            torch.nn.init.kaiming_uniform_(parameter, a=math.sqrt(5))


@pytest.mark.parametrize("config", [slow_unless(name in IN_CI, name) for name in CONFIGS])
def test_twelve_steps_equal_plain_pytorch_with_peft_and_the_model_stays(config: str, tmp_path: Path) -> None:
    path = tmp_path / f"{config}_fp32.json"
    path.write_text(json.dumps(Cell(config, "fp32").engine_config().values), encoding="utf-8")
    trained = run_world(2, options.train_with, str(path), {"lora": LORA}, 0.0, plain.STEPS)[0]["parameters"]
    expected = plain.plain_run(rate=rate, change=with_peft).parameters
    assert trained.keys() == expected.keys()
    worst = max(expected, key=lambda name: np.abs(trained[name] - expected[name]).max())
    assert np.abs(trained[worst] - expected[worst]).max() <= 1e-6, worst
    start = {f"model.{n}": p.detach().numpy() for n, p in tiny.model(tiny.masked_lm()).named_parameters()}
    kept = {name: value for name, value in trained.items() if rate(name.removeprefix("model.")) == 0}
    assert len(kept) == sum(name.startswith("model.encoder.") for name in start)
    for name, value in kept.items():
        assert np.array_equal(value, start[name.replace(".base_layer.", ".")]), name
    moved = [np.abs(value).max() for name, value in trained.items() if "lora_B" in name]
    assert len(moved) == 2 * 5 and min(moved) > 1e-5  # from zero, ten times what may differ


@pytest.mark.slow
def test_mt5_learns_alike_under_zero_3_and_without_zero() -> None:
    changes = {"lora": {"rank": 3, "alpha": 3}}
    whole, parts = (
        run_world(2, options.train_text_with, config, changes)[0] for config in ("zero0_fp32", "zero3_release_fp32")
    )
    start = {name: p.detach().numpy() for name, p in tiny_mt5.text_objective().named_parameters()}
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        assert np.abs(parts[name] - value).max() <= 1e-6, name
        if "lora_" not in name:
            assert np.array_equal(value, start[name.replace(".base_layer.", ".")]), name
        elif "lora_B" in name:
            assert np.abs(value).max() > 1e-4, name


SHAPE = Architecture(hidden_size=32, layers=2, heads=2, intermediate_size=64, max_tokens=128)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phases.make_folder(tmp_path_factory.mktemp("lora"), SHAPE)


def recipe(folder: Path, config: str) -> str:
    common = {"lora": {"rank": 4, "alpha": 8, "dropout": 0.1}, "steps": 6, "checkpoint_every": 2, "lr": 1e-2}
    nli, text = {"synth_nli": {"max_examples": 60}}, {"synth_text": {"languages": ["aa"], "max_examples": 40}}
    target = {"lora": {"rank": 2}, "steps": 2, "lr": 1e-2, "max_train_examples": 16, "max_score_examples": 20}
    return phases.text_of(
        phases.recipe(
            str(folder / "start"),
            config,
            arms={"text": {**common, "mixing": "uniform", "tasks": {**nli, **text}}},
            targets={"synth_nli": target},
        )
    )


def exported(stage: Path) -> dict[str, torch.Tensor]:
    return {**load_file(stage / "model/model.safetensors"), **load_file(stage / "model/heads.safetensors")}


@pytest.mark.parametrize(
    "config", [slow_unless(name == "zero3_release_fp32", name) for name in ("zero2_bf16", "zero3_release_fp32")]
)
def test_a_phase_leaves_a_plain_model_and_a_kill_does_not_show(config: str, folder: Path) -> None:
    text = recipe(folder, config)
    whole, broken = folder / f"{config}-whole", folder / f"{config}-broken"
    run_world(2, phases.walk, str(whole), text, ["arms/text", "targets/text/synth_nli"])
    with pytest.raises(AssertionError, match="died"):
        run_world(2, phases.walk, str(broken), text, ["arms/text"], "loop.step:step5=kill")
    run_world(2, phases.walk, str(broken), text, ["arms/text"])
    left, found = exported(whole / "arms/text"), exported(broken / "arms/text")
    assert left.keys() == found.keys() and all(torch.equal(found[name], value) for name, value in left.items())

    source = load_file(folder / "start/model.safetensors")
    assert {name for name in left if not name.startswith("synth_nli.")} == source.keys()
    for name, value in source.items():
        added = name.endswith(("query.weight", "value.weight"))
        # The language head learns too, but for the matrix that is the embedding.
        assert torch.equal(left[name], value) == (not added and not name.startswith("lm_head.")), name
        if added:
            change = (left[name] - value).double()
            assert torch.linalg.matrix_rank(change, tol=1e-5) == 4 and change.abs().max() > 1e-4, name
    again = exported(whole / "targets/text/synth_nli")
    changed = (again["encoder.layer.0.attention.self.query.weight"]
               - left["roberta.encoder.layer.0.attention.self.query.weight"])  # fmt: skip
    assert torch.linalg.matrix_rank(changed.double(), tol=1e-5) == 2, "the next phase adds to what the first one left"
    scores = json.loads((whole / "targets/text/synth_nli/scores.json").read_text())
    assert scores["train"]["lora"]["rank"] == 2
    assert any("LoRA of rank 2, alpha 8" in note for note in scores["notes"])
    assert "LoRA of rank 4, alpha 8" in (whole / "arms/text/model/README.md").read_text()
