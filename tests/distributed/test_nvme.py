"""Optimizer states on a disk: trained as in memory; not gone on with after a kill, which is said. Needs libaio, and
minutes to compile DeepSpeed's async_io on first use."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds_stilts.engine.world import World
from tests.ci import skip_unless_ci
from tests.distributed import matrix, scenarios
from tests.distributed.worlds import run_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(autouse=True, scope="module")
def libaio() -> None:
    from deepspeed.ops.op_builder import AsyncIOBuilder

    if not AsyncIOBuilder().is_compatible(verbose=False):
        skip_unless_ci("no libaio with its headers (Debian, Ubuntu: apt-get install libaio-dev)")


def train_cell(world: World, disk: str) -> dict[str, Any]:
    os.environ["DS_STILTS_NVME"] = disk
    return matrix.train_cell(world, "xlmr", "zero3_nvme", "bf16")


def six_steps(world: World, disk: str, folder: str, fail: str) -> str:
    """The sentence that training was refused with, or ""."""
    os.environ["DS_STILTS_NVME"] = disk
    refusal: str = scenarios.train_tiny(world, folder, "zero3_nvme_bf16", fail=fail)["refusal"]
    return refusal


def test_losses_are_those_of_plain_pytorch(tmp_path: Path) -> None:
    results = run_world(2, train_cell, str(tmp_path), timeout_s=900)
    expected = matrix.SUBJECTS["xlmr"].plain()
    losses = np.sum([result["losses"] for result in results], axis=0)
    assert np.abs(losses - expected.losses).max() <= matrix.SUBJECTS["xlmr"].bf16_tolerance


def test_a_run_that_was_killed_is_refused_instead_of_going_on_without_its_states(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    disk, folder = str(tmp_path / "disk"), str(tmp_path / "run")
    with pytest.raises(AssertionError, match="died"):
        run_world(2, six_steps, disk, folder, "loop.step:step4=kill", timeout_s=900)
    for sentence in run_world(2, six_steps, disk, folder, ""):
        assert "step-3 was saved with states on NVMe, which DeepSpeed does not restore; delete" in sentence
