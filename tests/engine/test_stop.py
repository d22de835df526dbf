"""What asks for a stop, and how ranks agree on it. Worlds of one here; several ranks in tests/faults/test_stops.py."""

import itertools
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.engine import stop as stop_module
from ds_stilts.engine.deadline import Deadline
from ds_stilts.engine.stop import Pace, StopSource
from ds_stilts.engine.world import World
from ds_stilts.errors import StoppedCleanly


@pytest.fixture(scope="module")
def world() -> Any:
    joined = World.join()
    yield joined
    joined.leave()


@pytest.fixture(autouse=True)
def handlers_come_back() -> Any:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_nothing_asks_and_nothing_stops(world: World, tmp_path: Path) -> None:
    stop = StopSource(world, tmp_path, Deadline(None, {}))
    assert not stop.requested() and not stop.alone() and stop.flag() == 0.0
    stop.check("nothing")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_a_signal_is_kept_until_it_is_asked_for(world: World, tmp_path: Path, number: int) -> None:
    stop = StopSource(world, tmp_path, Deadline(None, {}))
    os.kill(os.getpid(), number)
    assert stop.requested() and stop.requested()
    with pytest.raises(StoppedCleanly, match="step 3 is saved; the same command goes on"):
        stop.check("step 3 is saved")


def test_a_file_in_the_run_folder_stops(world: World, tmp_path: Path) -> None:
    stop = StopSource(world, tmp_path, Deadline(None, {}))
    (tmp_path / "STOP").touch()
    assert stop.requested()


def test_the_end_of_the_time_comes_two_saves_two_steps_and_a_margin_early(world: World, tmp_path: Path) -> None:
    stop = StopSource(world, tmp_path, Deadline(time.time() + 100.0, {}))
    assert stop.requested(), "before the first save one is thought to take a minute"
    stop = StopSource(world, tmp_path, Deadline(time.time() + 100.0, {}))
    stop.saved(10.0)
    stop.stepped(3.0)
    stop.stepped(2.0)
    assert stop.reserve_s == 30.0 + 20.0 + 6.0 and not stop.requested()
    stop.saved(33.0)
    assert stop.requested()


def test_ranks_whose_launcher_is_gone_get_the_time_of_a_first_save_and_of_the_step_before_it(
    world: World, tmp_path: Path
) -> None:
    stop = StopSource(world, tmp_path, Deadline(None, {}))
    stop.stepped(20.0)
    assert stop.saving_s == 120.0 + 40.0, "nobody knows yet how long a save takes"
    stop.saved(1.0)
    assert stop.saving_s == 2.0 + 40.0


def test_a_pace_asks_every_few_seconds_and_not_at_every_turn(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop_module, "_ASK_EVERY_S", 0.2)
    stop = StopSource(world, tmp_path, Deadline(None, {}))
    asked: list[int] = []
    turn = 0
    monkeypatch.setattr(stop, "flag", lambda: asked.append(turn) or 0.0)
    began = time.monotonic()
    for turn in Pace(stop, world).through(range(300), "x", "y"):  # noqa: B007
        time.sleep(0.002)
    spent = time.monotonic() - began
    assert asked[0] == 0 and 3 <= len(asked) <= 5 + spent / 0.1, asked
    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) < 250, asked


def test_a_pace_yields_every_turn_and_leaves_where_it_asks(world: World, tmp_path: Path) -> None:
    stop = StopSource(world, tmp_path, Deadline(None, {}))
    assert list(Pace(stop, world).through("abc", "x", "y")) == ["a", "b", "c"]
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StoppedCleanly, match="y"):
        list(Pace(stop, world).through("abc", "x", "y"))
