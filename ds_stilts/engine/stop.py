"""One source of stopping: TERM, INT or USR2 to any rank, a file named STOP in the run folder, the end of the time.

All ranks leave together. In training the word rides once a step on a sum that is made anyway; in other loops that all
ranks go through equally often, `Pace` asks every few seconds; where ranks work by themselves, each looks alone and
`World.meet` gathers them. A training step is not left in its middle: half a gradient cannot be saved.
"""

import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch

from ds_stilts.engine import watchdog
from ds_stilts.engine.deadline import Deadline
from ds_stilts.engine.world import World
from ds_stilts.errors import StoppedCleanly

_MARGIN_S = 30.0
"""What leaving takes besides saving: the last log line, ending the processes, a busy file system."""
_UNKNOWN_SAVE_S = 60.0
"""How long a save is thought to take before there was one."""
_LOOK_EVERY_S = 1.0
"""A rank that works alone looks at the run folder and at what others posted so often at most."""
_ASK_EVERY_S = 2.0
_GROWTH = 4
"""A `Pace` asks at most so many times more rarely than before: the first turns say little about the next."""
_WORD = "stop"
_Turn = TypeVar("_Turn")


class StopSource:
    """Args:
    run_dir: folder in which a file STOP asks for a stop.
    deadline: end of the time; None: there is none but that of a Slurm job.
    """

    def __init__(self, world: World, run_dir: Path, deadline: Deadline | None = None) -> None:
        self._world, self._file = world, run_dir / "STOP"
        self._deadline = deadline or Deadline()
        self._reason: str | None = None
        self._looked = float("-inf")
        self._longest_step_s = 0.0
        self.save_s: float | None = None
        """How long the last save took; None before the first."""
        if world.is_main:
            self._deadline.watch()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, self._note)

    def _note(self, number: int, _: Any) -> None:
        self._reason = self._reason or signal.Signals(number).name

    def saved(self, seconds: float) -> None:
        """Tell how long a save took, so that the next one fits before the deadline."""
        self.save_s = seconds

    def stepped(self, seconds: float) -> None:
        """Tell how long a step took: the next question may come as late."""
        self._longest_step_s = max(self._longest_step_s, seconds)

    @property
    def reserve_s(self) -> float:
        """How long before the deadline a stop is due: what saving may take, and a margin."""
        return _MARGIN_S + self.saving_s

    @property
    def saving_s(self) -> float:
        """How long ranks that were just asked may take to save: two saves as the last one was, and two steps."""
        return 2 * (self.save_s or _UNKNOWN_SAVE_S) + 2 * self._longest_step_s

    def flag(self) -> float:
        """This rank's own word, 1.0 for stop, to ride on a sum over all ranks; see `agreed`."""
        if self._reason is None and self._world.is_main:
            if self._file.exists():
                self._reason = f"the file {self._file}"
            elif self._deadline.left_s() < self.reserve_s:
                self._reason = "the end of the time"
        return float(self._reason is not None)

    def agreed(self, flags: float) -> bool:
        """Whether the sum of all ranks' flags asks for a stop; this rank knows it from then on."""
        if flags > 0 and self._reason is None:
            self._reason = "another rank"
        return flags > 0

    def requested(self) -> bool:
        """True on all ranks if any was asked to stop. A collective: call it on every rank."""
        return self.agreed(float(self._world.sum(torch.tensor([self.flag()]))[0]))

    def check(self, what_is_saved: str) -> None:
        """Raise StoppedCleanly on all ranks together if a stop was asked for."""
        if self.requested():
            raise self.stopped(what_is_saved)

    def alone(self) -> bool:
        """True if this rank or, as far as it can see, any other was asked to stop. No collective."""
        now = time.monotonic()
        if self._reason is None and now - self._looked < _LOOK_EVERY_S:
            return False
        self._looked = now
        asked = self.flag() > 0
        if self._world.size > 1:
            if asked:
                self._world.post(_WORD)
            elif self._world.posted(_WORD):
                self._reason = "another rank"
        return self._reason is not None

    def stopped(self, what_is_saved: str) -> StoppedCleanly:
        """The exception to leave with."""
        return StoppedCleanly(f"stopped on request: {what_is_saved}; the same command goes on from there")


class Pace:
    """Asks for a stop every few seconds of a loop that all ranks go through equally often, in step with one another.

    Every rank calls `check` once a turn; how many turns pass until the next question follows from how long the turns
    before took on average over ranks, so that all ask at the same one.
    """

    def __init__(self, stop: StopSource, world: World) -> None:
        self._stop, self._world = stop, world
        self._turns = self._left = 1
        self._since = time.monotonic()

    def through(self, turns: Iterable[_Turn], phase: str, what_is_saved: str) -> Iterator[_Turn]:
        """The same turns; before each, this rank is alive, and may leave with the others."""
        for number, turn in enumerate(turns):
            watchdog.beat(phase, number)
            self.check(what_is_saved)
            yield turn

    def check(self, what_is_saved: str) -> None:
        """Raise StoppedCleanly on all ranks together if a stop was asked for."""
        self._left -= 1
        if self._left:
            return
        now = time.monotonic()
        flags, spent = self._world.sum(torch.tensor([self._stop.flag(), now - self._since], dtype=torch.float64))
        turn_s = float(spent) / self._world.size / self._turns
        self._turns = self._left = max(1, min(_GROWTH * self._turns, int(_ASK_EVERY_S / max(turn_s, 1e-6))))
        self._since = now
        if self._stop.agreed(float(flags)):
            raise self._stop.stopped(what_is_saved)
