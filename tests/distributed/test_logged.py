"""The logged gradient norms of tasks do not depend on how many ranks share the work, nor on the ZeRO stage."""

import json
from pathlib import Path

import pytest

from ds_stilts.engine.world import World
from tests.distributed import scenarios, tiny
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line)["grad_norms"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_one_rank_and_two_ranks_log_the_same_gradient_norms(tmp_path: Path) -> None:
    for size, config in ((1, "zero2_fp32"), (2, "zero3_release_fp32")):
        run_world(size, _train, str(tmp_path / str(size)), config)
    one, two = (logged(tmp_path / size) for size in ("1", "2"))
    assert [set(norms) for norms in one] == [set(norms) for norms in two]
    assert {name for norms in one for name in norms} == {task.name for task in tiny.TASKS}
    for expected, found in zip(one, two, strict=True):
        assert found == pytest.approx(expected, rel=1e-4) and min(expected.values()) > 0


def _train(world: World, folder: str, config: str) -> None:
    scenarios.train_tiny(world, folder, config, steps=4, dropout=0.0)
