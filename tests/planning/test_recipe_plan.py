"""A whole recipe on a machine: where the model's shape is known from, every phase, and what is recommended."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.engine.fit import check_engine
from ds_stilts.engine.optimizer import ONLY_WHOLE
from ds_stilts.errors import CheckpointError
from ds_stilts.planning.machine import GIB, Machine
from ds_stilts.planning.recipe_plan import NEEDS_WHOLE, plan_memory
from ds_stilts.planning.start_model import start_shape
from ds_stilts.planning.text import memory_text
from ds_stilts.recipe import Recipe
from ds_stilts.recipe_file import load_recipe
from ds_stilts.resources import config_path
from tests.small import xlmr


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "name": "r",
        "start": {"model": "FacebookAI/xlm-roberta-large"},
        "training": {"epochs": 2, "batch_examples": 512, "micro_batch_tokens": 16384},
        "arms": {"none": None, "mnli": {"tasks": {"mnli": {}}}, "two": {"sequence": [{"tasks": {"mnli": {}}}] * 2}},
        "targets": {"xnli": {}, "tatoeba": {}},
        "engine": {"config": "zero2_bf16"},
    }
    return Recipe.model_validate({**values, **changes})


def planned(given: Recipe, machine: Machine) -> dict[str, Any]:
    name = given.engine.config
    return plan_memory(given, machine, json.loads(config_path(name).read_text(encoding="utf-8")), name)


def on(nodes: int, gpus: int, memory: int | None = 80) -> Machine:
    return Machine(nodes=nodes, gpus=gpus, gpu_memory=memory and memory * GIB)


def test_every_phase_that_trains_is_weighed_at_every_stage() -> None:
    plan = planned(recipe(), on(64, 8))
    assert [phase["phase"] for phase in plan["phases"]] == [
        "arms.mnli", "arms.two.sequence.1", "arms.two.sequence.2", "targets.xnli",
    ]  # fmt: skip
    first = plan["phases"][0]
    assert [row["setting"] for row in first["stages"]][1:] == [
        "ZeRO-0", "ZeRO-1", "ZeRO-2", "ZeRO-2, optimizer offloaded", "ZeRO-3", "ZeRO-3, optimizer offloaded",
        "ZeRO-3, all offloaded",
    ]  # fmt: skip
    assert first["stages"][0] == {"config": "zero2_bf16", **first["stages"][3]}
    assert first["steps"] == -(-2 * 392_702 // 512)
    assert first["tokens"] == first["steps"] * 512 * 128 and first["tokens_are"] == "an upper bound"
    assert first["parameters"]["trainable"] == first["parameters"]["all"] == 558_840_832 + 1024 * 1024 + 1024 + 3 * 1025


def test_a_shape_is_read_from_a_folder_without_weights(tmp_path: Path) -> None:
    xlmr(vocabulary=64).config.save_pretrained(tmp_path)
    shape, source = start_shape(recipe(start={"model": str(tmp_path)}))
    assert (shape.vocabulary, shape.layers, source) == (64, 3, str(tmp_path / "config.json"))


def test_a_made_model_is_counted_as_it_will_be_made(tmp_path: Path) -> None:
    from ds_stilts.synthetic import oracle_start

    given = load_recipe("quickstart")
    assert given.start.architecture and given.start.oracle and given.data.synthetic
    oracle_start(
        tmp_path / "model", preset=given.data.synthetic.preset, world_seed=given.data.synthetic.seed, seed=1,
        sigma=0.5, scale=0.4, architecture=given.start.architecture,
    )  # fmt: skip
    made = start_shape(recipe(start={"model": str(tmp_path / "model")}))[0]
    assert start_shape(given)[0] == made


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ({"model": "owner/unknown"}, "'owner/unknown' is not known here .* put its config.json into a folder"),
        ({"model": "EMPTY"}, "is no model in Hugging Face layout: it has no config.json"),
        ({"model": "BROKEN"}, "config.json cannot be read as JSON"),
    ],
)
def test_a_model_whose_shape_is_not_known_is_told(start: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "config.json").write_text("{", encoding="utf-8")
    name = start["model"]
    with pytest.raises(CheckpointError, match=sentence):
        start_shape(recipe(start={"model": name if "/" in name else str(tmp_path / name)}))


def test_what_fits_is_recommended_with_its_micro_batch_and_the_rest_is_warned_of() -> None:
    large = planned(recipe(), on(1, 8))["phases"][0]
    assert large["recommended"]["config"] == "zero2_bf16"
    assert large["recommended"]["share_of_gpu"] <= 0.85

    long = {"epochs": 2, "batch_examples": 8192, "micro_batch_tokens": 16384}
    xxl = planned(recipe(start={"model": "google/mt5-xxl"}, training=long), on(4, 8))
    row = xxl["phases"][0]
    assert row["stages"][0]["fits"] is False
    assert row["recommended"]["share_of_gpu"] <= 0.85 and row["recommended"]["micro_batch_tokens"] < 16384
    said = memory_text(xxl)
    assert "warning: zero2_bf16 would fill" in said and "more than 85%" in said
    assert "with activation_checkpointing: true it would take up to" in said

    by_gpus = {gpus: planned(recipe(start={"model": "google/mt5-xxl"}), on(1, gpus))["phases"][0] for gpus in (2, 8)}
    assert by_gpus[8]["recommended"]["config"] == "zero3_bf16"  # 13 B parameters × 16 bytes / 8 = 24 GiB of states
    assert by_gpus[2]["recommended"]["config"] == "zero2_offload_bf16"  # 96 GiB of them on two

    nothing = planned(recipe(start={"model": "google/mt5-xxl"}), on(1, 1, 8))["phases"][0]
    assert nothing["recommended"] is None and nothing["largest_micro_batch_tokens"] is None


@pytest.mark.parametrize(
    ("training", "model", "config"),
    [
        ({"optimizer": "adafactor"}, "google/mt5-large", "zero0_bf16"),
        ({"optimizer": "lamb"}, "FacebookAI/xlm-roberta-large", "zero0_bf16"),
        ({"compile": "layers"}, "google/mt5-xxl", "zero2_offload_bf16"),
        ({}, "google/mt5-xxl", "zero3_bf16"),
    ],
)
def test_what_is_recommended_is_not_refused(training: dict[str, Any], model: str, config: str) -> None:
    given = {"epochs": 2, "batch_examples": 512, "micro_batch_tokens": 16384, **training}
    values = {"training": given, "start": {"model": model}}
    row = planned(recipe(**values), on(1, 8))["phases"][0]
    assert row["recommended"]["config"] == config
    check_engine(recipe(**values, engine={"config": config}))


def test_what_needs_whole_parameters_is_said_in_one_way() -> None:
    assert set(ONLY_WHOLE) == NEEDS_WHOLE


def test_mt5_is_weighed_as_it_is_used() -> None:
    text, heads = (
        planned(recipe(start={"model": "google/mt5-base", "use": use}), on(1, 8)) for use in ("text", "heads")
    )
    assert text["model"]["decoder_layers"] == 12 and heads["model"]["decoder_layers"] == 0
    assert text["phases"][0]["parameters"]["all"] == 582_401_280  # the published checkpoint
    assert heads["phases"][0]["logits_bytes"] == 0 < text["phases"][0]["logits_bytes"]


def test_without_a_gpus_memory_nothing_is_said_to_fit() -> None:
    plan = planned(recipe(), on(1, 2, None))
    assert "recommended" not in plan["phases"][0] and "fits" not in plan["phases"][0]["stages"][0]
    assert "No --gpu-memory was given" in memory_text(plan)


def test_a_plan_is_json_and_says_what_is_estimated() -> None:
    plan = planned(recipe(), on(64, 8))
    assert json.loads(json.dumps(plan)) == plan
    said = memory_text(plan)
    assert "64 × 8 = 512 ranks, 80 GiB each" in said and "How far to trust this:" in said
    assert "recommended: " in said and "Beside DeepSpeed's estimator" in said


def test_weighing_a_recipe_imports_neither_deepspeed_nor_transformers() -> None:
    code = (
        "import sys; from ds_stilts.planning.machine import Machine; from ds_stilts.recipe_file import load_recipe;"
        "from ds_stilts.planning.recipe_plan import NEEDS_WHOLE, plan_memory;"
        "plan_memory(load_recipe('quickstart'), Machine(nodes=64, gpus=8, gpu_memory=2**36), {}, 'none');"
        "print([name for name in ('deepspeed', 'transformers') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_a_plan_says_whether_the_whole_model_can_be_scored_on_every_rank() -> None:
    large = recipe(engine={"config": "zero3_bf16"})
    plan = planned(large, on(1, 8))
    weights = plan["phases"][0]["parameters"]["all"] - (1024 * 1024 + 1024 + 3 * 1025)
    assert 2 * weights <= plan["scoring"]["whole_model_bytes"] <= 2 * weights + 5_000_000
    assert plan["scoring"]["partition_bytes"] == -(-plan["scoring"]["whole_model_bytes"] // 8)
    assert "with evaluation.whole_model: true, 1.04 GiB and no waiting for others: it fits" in memory_text(plan)
    assert planned(large, on(1, 8, 2))["scoring"]["whole_model_fits"] is False
    assert "Scoring: the whole model on every rank" in memory_text(planned(recipe(), on(1, 8)))


def test_a_merged_arm_reads_models_and_trains_nothing() -> None:
    arms = {"a": {"tasks": {"mnli": {}}}, "b": {"tasks": {"qqp": {}}}}
    plan = planned(recipe(arms={**arms, "mean": {"merge": {"arms": ["a", "b"]}},
                                "sum": {"merge": {"arms": ["a", "b"], "weight": 1}}}), on(1, 8))  # fmt: skip
    encoder = sum(weight.numel for weight in start_shape(recipe())[0].weights)

    assert [row["phase"] for row in plan["phases"]] == ["arms.a", "arms.b", "targets.xnli"]
    mean, added = plan["merges"]
    assert (mean["arm"], mean["merges"]) == ("arms.mean", {"a": 0.5, "b": 0.5})
    assert mean["written_bytes"] == 4 * encoder and mean["memory_bytes"] == 4 * 250_002 * 1024
    assert (mean["read_bytes"], added["read_bytes"]) == (2 * 4 * encoder, 3 * 4 * encoder)
    assert "arms.sum: nothing is trained; merges 1 × a, 1 × b" in memory_text(plan)
