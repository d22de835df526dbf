"""What is logged of each task does not depend on how many ranks share the work, nor on the ZeRO stage."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.engine.world import World
from tests.distributed import scenarios, tiny
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_one_rank_and_two_ranks_log_the_same_gradient_norms_and_mixture(tmp_path: Path) -> None:
    for size, config in ((1, "zero2_fp32"), (2, "zero3_release_fp32")):
        run_world(size, _train, str(tmp_path / str(size)), config, ())
    one, two = (logged(tmp_path / size) for size in ("1", "2"))
    assert [line["items"] for line in one] == [line["items"] for line in two]
    mixture = tiny.mixture(tiny.data())
    assert [line["items"] for line in one] == [
        {task.name: sum(name == task.name for name, _ in mixture.step(k)) for task in tiny.TASKS} for k in range(4)
    ]
    assert {name for line in one for name in line["grad_norms"]} == {task.name for task in tiny.TASKS}
    for expected, found in zip(one, two, strict=True):
        assert found["grad_norms"] == pytest.approx(expected["grad_norms"], rel=1e-4)
        assert min(expected["grad_norms"].values()) > 0


@pytest.mark.parametrize("config", ["zero2_fp32", "zero3_release_fp32"])
def test_how_far_gradients_agree_is_the_same_on_two_ranks_and_changes_nothing(tmp_path: Path, config: str) -> None:
    runs = ((1, "zero2_fp32", (1, 2)), (2, config, (1, 2)), (2, config, ()))
    ended = [
        run_world(size, _train, str(tmp_path / f"{i}"), kind, layers) for i, (size, kind, layers) in enumerate(runs)
    ]
    one, two, without = (logged(tmp_path / str(i)) for i in range(3))
    for expected, found in zip(one, two, strict=True):
        assert list(found["cosines"]) == ["1", "2"]
        drawn = [name for name, count in found["items"].items() if count]
        pairs = [(a, b) for a, others in found["cosines"]["2"].items() for b in others]
        assert pairs == [(a, b) for a in drawn for b in drawn if a < b], "one step: no halves"
        for layer in ("1", "2"):
            assert list(found["cosines"][layer]) == list(expected["cosines"][layer])
            for name, others in expected["cosines"][layer].items():
                assert found["cosines"][layer][name] == pytest.approx(others, abs=1e-3)
    assert max(abs(value) for line in two for own in line["cosines"]["2"].values() for value in own.values()) > 0.05
    assert not any("cosines" in line for line in without)
    for name, tensor in ended[1][0]["parameters"].items():
        assert (tensor == ended[2][0]["parameters"][name]).all(), name


def _train(world: World, folder: str, config: str, watched: tuple[int, ...]) -> dict[str, Any]:
    return scenarios.train_tiny(world, folder, config, steps=4, dropout=0.0, watched=watched)
