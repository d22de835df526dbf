"""One source of stopping: TERM, INT or USR2 to any rank, or a file named STOP in the run folder.

Asked once a step and in every long loop; `World.any` makes all ranks leave together.
"""

import signal
from pathlib import Path
from typing import Any

from ds_stilts.engine.world import World
from ds_stilts.errors import StoppedCleanly


class StopSource:
    """Args:
    run_dir: folder in which a file STOP asks for a stop.
    """

    def __init__(self, world: World, run_dir: Path) -> None:
        self._world, self._file = world, run_dir / "STOP"
        self._signal: str | None = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, self._note)

    def _note(self, number: int, _: Any) -> None:
        self._signal = signal.Signals(number).name

    def requested(self) -> bool:
        """True on all ranks if any was asked to stop. A collective: call it on every rank."""
        return self._world.any(self._signal is not None or (self._world.is_main and self._file.exists()))

    def check(self, what_is_saved: str) -> None:
        """Raise StoppedCleanly on all ranks together if a stop was asked for."""
        if self.requested():
            raise StoppedCleanly(f"stopped on request: {what_is_saved}; the same command goes on from there")
