"""A rank's heartbeat, and what happens when it stops: every rank's stacks on disk, and an end instead of a hang.

`heartbeats/rank-N.json` in the run folder says where each rank is. A rank without progress for its limit writes all its
threads' stacks to `hangs/rank-N.txt`; the others see that file and write theirs, and the world ends with a fault. The
limit is long while things load, compile and meet for the first time, and short once training runs; the timeout of
collectives follows it, a minute later, so that the stacks come first.

One process has one heart: `start` it once, `beat` anywhere, let it `rest` before the process ends. Without `start`,
nothing is watched.
"""

import faulthandler
import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ds_stilts.engine.telemetry import say

if TYPE_CHECKING:  # the heart beats in places that do without torch
    from ds_stilts.engine.world import World

START_S = 1800.0
"""Limit while a phase starts, or saves, or scores."""
_AFTER_S = 60.0
"""Collectives fail so much later than the watchdog."""
_OTHERS_S = 5.0
"""So long a rank waits, after writing its stacks, for the others to write theirs."""
_EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h: a fault, neither bad input nor a clean stop."""


class _Heart:
    def __init__(self) -> None:
        self.phase, self.step = "", 0
        self.at = time.monotonic()
        self.limit_s = START_S
        self.short_s: float | None = None
        """None: not started."""
        self.resting = threading.Event()
        self.watcher: threading.Thread | None = None


_heart = _Heart()


def start(run_dir: Path, world: "World", hang_timeout_s: float) -> None:
    """Begin to watch this process, with the long limit. A collective.

    Args:
        hang_timeout_s: the limit once training runs (the recipe's `engine.hang_timeout_s`).
    """
    beats, hangs = run_dir / "heartbeats", run_dir / "hangs"
    if world.is_main:
        shutil.rmtree(hangs, ignore_errors=True)  # an earlier run's
        beats.mkdir(parents=True, exist_ok=True)
    world.barrier()
    beat("start")
    _heart.short_s = hang_timeout_s
    patient(world)
    _heart.resting.clear()
    _heart.watcher = threading.Thread(target=_watch, args=(beats, hangs, world.rank), name="watchdog", daemon=True)
    _heart.watcher.start()


def rest() -> None:
    """Watch no longer. A rank ends without asking its threads: one that is just writing would leave half a file."""
    _heart.resting.set()
    if _heart.watcher:
        _heart.watcher.join(_OTHERS_S)  # no longer: its file system may hang


def beat(phase: str, step: int = 0) -> None:
    """This rank is alive and about to do a step (or batch, or chunk) of a phase."""
    _heart.phase, _heart.step, _heart.at = phase, step, time.monotonic()


def brisk(world: "World") -> None:
    """From here on steps are alike: the short limit, for the watchdog and for collectives. A collective."""
    if _heart.short_s is not None:
        world.barrier()  # nobody still waits in something slow
        _limit(world, _heart.short_s)


def patient(world: "World") -> None:
    """The long limit again, on this rank."""
    if _heart.short_s is not None:
        _limit(world, max(START_S, _heart.short_s))


def _limit(world: "World", seconds: float) -> None:
    _heart.at, _heart.limit_s = time.monotonic(), seconds
    world.set_timeout(seconds + _AFTER_S)


def _watch(beats: Path, hangs: Path, rank: int) -> None:
    told = (-1.0, "")
    every_s = min(5.0, (_heart.short_s or START_S) / 10)
    own = hangs / f"rank-{rank}.txt"
    while not _heart.resting.is_set():
        still_s = time.monotonic() - _heart.at
        if told != (_heart.at, _heart.phase):
            told = (_heart.at, _heart.phase)
            _write(beats / f"rank-{rank}.json", rank)
        others = hangs.is_dir()
        if still_s > _heart.limit_s or others:
            break
        _heart.resting.wait(every_s)
    else:
        return
    try:
        hangs.mkdir(exist_ok=True)
        with own.open("w", encoding="utf-8") as file:
            file.write(
                f"rank {rank}, process {os.getpid()}: {_heart.phase}, step {_heart.step}, {still_s:.0f} s ago\n\n"
            )
            file.flush()
            faulthandler.dump_traceback(file, all_threads=True)
    except OSError:  # a file system that hangs, perhaps, or is full
        faulthandler.dump_traceback(all_threads=True)
    if not others:
        say(
            f"rank {rank}: no progress for {still_s:.0f} s in {_heart.phase}, step {_heart.step}; the run ends here. "
            f"What every rank was doing is in {hangs}. If nothing hangs, raise engine.hang_timeout_s"
        )
    time.sleep(_OTHERS_S + 2 * every_s)
    os._exit(_EXIT_CODE)


def _write(path: Path, rank: int) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    values = {"rank": rank, "process": os.getpid(), "phase": _heart.phase, "step": _heart.step, "time": time.time()}
    try:
        temporary.write_text(json.dumps(values), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        pass  # a full disk is the business of whoever has something to save
