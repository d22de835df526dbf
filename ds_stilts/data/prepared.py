"""Prepared files opened: mapped into memory, not read. Random access by row, and what a file holds in numbers.

The pages of a mapped file belong to the system: they are shared by all ranks of a machine, loaded when a row is asked
for, and dropped when memory is short. In the process's own memory lie a few bytes a sequence. How files are made lives
in `ds_stilts.data.prepare`.
"""

import json
from bisect import bisect_right
from collections.abc import Callable
from collections.abc import Sequence as Seq
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from ds_stilts.data.encode import LISTS
from ds_stilts.errors import DataError
from ds_stilts.formats.base import Sequence
from ds_stilts.tasks.task import Where


class Ragged:
    """Lists of integers as a few flat arrays: a row is a view into one of them.

    Args:
        parts: for each part its values and its offsets: its row i is `values[offsets[i]:offsets[i + 1]]`.
    """

    def __init__(self, parts: Seq[tuple[np.ndarray, np.ndarray]]) -> None:
        self.parts = list(parts)
        self._first_rows = np.cumsum([0] + [len(offsets) - 1 for _, offsets in self.parts]).tolist()

    def __getitem__(self, index: int) -> np.ndarray:
        part = bisect_right(self._first_rows, index, hi=len(self.parts)) - 1
        values, offsets = self.parts[part]
        row = index - self._first_rows[part]
        return values[offsets[row] : offsets[row + 1]]

    def __len__(self) -> int:
        return int(self._first_rows[-1])

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64 [rows]."""
        return np.concatenate([np.zeros(0, np.int64), *(np.diff(offsets) for _, offsets in self.parts)])

    @cached_property
    def offsets(self) -> np.ndarray:
        """int64 [rows + 1]: values before each row, and all of them."""
        return np.concatenate([[0], np.cumsum(self.lengths)])

    def count(self, wanted: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """int64 [rows]: for how many values of each row `wanted(values)` is true; it is asked part by part."""
        counts: list[np.ndarray] = [np.zeros(0, np.int64)]
        for values, offsets in self.parts:
            before = np.concatenate([[0], np.cumsum(wanted(values))])
            counts.append(before[offsets[1:]] - before[offsets[:-1]])
        return np.concatenate(counts)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All sequences of one prepared file, or of several in a row; columns as in `formats.base.Sequence`."""

    ids: Ragged
    rows: Ragged
    targets: Ragged
    info: Ragged
    example: np.ndarray
    second: np.ndarray
    item_starts: np.ndarray
    """Index of the first sequence of each item, and the number of sequences at the end."""
    checksum: str
    """xxh3 of the official files that it was made from."""

    @property
    def num_items(self) -> int:
        return len(self.item_starts) - 1

    def sequence(self, index: int) -> Sequence:
        """One sequence as the format made it (without its `item` flag)."""
        return Sequence(
            ids=self.ids[index].tolist(),
            example=int(self.example[index]),
            second=int(self.second[index]),
            rows=self.rows[index].tolist(),
            targets=self.targets[index].tolist(),
            info=self.info[index].tolist(),
        )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a prepared file holds; stored beside it as JSON."""

    task: str
    split: str
    language: str
    examples: int
    """Raw examples read, with those that training leaves out."""
    items: int
    sequences: int
    tokens: int
    bytes: int
    """Size of the Arrow file."""
    checksum: str
    """xxh3 of the official files."""
    tokenizer: str = ""
    """Its fingerprint; empty in a file of an earlier version."""
    where: Where | None = None
    """Which examples were read; None: all. Not written then, as it was not before there was the key."""


def facts_path(path: Path) -> Path:
    return path.with_suffix(".json")


def write_facts(facts: Facts, path: Path) -> None:
    values = {key: value for key, value in asdict(facts).items() if not (key == "where" and value is None)}
    facts_path(path).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_facts(path: Path) -> Facts:
    """Facts of the prepared file at `path`.

    Raises:
        DataError: they are missing or damaged.
    """
    try:
        return Facts(**json.loads(facts_path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{facts_path(path)} cannot be read ({error}); remove it and {path.name}, and both are made again"
        ) from None


def open_prepared(paths: Seq[Path]) -> Prepared:
    """Map prepared files, one after another, as one; `example` goes on counting from file to file.

    Raises:
        DataError: a file is damaged.
    """
    batches: list[pa.RecordBatch] = []
    examples: list[np.ndarray] = [np.zeros(0, np.int32)]
    checksums, shift = [], 0
    for path in paths:
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            written = (reader.get_batch(index) for index in range(reader.num_record_batches))
            own = [batch for batch in written if batch.num_rows]  # of a chunk, training may have left nothing
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(f"{path} cannot be opened ({error}); remove it, and it is made again") from None
        checksums.append(reader.schema.metadata[b"checksum"].decode())
        columns = [batch.column("example").to_numpy() for batch in own]
        examples += [column + shift for column in columns]
        shift = int(examples[-1][-1]) + 1 if columns else shift
        batches += own
    starts = np.concatenate(
        [np.zeros(0, np.bool_), *(batch.column("item").to_numpy(zero_copy_only=False) for batch in batches)]
    )
    return Prepared(
        **{name: Ragged([_part(batch.column(name)) for batch in batches]) for name in LISTS},
        example=np.concatenate(examples),
        second=np.concatenate([np.zeros(0, np.int32), *(batch.column("second").to_numpy() for batch in batches)]),
        item_starts=np.append(np.flatnonzero(starts), len(starts)),
        checksum="+".join(checksums),
    )


def _part(column: pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    return column.values.to_numpy(), column.offsets.to_numpy()
