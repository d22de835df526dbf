"""A heartbeat, two limits, and what a rank that stands still leaves behind, in real ranks."""

import json
import time
from pathlib import Path

import pytest

from ds_stilts.engine import watchdog
from ds_stilts.engine.world import World
from tests.distributed.worlds import run_world
from tests.faults import scenarios

pytestmark = pytest.mark.timeout(200)


def test_a_rank_that_stands_still_ends_the_world_with_all_stacks_on_disk(tmp_path: Path) -> None:
    (tmp_path / "hangs").mkdir()
    (tmp_path / "hangs/rank-7.txt").write_text("an earlier run's")
    with pytest.raises(AssertionError, match="died with exit code 70"):
        run_world(2, scenarios.heart, str(tmp_path))
    for rank in (0, 1):
        seen = json.loads((tmp_path / f"seen-{rank}.json").read_text())  # it lived through 3 s with the long limit
        assert seen["rank"] == rank and seen["phase"] == "arms/test" and 5 <= seen["step"] <= 7
    assert sorted(path.name for path in (tmp_path / "hangs").iterdir()) == ["rank-0.txt", "rank-1.txt"]
    still, alive = ((tmp_path / "hangs" / f"rank-{rank}.txt").read_text() for rank in (0, 1))
    assert "in heart" in still and "in heart" in alive
    assert still.startswith("rank 0, process ") and "arms/test, step 7" in still
    assert alive.startswith("rank 1, process ") and "arms/test, step 8" in alive


def test_a_rank_that_ends_leaves_no_half_written_heartbeat(tmp_path: Path) -> None:
    assert run_world(1, _rested_in_a_write, str(tmp_path)) == [(True, [], "arms/test")]


def _rested_in_a_write(world: World, folder: str) -> tuple[bool, list[str], str]:
    """Rest while a heartbeat is on its way to its place, on a disk that takes a second for that."""
    beats, replace = Path(folder) / "heartbeats", Path.replace

    def slowly(self: Path, target: Path) -> Path:
        time.sleep(1.0)
        return replace(self, target)

    watchdog.start(Path(folder), world, 1.0)
    while not (beats / "rank-0.json").exists():
        time.sleep(0.01)
    Path.replace = slowly  # type: ignore[assignment,method-assign]
    watchdog.beat("arms/test", 7)
    while not (half := list(beats.glob("*.tmp"))):
        time.sleep(0.01)
    watchdog.rest()
    left = [path.name for path in beats.glob("*.tmp")]
    return bool(half), left, json.loads((beats / "rank-0.json").read_text())["phase"]
