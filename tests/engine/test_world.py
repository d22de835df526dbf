"""What ranks can tell one another without a collective, and which GPU is whose."""

import os
from typing import Any

import pytest
import torch

from ds_stilts.engine.world import World
from tests.distributed.worlds import run_world
from tests.faults import scenarios

pytestmark = pytest.mark.timeout(200)


def test_ranks_wait_for_one_that_is_late_and_one_alone_is_the_first_to_fail() -> None:
    ended = run_world(2, scenarios.blackboard)
    assert ended[1]["waited"][1] >= 3 > ended[0]["waited"][1]
    assert sorted(one["first"] for one in ended) == [[False, False, False], [True, False, False]]


@pytest.mark.parametrize(("visible", "number"), [(1, 0), (4, 3)])
def test_deepspeed_takes_the_gpu_that_this_rank_takes(
    visible: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`srun --gpus-per-task=1` shows each task one GPU, its own, by the number 0."""
    told: dict[str, Any] = {}
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    slurm = {"STEP_ID": 0, "PROCID": 3, "NTASKS": 4, "LOCALID": 3, "JOB_NODELIST": "node1", "JOB_ID": 9}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    monkeypatch.setattr(os, "environ", dict(os.environ))  # `join` writes into it
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: visible)
    monkeypatch.setattr("torch.cuda.set_device", lambda device: None)
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: False)
    monkeypatch.setattr("deepspeed.init_distributed", lambda **_: told.update(os.environ))
    assert World.join().device == torch.device("cuda", number)
    assert (told["RANK"], told["WORLD_SIZE"], told["LOCAL_RANK"]) == ("3", "4", str(number))
