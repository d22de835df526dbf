"""The records of a phase that people look at, metrics.jsonl and TensorBoard: kept while there is room for them.

Where they cannot be written (a full disk), that is said once and training goes on: what has to be saved is a
checkpoint, which says for itself that it could not be.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO


class Records:
    """Args:
    folder: of the phase.
    first_step: lines after it are dropped, so that a resumed phase has each step once.
    lost: told in a sentence when nothing more is recorded.
    """

    def __init__(self, folder: Path, *, first_step: int, lost: Callable[[str], None]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._lost, self._told = folder / "metrics.jsonl", lost, False
        self.kept = _lines_up_to(first_step, self._path) if self._path.exists() else []
        """Lines of earlier starts."""
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text("".join(line + "\n" for line in self.kept), encoding="utf-8")
        temporary.replace(self._path)
        _spare_us_tracebacks()
        self._file: TextIO = self._path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step + 1)

    def line(self, values: Mapping[str, Any]) -> None:
        """Add a line to metrics.jsonl."""

        def write() -> None:
            self._file.write(json.dumps(values) + "\n")
            self._file.flush()

        self._try(write)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add points to TensorBoard's curves."""

        def write() -> None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

        self._try(write)

    def close(self) -> None:
        for end in (self._file.close, self._board.close):
            with contextlib.suppress(OSError):  # told, or about nothing but the last lines
                end()

    def _try(self, write: Callable[[], None]) -> None:
        if self._told:
            return
        try:
            write()
        except OSError as error:
            self._told = True
            self._lost(f"{self._path} cannot be written ({error.strerror}): from here on nothing is recorded")


def _lines_up_to(last_step: int, path: Path) -> list[str]:
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            step = json.loads(line)["step"]
        except ValueError:
            break  # cut off when the run was killed; nothing was written after it
        if step <= last_step:
            kept.append(line)
    return kept


def _spare_us_tracebacks() -> None:
    """TensorBoard's thread hands its error on to the next `add_scalar`, and prints it besides."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, OSError):
            before(args)

    threading.excepthook = hook
