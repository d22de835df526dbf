"""Batches in tokens on real engines: the same steps on one rank and on two, and on with them after a kill."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.recipe import Architecture, Recipe
from ds_stilts.synthetic import oracle_start, write_world
from tests.distributed import phases
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(600)
SHAPE = Architecture(
    hidden_size=32, layers=2, heads=2, intermediate_size=64, max_tokens=128, dropout=0, attention_dropout=0
)
TASKS: dict[str, Any] = {
    "synth_nli": {"max_examples": 60}, "synth_choice": {"max_examples": 30},
    "synth_text": {"languages": ["aa"], "max_examples": 40},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("batches")
    write_world(path / "data", preset="tiny", seed=7)
    oracle_start(path / "start", preset="tiny", world_seed=7, seed=1, sigma=0.3, scale=0.4, architecture=SHAPE)
    return path


def text_of(recipe: Recipe) -> str:
    return yaml.safe_dump(recipe.model_dump(mode="json", exclude={"training"}))


def lines(stage: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]


def test_steps_of_so_many_tokens_are_the_same_on_one_rank_and_two_and_after_a_kill(folder: Path) -> None:
    arm = {"tasks": TASKS, "mixing": "uniform", "epochs": 1, "batch_tokens": 512, "checkpoint_every": 2}
    training = {"lr": 1e-3, "micro_batch_tokens": 150, "log_every": 1}
    text = text_of(phases.recipe(str(folder / "start"), "zero2_fp32", training=training, arms={"mix": arm}))
    run_world(1, phases.walk, str(folder / "one"), text, ["arms/mix"], timeout_s=300)
    with pytest.raises(AssertionError, match="died"):
        run_world(2, phases.walk, str(folder / "two"), text, ["arms/mix"], "loop.step:step3=kill", timeout_s=300)
    run_world(2, phases.walk, str(folder / "two"), text, ["arms/mix"], timeout_s=300)
    one, two = lines(folder / "one/arms/mix"), lines(folder / "two/arms/mix")
    assert [line["items"] for line in one] == [line["items"] for line in two]
    assert len({sum(line["items"].values()) for line in one}) > 1, "as many items in every step would prove nothing"
    for key in ("loss", "grad_norm"):
        assert [line[key] for line in two] == pytest.approx([line[key] for line in one], rel=1e-4)
    corpus = json.loads((folder / "one/corpus.json").read_text())["phases"]["arms.mix"]["tasks"]
    assert len(one) == -(-sum(task["tokens"] for task in corpus) // 512) >= 6, "an epoch is as many tokens as there are"
