"""Rows that outlive an interruption: which examples an earlier start has scored, and how rows get to disk meanwhile.

No example that has a row is scored again, in whatever world and batches the evaluation goes on. Which ones these are is
looked up by rank 0 and told to all, so that every rank deals the same rest. Rows of another model or of other data are
removed first: they never count.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from ds_stilts.engine.world import World
from ds_stilts.errors import StoppedCleanly
from ds_stilts.evaluation.rows import Origin, Row, read_origin, shards, write_shard

WRITE_EVERY_S = 10.0
"""What a killed rank loses at most, beside the batch that it was at."""
_SHARE_OF_TIME = 0.05
"""Most of the time that writing may take: a shard is written whole each time."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What earlier starts have left of one language."""

    done: frozenset[int]
    """Places of the examples that have a row."""
    num_rows: int | None
    """Rows of the whole language; None where there is none yet."""
    next_number: int
    """The first number that no shard has."""

    @property
    def is_whole(self) -> bool:
        return len(self.done) == self.num_rows


def keep_rows(folder: Path, made_by: Mapping[str, str], world: World) -> dict[str, Kept]:
    """Look at the rows that are there, and remove those that do not count; a collective.

    Args:
        made_by: for each language what its rows must come from, as `rows.Origin` has it.
    """
    found = None
    if world.is_main:
        for left in folder.glob("*.tmp"):
            left.unlink()
        found = {language: _keep(folder, language, text) for language, text in made_by.items()}
    kept: dict[str, Kept] = next(each for each in world.gather(found) if each is not None)
    return kept


def _keep(folder: Path, language: str, made_by: str) -> Kept:
    done: set[int] = set()
    num_rows, next_number = None, 0
    for path in shards(folder, language):
        try:
            origin = read_origin(path)
            own = pq.read_table(path, columns=["index"])["index"].to_pylist() if origin else []
        except (OSError, ValueError, pa.ArrowException):
            origin = None  # cut off or overwritten: as if it were not there
        if origin is None or origin.made_by != made_by:
            path.unlink()
            continue
        done.update(own)
        num_rows = origin.num_rows
        next_number = 1 + int(path.stem.rpartition("-")[2])
    return Kept(done=frozenset(done), num_rows=num_rows, next_number=next_number)


class Shard:
    """One rank's rows of one language as they come: on disk every `WRITE_EVERY_S`, at the end, and at a clean stop.

    Used in a `with` statement. Without rows no file is written.

    Args:
        number: of the shard; no other rank's, nor of an earlier start.
    """

    def __init__(self, folder: Path, language: str, number: int, origin: Origin) -> None:
        self._folder, self._language, self._number, self._origin = folder, language, number, origin
        self._rows: list[Row] = []
        self._written = 0
        self._due = time.monotonic() + WRITE_EVERY_S

    def add(self, rows: list[Row]) -> None:
        """Take rows, and write all if it is time."""
        self._rows += rows
        if time.monotonic() >= self._due:
            self._write()

    def _write(self) -> None:
        if len(self._rows) == self._written:
            return
        began = time.monotonic()
        write_shard(self._rows, self._folder, self._language, self._number, self._origin)
        ended = time.monotonic()
        self._written, self._due = len(self._rows), ended + max(WRITE_EVERY_S, (ended - began) / _SHARE_OF_TIME)

    def __enter__(self) -> "Shard":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, StoppedCleanly):
            self._write()
