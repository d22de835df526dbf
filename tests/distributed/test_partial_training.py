"""Frozen parameters and learning rates by layer on real engines: plain PyTorch's numbers, and frozen bits stay."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from ds_stilts.data.batch import training_batch
from ds_stilts.engine import checkpoint
from ds_stilts.engine.checkpoint import Cursor
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.export import full_parameters
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.universal import reshape
from ds_stilts.engine.world import World
from ds_stilts.models.freezing import freeze_parameters
from ds_stilts.recipe import Architecture, Freeze
from ds_stilts.synthetic import oracle_start, write_world
from tests.distributed import options, phases, plain, tiny, tiny_mt5
from tests.distributed.matrix import Cell
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)


def by_layer(name: str) -> float:
    """Rates of `tiny`: its two layers, what they read, and what reads them."""
    if ".embeddings." in name:
        return 0.125
    return {"0": 0.25, "1": 0.5}[re.findall(r"\.layer\.(\d)", name)[0]] if ".layer." in name else 1.0


def without_the_bottom(name: str) -> float:
    return 0.0 if ".embeddings." in name or ".layer.0." in name else by_layer(name)


def without_layer_1(name: str) -> float:
    return 0.0 if ".layer.0." in name else 1.0


def heads_only(name: str) -> float:
    return 0.0 if name.startswith("encoder.") else 1.0


CASES: dict[str, tuple[dict[str, Any], Callable[[str], float]]] = {
    "decay": ({"layer_lr_decay": 0.5}, by_layer),
    "bottom": (
        {
            "freeze": {"embeddings": True, "layers": 1},
            "layer_lr_decay": 0.5,
            "activation_checkpointing": True,  # of a layer whose input needs no gradient
        },
        without_the_bottom,
    ),
    "inner": ({"freeze": {"layers": 1}, "activation_checkpointing": True}, without_layer_1),
    "encoder": ({"freeze": {"embeddings": True, "layers": 2}}, heads_only),
}
"""What the recipe says, and the rate of each parameter, worked out here from its name."""
CONFIGS = ("zero0", "zero1", "zero2", "zero2_offload", "zero3_release", "zero3_offload_params", "zero3_hpz")
IN_CI = [("zero0", "bottom"), ("zero2", "decay"), ("zero2_offload", "bottom"), ("zero3_release", "bottom")]


def slow_unless(chosen: bool, *values: Any) -> Any:
    return pytest.param(*values, marks=[] if chosen else pytest.mark.slow)


@pytest.mark.parametrize(("config", "case"), [slow_unless((c, k) in IN_CI, c, k) for c in CONFIGS for k in CASES])
def test_twelve_steps_equal_plain_pytorch_and_no_frozen_bit_moves(config: str, case: str, tmp_path: Path) -> None:
    changes, rate = CASES[case]
    path = tmp_path / f"{config}_fp32.json"
    path.write_text(json.dumps(Cell(config, "fp32").engine_config().values), encoding="utf-8")
    result = run_world(2, options.train_with, str(path), changes, 0.0, plain.STEPS)[0]
    trained, expected = result["parameters"], plain.plain_run(rate=rate).parameters
    start = {f"model.{n}": p.detach().numpy() for n, p in tiny.model(tiny.masked_lm()).named_parameters()}
    assert trained.keys() == expected.keys() == start.keys()
    worst = max(expected, key=lambda name: np.abs(trained[name] - expected[name]).max())
    assert np.abs(trained[worst] - expected[worst]).max() <= 1e-6, worst
    frozen = [name for name in start if rate(name.removeprefix("model.")) == 0]
    assert bool(frozen) == ("freeze" in changes)
    for name in frozen:
        assert np.array_equal(trained[name], start[name]), name
    alike = plain.plain_run().parameters
    assert max(np.abs(expected[name] - alike[name]).max() for name in start) > 1e-4, "the rates must show"
    full = [step / 3 if step < 3 else (12 - step) / 9 for step in range(1, 13)]
    assert result["lrs"] == pytest.approx([tiny.TRAINING.lr * factor for factor in full]), "the heads' rate is logged"


BOTTOM = Freeze(embeddings=True, layers=1)


@pytest.mark.slow
def test_mt5_without_its_bottom_trains_alike_under_zero_3_and_without_zero() -> None:
    """Its decoder reads states of layers that are partly frozen, and embeddings that are."""
    changes = {"freeze": BOTTOM.model_dump(), "layer_lr_decay": 0.5}
    whole, parts = (
        run_world(2, options.train_text_with, config, changes)[0] for config in ("zero0_fp32", "zero3_release_fp32")
    )
    start = {name: p.detach().numpy() for name, p in tiny_mt5.text_objective().named_parameters()}
    assert whole.keys() == parts.keys() == start.keys()
    for name, value in whole.items():
        assert np.abs(parts[name] - value).max() <= 1e-6, name
        frozen = bool(re.search(r"\.shared\.|\.encoder\.block\.0\.", name.removeprefix("model.encoder.")))
        assert np.array_equal(value, start[name]) == np.array_equal(parts[name], start[name]) == frozen, name


def saved_or_loaded(world: World, folder: str, config_name: str, saves: bool, seed: int = 3) -> dict[str, np.ndarray]:
    """Train a step and save it, or load what was saved, beginning with a seed's values: (rank 0) the parameters."""
    training = tiny.TRAINING.model_copy(update={"freeze": BOTTOM, "layer_lr_decay": 0.5, "warmup": 0.0})
    objective = Objective(tiny.model(tiny.masked_lm(seed)), tiny.TASKS)
    freeze_parameters(objective.model.encoder, training.freeze, "")
    tasks = tiny.data()
    planner = tiny.planner(tasks, world.size)
    config = load_engine_config(config_name)
    engine = training_engine(objective, config, training, num_steps=plain.STEPS, accumulation=planner.accumulation)
    here = Cursor(step=0, fingerprint="f", phase="arms/a", world_size=world.size, zero_stage=config.zero_stage)
    if saves:
        share = planner.share(0, world.rank)
        for slots in share.micro_batches:
            loss, _ = engine(training_batch(slots, tasks, 0, tiny.MASKING), share.coefficients)
            engine.backward(loss * (world.size * planner.accumulation))
            engine.step()
        checkpoint.save(engine, replace(here, step=1), Path(folder), world)
    else:
        found = checkpoint.newest_good(Path(folder), here, world)
        assert found is not None
        checkpoint.load(engine, found, world)
    return {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}


