"""A run that was killed and started again is the run that was not."""

import json
from pathlib import Path

import numpy as np
import pytest

from ds_stilts.engine import checkpoint
from tests.distributed import scenarios, tiny
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)


def losses(folder: Path) -> list[tuple[int, float, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"], line["grad_norm"]) for line in lines]


@pytest.mark.parametrize(
    "config",
    [
        "zero1_fp32",
        "zero2_fp32",
        "zero3_release_fp32",
        "zero2_bf16",
        pytest.param("zero1_bf16", marks=pytest.mark.slow),
        pytest.param("zero3_bf16", marks=pytest.mark.slow),
    ],
)
def test_six_steps_equal_three_then_kill_then_three(config: str, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = run_world(2, scenarios.train_tiny, str(whole), config)[0]
    with pytest.raises(AssertionError, match="died"):
        run_world(2, scenarios.six_steps, str(broken), config, 4)
    assert [step for step, *_ in losses(broken)] == [1, 2, 3, 4]
    resumed = run_world(2, scenarios.train_tiny, str(broken), config)[0]
    assert "goes on after step 3" in resumed["said"]
    assert losses(broken) == losses(whole)
    assert [step for step, *_ in losses(whole)] == [1, 2, 3, 4, 5, 6]
    for name, value in expected["parameters"].items():
        assert np.array_equal(resumed["parameters"][name], value), name
    assert resumed["accumulation"] == expected["accumulation"] >= 2


def test_the_resume_test_goes_on_in_the_middle_of_an_epoch_of_a_mixture() -> None:
    """Otherwise the order of items would not be tested: an epoch of some task must reach over step 3, and step 4."""
    training = tiny.TRAINING.model_copy(update={"steps": 6})
    tasks = tiny.data(training)
    steps = [tiny.mixture(tasks, training).step(k) for k in range(6)]
    open_epochs = []
    for name, data in tasks.items():
        drawn = np.cumsum([sum(task == name for task, _ in step) for step in steps])
        done, at_kill, end = drawn[2], drawn[3], drawn[5]
        if 0 < done < at_kill < end and done // data.prepared.num_items == (end - 1) // data.prepared.num_items:
            open_epochs.append(name)
    assert len(open_epochs) >= 2, "of several tasks, as in a mixture"


def test_dropout_is_on_in_the_resume_test(tmp_path: Path) -> None:
    """Otherwise the random state would not be tested: one rank's losses must depend on its seed."""
    import torch

    from ds_stilts.engine.objective import Objective

    objective = Objective(tiny.model(tiny.masked_lm(dropout=0.1)), tiny.TASKS).train()
    from ds_stilts.data.batch import training_batch

    tasks = tiny.data()
    share = tiny.planner(tasks, 1).share(0, 0)
    batch = training_batch(share.micro_batches[0], tasks, 0, tiny.MASKING)
    values = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        values.append(float(objective(batch, share.coefficients)[0].detach()))
    assert values[0] != values[1]


def test_a_stop_request_saves_and_leaves_together(tmp_path: Path) -> None:
    words = run_world(2, scenarios.stop_while_training, str(tmp_path))
    assert all("stopped on request after step 1" in text for text in words)
    saved = checkpoint.committed(tmp_path / "checkpoints")
    assert [path.name for path in saved] == ["step-1"] and checkpoint.verify(saved[0]) is None


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    run_world(2, scenarios.six_steps, str(whole), "zero2_fp32", None)
    with pytest.raises(AssertionError, match="died"):
        run_world(2, scenarios.six_steps, str(tmp_path), "zero2_fp32", 4)
    shard = next((tmp_path / "checkpoints" / "step-3" / "engine").glob("*optim_states.pt"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0xFF
    shard.write_bytes(content)
    run_world(2, scenarios.six_steps, str(tmp_path), "zero2_fp32", None)  # starts from step 0: nothing else is good
    assert losses(tmp_path) == losses(whole)
