"""How long phases take, by arithmetic that a reader can do again."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ds_stilts.bench.model import step_flops as bench_flops
from ds_stilts.errors import ClusterError
from ds_stilts.planning.data_sizes import Known
from ds_stilts.planning.machine import Machine
from ds_stilts.planning.phase import PhaseNeeds
from ds_stilts.planning.recipe_plan import phase_needs
from ds_stilts.planning.speed import Speed, parse_speed, phase_time, step_flops, time_text
from ds_stilts.planning.start_model import start_shape
from ds_stilts.planning.zero import ZeroSetting
from ds_stilts.recipe import Recipe
from tests.small import mt5, xlmr

ZERO2 = ZeroSetting(stage=2, dtype_bytes=2, gradient_bytes=2)


def phase(machine: Machine, model: str = "FacebookAI/xlm-roberta-large", **training: object) -> PhaseNeeds:
    values = {
        "name": "r",
        "start": {"model": model},
        "arms": {"a": {"tasks": {"mnli": {}}, "epochs": 1, "batch_examples": 512, **training}},
        "targets": {},
    }
    recipe = Recipe.model_validate(values)
    (found,) = phase_needs(Known(recipe), start_shape(recipe)[0], machine)
    return found


def test_operations_are_counted_as_bench_counts_them(tmp_path: object) -> None:
    folder = tmp_path / "model"  # type: ignore[operator]
    xlmr(vocabulary=64).config.save_pretrained(folder)
    found = phase(Machine(nodes=1, gpus=1), str(folder))
    tokens = found.step_tokens
    length = max(size.item_tokens for size in found.sizes.values())
    assert step_flops(found) == pytest.approx(bench_flops(folder, tokens=tokens, tokens_squared=tokens * length))


def test_operations_of_an_mt5_that_writes_are_those_that_torch_counts(tmp_path: Path) -> None:
    model, read, written = mt5(), 64, 4
    model.config.save_pretrained(tmp_path / "model")
    model.set_attn_implementation("eager")  # of fused attention on a CPU the counter knows nothing
    ids, labels = torch.full((1, read), 7), torch.full((1, written), 7)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=labels).loss.backward()
    (task,) = phase(Machine(nodes=1, gpus=1), str(tmp_path / "model")).sizes.values()
    found = replace(
        phase(Machine(nodes=1, gpus=1), str(tmp_path / "model"), batch_examples=1),
        sizes={"mnli": replace(task, item_tokens=read)},
        target_share=written / read,
        rows_share=written / read,
    )
    assert step_flops(found) == pytest.approx(counter.get_total_flops(), rel=0.01)  # answers attend to themselves too


def test_recomputing_activations_costs_a_third_more() -> None:
    plain, again = (phase(Machine(nodes=1, gpus=8), activation_checkpointing=on) for on in (False, True))
    assert step_flops(again) == pytest.approx(4 / 3 * step_flops(plain))


def test_hours_of_xlmr_large_on_mnli() -> None:
    """302 M weights in the matrices of 24 blocks, and 128 tokens an example at most."""
    found = phase_time(phase(Machine(nodes=1, gpus=8)), ZERO2, Speed(gpu_flops=989e12), 1)
    assert found["hours"] * 3600 == pytest.approx(6 * 302e6 * 128 * 392_702 / (8 * 989e12 * 0.35), rel=0.06)
    assert found["gpu_hours"] == pytest.approx(8 * found["hours"])
    assert found["waiting_share"] is None, "one node has no network"


def test_a_slow_network_shows_as_waiting() -> None:
    machine = Machine(nodes=4, gpus=8)
    fast, slow = (
        phase_time(phase(machine), ZERO2, Speed(gpu_flops=989e12, link_bytes_per_s=gbps * 1e9 / 8), 1)
        for gbps in (400, 10)
    )
    assert slow["communication_s"] == pytest.approx(40 * fast["communication_s"])
    assert slow["waiting_share"] > fast["waiting_share"] > 0
    assert "waiting for 3.2" in time_text(slow, "")


def test_times_need_a_peak() -> None:
    with pytest.raises(ClusterError, match=r"--link-gbps 400: times need the GPU's peak too; give --gpu-tflops"):
        parse_speed(None, None, 400.0)
