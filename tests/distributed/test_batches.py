"""What a step holds, on real engines: batches in tokens and shares that follow validations, and on after a kill."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.recipe import Architecture
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
    return phases.make_folder(tmp_path_factory.mktemp("batches"), SHAPE)


def lines(stage: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow  # what it adds to tests/data/test_token_batches.py is the engine
def test_steps_of_so_many_tokens_are_the_same_on_one_rank_and_two_and_after_a_kill(folder: Path) -> None:
    arm = {"tasks": TASKS, "mixing": "uniform", "epochs": 1, "batch_tokens": 512, "checkpoint_every": 2}
    training = {"lr": 1e-3, "micro_batch_tokens": 150, "log_every": 1}
    text = phases.text_of(phases.recipe(str(folder / "start"), "zero2_fp32", training=training, arms={"mix": arm}))
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


@pytest.mark.parametrize("killed_at", [5, *(pytest.param(step, marks=pytest.mark.slow) for step in (3, 8))])
def test_shares_that_follow_validations_survive_a_kill_between_two_of_them(killed_at: int, folder: Path) -> None:
    """Validated after 3 and 6 steps, saved after 2, 4, 6 and 8; batches that were made ahead are lost with the kill."""
    tasks = {"synth_nli": {"max_examples": 60}, "synth_choice": {"max_examples": 30, "goal": 60}}
    arm = {
        "tasks": tasks, "mixing": "adaptive", "steps": 9, "batch_tokens": 512, "lr": 3e-3, "checkpoint_every": 2,
        "log_every": 1, "validation": {"every": 3, "examples": 20},
    }  # fmt: skip
    text = phases.text_of(phases.recipe(str(folder / "start"), "zero2_fp32", training={}, arms={"mix": arm}))
    if not (folder / "whole").exists():
        run_world(2, phases.walk, str(folder / "whole"), text, ["arms/mix"], timeout_s=300)
    broken = folder / f"broken-{killed_at}"
    with pytest.raises(AssertionError, match="died"):
        run_world(2, phases.walk, str(broken), text, ["arms/mix"], f"loop.step:step{killed_at}=kill", timeout_s=300)
    run_world(2, phases.walk, str(broken), text, ["arms/mix"], timeout_s=300)
    kept = [
        [
            {key: line[key] for key in ("step", "loss", "grad_norm", "items", "validation") if key in line}
            for line in lines(run / "arms/mix")
        ]
        for run in (folder / "whole", broken)
    ]
    assert kept[0] == kept[1]
    followed = {line["step"]: line["validation"]["shares"] for line in kept[0] if "validation" in line}
    assert list(followed) == [3, 6, 9] and followed[3] != {"synth_nli": 0.5, "synth_choice": 0.5}
    assert (broken / "arms/mix/DONE").is_file()
