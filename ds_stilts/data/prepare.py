"""Tokenise one split of one language once, into an Arrow file that all later runs map into memory.

The file's name carries a hash of everything that decides its content: the official files, the task's declaration, the
tokenizer, the lengths, and the code between them. So one folder serves all runs, and a changed input is a new file.
Examples stream through: memory holds some chunks, whatever the size of the split. A file is written under a temporary
name, by one process at a time, and renamed: what is there is whole.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import xxhash

from ds_stilts.data.checksums import checksum
from ds_stilts.data.encode import CHUNK_EXAMPLES, Chunk, bare, schema
from ds_stilts.data.encoder import Encoder
from ds_stilts.data.identity import code_fingerprint, declaration, stable
from ds_stilts.data.prepared import Facts, facts_path, write_facts
from ds_stilts.errors import UserError
from ds_stilts.formats.base import Limits
from ds_stilts.resources import cache_folder
from ds_stilts.tasks.examples import Example, without_gold
from ds_stilts.tasks.task import Task, Where

if TYPE_CHECKING:
    from filelock import BaseFileLock

LAYOUT_VERSION = 2
"""Bumped when columns or types of a prepared file change."""

Progress = Callable[[int], None]
"""`progress(examples)`: so many raw examples of the split are done; 0: another process is at it, and is waited for."""

_TELL_AGAIN_S = 1.0


@dataclass(frozen=True, kw_only=True)
class SplitKey:
    """Which examples: one language of one split of one task, and how they are cut."""

    task: Task
    split: str
    language: str
    limits: Limits
    training: bool
    max_examples: int | None = None
    where: Where | None = None
    """None: all examples; else those that have one of these values in each field. `max_examples` counts these."""
    text: bool = False
    """Whether the model writes text, instead of reading it with heads."""
    unlabelled: bool = False
    """Whether gold is taken off as the file is read, so that nothing after it can look at it."""

    def examples(self, root: Path) -> list[Example]:
        """Raw examples in file order."""
        examples = self.task.examples(self.split, self.language, root, self.where)[: self.max_examples]
        return [without_gold(example) for example in examples] if self.unlabelled else examples

    def stream(self, root: Path) -> Iterator[Example]:
        """The same, read piece by piece; there may be none."""
        examples = islice(self.task.stream(self.split, self.language, root, self.where), self.max_examples)
        return map(without_gold, examples) if self.unlabelled else examples

    def files(self, root: Path) -> list[Path]:
        """The official files that are there."""
        return [path for path in self.task.files(self.split, self.language, root) if path.is_file()]


def prepared_folder() -> Path:
    """Where prepared files are kept for all runs: `prepared/` in the cache folder (DS_STILTS_CACHE). It may be deleted
    at any time; what is needed again is made again."""
    return cache_folder() / "prepared"


def prepared_path(key: SplitKey, encoder: Encoder, root: Path, folder: Path) -> Path:
    """Where the prepared file of a split lies, or will lie.

    Raises:
        DataError: an official file cannot be read, or lies there twice.
    """
    return _path(key, encoder, _checksum(key, root, folder), folder)


def is_prepared(path: Path) -> bool:
    """Whether a prepared file and its facts are there."""
    return path.is_file() and facts_path(path).is_file()


def prepare(key: SplitKey, encoder: Encoder, root: Path, folder: Path, progress: Progress | None = None) -> Path:
    """Tokenise a split unless its prepared file is there.

    A second process that wants the same file waits for the first, and then finds it.

    Args:
        root: data root with the official files.
        folder: where prepared files are kept, see `prepared_folder`.
        progress: told after each chunk, and once a second while another process is waited for; what it raises ends
            the preparation.

    Returns:
        The Arrow file.

    Raises:
        DataError: an official file is missing or malformed.
        UserError: the folder cannot be written to.
    """
    files_checksum = _checksum(key, root, folder)
    path = _path(key, encoder, files_checksum, folder)
    if is_prepared(path):
        return path
    chunks = _chunks(key, root)
    first = next(chunks, None)  # before anything is written: this is where a missing file is told
    if first is None:
        key.examples(root)  # says that there is none
        raise AssertionError(key)
    with _alone(path, progress):
        if is_prepared(path):
            return path
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            facts = _write(key, encoder, chunks, first, files_checksum, temporary, progress)
            write_facts(facts, path)  # first: a prepared file that is there has its facts
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def _checksum(key: SplitKey, root: Path, folder: Path) -> str:
    return checksum(key.files(root), folder / "checksums")


def _path(key: SplitKey, encoder: Encoder, files_checksum: str, folder: Path) -> Path:
    identity = (
        LAYOUT_VERSION,
        code_fingerprint(),
        declaration(key.task, key.split),
        files_checksum,
        encoder.fingerprint,
        key.limits,
        key.training,
        key.max_examples,
        key.text and key.task.head,  # the head's name stands in prompts
        *(["unlabelled"] if key.unlabelled else []),
        *([stable(key.where)] if key.where else []),
    )
    name = f"{key.split}-{key.language}-{xxhash.xxh3_128_hexdigest(repr(identity).encode())}.arrow"
    return folder / key.task.name.replace(":", "_") / name


def _chunks(key: SplitKey, root: Path) -> Iterator[Chunk]:
    task, first = bare(key.task), 0
    examples = key.stream(root)
    while part := list(islice(examples, CHUNK_EXAMPLES)):
        yield Chunk(task=task, limits=key.limits, training=key.training, text=key.text, first=first, examples=part)
        first += len(part)


def _write(
    key: SplitKey,
    encoder: Encoder,
    chunks: Iterator[Chunk],
    first: Chunk,
    files_checksum: str,
    path: Path,
    progress: Progress | None,
) -> Facts:
    examples = len(first.examples)

    def counted() -> Iterator[Chunk]:
        nonlocal examples
        yield first
        for chunk in chunks:
            examples = chunk.first + len(chunk.examples)
            yield chunk

    columns = schema(encoder.tokenizer, files_checksum)
    items = sequences = tokens = 0
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, columns) as writer:
        for number, batch in enumerate(encoder.batches(counted()), start=1):
            writer.write_batch(batch)
            sequences += batch.num_rows
            items += int(np.count_nonzero(batch.column("item").to_numpy(zero_copy_only=False)))
            tokens += len(batch.column("ids").values)
            if progress:
                progress(min(number * CHUNK_EXAMPLES, examples))
    with path.open("rb") as file:
        os.fsync(file.fileno())  # so that not even a power failure leaves a whole name with half a content
    return Facts(
        task=key.task.name,
        split=key.split,
        language=key.language,
        examples=examples,
        items=items,
        sequences=sequences,
        tokens=tokens,
        bytes=path.stat().st_size,
        checksum=files_checksum,
        tokenizer=encoder.fingerprint,
        where=key.where,
    )


@contextmanager
def _alone(path: Path, progress: Progress | None) -> Iterator[None]:
    """Hold the lock of one prepared file, and remove what a process that was killed left of it."""
    from filelock import FileLock

    lock = FileLock(path.with_suffix(".lock"))  # the system lets go of it when its holder is killed
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _taken(lock, progress):
            for left in path.parent.glob(f"{path.stem}.*.tmp"):
                left.unlink()
            yield
    except OSError as error:
        raise UserError(
            f"{path.parent} cannot be written to ({error.strerror or error}); name a folder that can, and has room, in "
            "the environment variable DS_STILTS_CACHE"
        ) from None


def _taken(lock: "BaseFileLock", progress: Progress | None) -> AbstractContextManager[object]:
    """Wait for a lock in steps, so that whoever waits shows that it is alive, and can be stopped."""
    from filelock import Timeout

    while True:
        try:
            return lock.acquire(timeout=_TELL_AGAIN_S)
        except Timeout:
            if progress:
                progress(0)
