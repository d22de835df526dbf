"""Tokenise one split of one language once, into an Arrow file that later runs map into memory.

The file's name carries a fingerprint of everything that decides its content: the official files, the task's version,
the tokenizer and the lengths. A changed input is a new file; an unchanged one is never tokenised twice. Written under a
temporary name and renamed, so a file that exists is whole.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from ds_stilts.formats import get_format
from ds_stilts.formats.base import Limits, Sequence
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.task import Task

FORMAT_VERSION = 1
"""Bumped when the columns or the encoding of any format changes."""
_LISTS = ("ids", "rows", "targets", "info")
_BATCH = 4096


@dataclass(frozen=True, kw_only=True)
class SplitKey:
    """Which examples: one language of one split of one task, and how they are cut."""

    task: Task
    split: str
    language: str
    limits: Limits
    training: bool
    max_examples: int | None = None

    def examples(self, root: Path) -> list[Example]:
        """Raw examples in file order."""
        return self.task.examples(self.split, self.language, root)[: self.max_examples]


@dataclass(frozen=True)
class Ragged:
    """Lists of integers as one flat array and offsets: row i is `flat[offsets[i]:offsets[i+1]]`, a view."""

    flat: np.ndarray
    offsets: np.ndarray

    def __getitem__(self, index: int) -> np.ndarray:
        return self.flat[self.offsets[index] : self.offsets[index + 1]]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All sequences of one prepared file; columns as in `formats.base.Sequence`."""

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


def checksum(paths: Iterable[Path]) -> str:
    """xxh3-128 over files, in order."""
    digest = xxhash.xxh3_128()
    for path in paths:
        digest.update(path.read_bytes())
    return f"xxh3:{digest.hexdigest()}"


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """Hash of a fast tokenizer's whole definition."""
    backend = tokenizer.backend_tokenizer
    # Part of the definition's text, but only what the last call asked for: transformers sets both anew at each call.
    backend.no_truncation()
    backend.no_padding()
    return xxhash.xxh3_128_hexdigest(backend.to_str().encode())


def prepared_path(key: SplitKey, files_checksum: str, tokenizer_hash: str, folder: Path) -> Path:
    """Where the prepared file of a split lies."""
    identity = repr(
        (
            FORMAT_VERSION,
            key.task.name,
            key.task.version,
            files_checksum,
            tokenizer_hash,
            key.limits,
            key.training,
            key.max_examples,
        )
    )
    name = f"{key.split}-{key.language}-{xxhash.xxh3_64_hexdigest(identity.encode())}.arrow"
    return folder / key.task.name.replace(":", "_") / name


def prepare(key: SplitKey, tokenizer: Any, root: Path, folder: Path) -> Path:
    """Tokenise a split unless its prepared file is there.

    Args:
        tokenizer: a fast Hugging Face tokenizer.
        root: data root with the official files.
        folder: where prepared files are kept.

    Returns:
        The Arrow file.

    Raises:
        DataError: an official file is missing or malformed.
    """
    files = [path for path in key.task.files(key.split, key.language, root) if path.is_file()]
    files_checksum = checksum(files)
    path = prepared_path(key, files_checksum, tokenizer_fingerprint(tokenizer), folder)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    sequences = get_format(key.task.format).encode(
        key.examples(root), key.task, tokenizer, key.limits, training=key.training
    )
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    schema = pa.schema(
        [(name, pa.large_list(pa.int32())) for name in _LISTS]
        + [("example", pa.int32()), ("second", pa.int32()), ("item", pa.bool_())],
        metadata={"checksum": files_checksum},
    )
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        batch: list[Sequence] = []
        for sequence in sequences:
            batch.append(sequence)
            if len(batch) == _BATCH:
                writer.write_batch(_to_arrow(batch, schema))
                batch = []
        if batch:
            writer.write_batch(_to_arrow(batch, schema))
    temporary.replace(path)
    return path


def _to_arrow(sequences: list[Sequence], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array([getattr(s, name) for s in sequences], type=schema.field(name).type) for name in schema.names]
    return pa.record_batch(columns, schema=schema)


def open_prepared(paths: list[Path]) -> Prepared:
    """Map prepared files, one after another, as one; `example` goes on counting from file to file."""
    tables = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in paths]
    table = pa.concat_tables([t.replace_schema_metadata(None) for t in tables]).combine_chunks()

    def ragged(name: str) -> Ragged:
        column = table.column(name)
        if column.num_chunks == 0:
            return Ragged(np.zeros(0, np.int32), np.zeros(1, np.int64))
        array = column.chunk(0)
        offsets = array.offsets.to_numpy()
        return Ragged(array.values.to_numpy(), offsets)

    shifts, examples = 0, []
    for t in tables:
        column = t.column("example").to_numpy()
        examples.append(column + shifts)
        shifts += int(column.max()) + 1 if len(column) else 0
    first = table.column("item").to_numpy()
    return Prepared(
        **{name: ragged(name) for name in _LISTS},
        example=np.concatenate(examples),
        second=table.column("second").to_numpy(),
        item_starts=np.append(np.flatnonzero(first), len(first)),
        checksum="+".join(t.schema.metadata[b"checksum"].decode() for t in tables),
    )
