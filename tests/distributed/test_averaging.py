"""A phase that ends with the mean of its last weights, on real engines of two ranks, with dropout."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.distributed import scenarios
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(400)
IN_CI = ("zero2_fp32", "zero2_bf16", "zero3_release_fp32")
SLOW = ("zero0_fp32", "zero0_bf16", "zero1_fp32", "zero2_offload_bf16", "zero3_bf16", "zero3_offload_params_bf16")
CONFIGS = (*IN_CI, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW))


@pytest.mark.parametrize("config", CONFIGS)
def test_the_phase_ends_with_the_mean_and_a_kill_between_changes_no_bit(config: str, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    averaged = run_world(2, scenarios.six_steps_averaged, str(whole), config, None)[0]
    weights = [run_world(2, scenarios.parameters_at, str(whole), config, step)[0] for step in (2, 4)]
    weights.append(run_world(2, scenarios.six_steps, str(tmp_path / "plain"), config, None)[0])
    half = "bf16" in config
    for name, found in averaged["parameters"].items():
        mean = np.mean([own[name].astype(np.float64) for own in weights], axis=0)
        np.testing.assert_allclose(found, mean, rtol=0, atol=1e-6, err_msg=name)
        read = torch.from_numpy(found).to(torch.bfloat16 if half else torch.float32).float().numpy()
        assert np.array_equal(averaged["read"][name], read), f"{name}: forward passes read something else"
    moved = max(np.abs(weights[2][name] - averaged["parameters"][name]).max() for name in weights[2])
    assert moved > 1e-4, "the mean must be told from the last weights"

    with pytest.raises(AssertionError, match="died"):
        run_world(2, scenarios.six_steps_averaged, str(broken), config, 4)
    resumed = run_world(2, scenarios.six_steps_averaged, str(broken), config, None)[0]
    assert "goes on after step 4" in resumed["said"]
    for name, value in averaged["parameters"].items():
        assert np.array_equal(resumed["parameters"][name], value), name


def test_without_its_sums_a_checkpoint_is_refused(tmp_path: Path) -> None:
    """As after `reshape`, which does not cut them anew."""
    folder = tmp_path / "run"
    with pytest.raises(AssertionError, match="died"):
        run_world(2, scenarios.six_steps_averaged, str(folder), "zero2_fp32", 4)
    (newest,) = (folder / "checkpoints").glob("step-4")
    shutil.copytree(newest, tmp_path / "kept")
    assert (newest / "average-0.pt").is_file() and (newest / "average-1.pt").is_file()
    run_world(1, scenarios.reshape_here, str(folder))
    shutil.rmtree(newest)
    refused = run_world(1, scenarios.six_steps_averaged, str(folder), "zero2_fp32", None)[0]["refusal"]
    assert "holds a part of the phase's average, cut for another number of ranks" in refused