@pytest.mark.parametrize(
    "config",
    [
        slow_unless(c == "zero3_release_fp32", c)
        for c in ("zero2_fp32", "zero2_bf16", "zero3_release_fp32", "zero3_bf16")
    ],
)
def test_a_checkpoint_with_frozen_parameters_is_loaded_by_as_many_and_by_another_number_of_ranks(
    config: str, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoints"
    saved = run_world(2, saved_or_loaded, str(folder), config, True)[0]
    reshape(folder)
    # A reshaped checkpoint does not hold what is frozen: that is what the phase began with, however many ranks go on.
    for size, seed in ((2, 4), (1, 3)):
        loaded = run_world(size, saved_or_loaded, str(folder), config, False, seed)[0]
        assert loaded.keys() == saved.keys()
        for name, value in saved.items():
            assert np.array_equal(loaded[name], value), name
    start = tiny.masked_lm().base_model.encoder.layer
    frozen, moved = (saved[f"model.encoder.hf.encoder.layer.{n}.output.dense.weight"] for n in (0, 1))
    rounded = start[0].output.dense.weight.detach().to(load_engine_config(config).dtype).float()
    assert np.array_equal(frozen, rounded.numpy())
    assert np.abs(moved - start[1].output.dense.weight.detach().numpy()).max() > 1e-5


SHAPE = Architecture(hidden_size=32, layers=2, heads=2, intermediate_size=64, max_tokens=128)
FROZEN = re.compile(r"embeddings\.|encoder\.layer\.0\.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("partial")
    write_world(path / "data", preset="tiny", seed=7)
    oracle_start(path / "start", preset="tiny", world_seed=7, seed=1, sigma=0.3, scale=0.4, architecture=SHAPE)
    return path


def recipe(folder: Path, config: str) -> str:
    common = {
        "freeze": BOTTOM.model_dump(), "layer_lr_decay": 0.5, "steps": 6, "checkpoint_every": 2, "mixing": "uniform",
    }  # fmt: skip
    nli, text = {"synth_nli": {"max_examples": 60}}, {"synth_text": {"languages": ["aa"], "max_examples": 40}}
    arms = {"text": {**common, "tasks": {**nli, **text}}, "nli": {**common, "tasks": nli}}
    made = phases.recipe(str(folder / "start"), config, arms=arms)
    return yaml.safe_dump(made.model_dump(mode="json", exclude={"training"}))


def exported(stage: Path) -> dict[str, torch.Tensor]:
    return {**load_file(stage / "model/model.safetensors"), **load_file(stage / "model/heads.safetensors")}


@pytest.mark.parametrize(
    "config", [slow_unless(n == "3", f"zero{n}_bf16") for n in "0123"] + [slow_unless(False, "zero3_release_fp32")]
)
def test_a_phase_exports_what_it_froze_bit_for_bit_and_a_kill_does_not_show(config: str, folder: Path) -> None:
    """In bf16 too, where an engine holds a rounding of what is frozen; with and without a language head."""
    text = recipe(folder, config)
    whole, broken = folder / f"{config}-whole", folder / f"{config}-broken"
    run_world(2, phases.walk, str(whole), text, ["arms/text", "arms/nli"])
    with pytest.raises(AssertionError, match="died"):
        run_world(2, phases.walk, str(broken), text, ["arms/text"], "loop.step:step5=kill")
    run_world(2, phases.walk, str(broken), text, ["arms/text"])
    expected, found = exported(whole / "arms/text"), exported(broken / "arms/text")
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    source = load_file(folder / "start/model.safetensors")
    frozen = {name for name in source if FROZEN.search(name)}
    assert any(not torch.equal(source[name], source[name].bfloat16().float()) for name in frozen)
    for name, value in source.items():
        assert torch.equal(expected[name], value) == (name in frozen), name
    bare = exported(whole / "arms/nli")
    for name in bare.keys() - {name for name in bare if name.startswith("synth_nli.")}:
        assert torch.equal(bare[name], source[f"roberta.{name}"]) == (f"roberta.{name}" in frozen), name
