"""Checksums of official files. Those of large files are remembered, so that a second run need not read them all again.

A remembered checksum is taken only for the very same file: path, device, inode, size, and both time stamps to the
nanosecond (the second, `ctime`, no program can set back). A file that was written moments ago is not remembered: a
further write within the clock's resolution would leave no trace.
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import xxhash

from ds_stilts.errors import DataError
from ds_stilts.whole_file import write_whole

_BLOCK_BYTES = 1 << 20
_REMEMBERED_FROM_BYTES = 8 << 20
"""Smaller files are hashed anew: that takes milliseconds."""
_SETTLED_S = 10.0
"""Far above any file system's resolution (2 s on FAT)."""


@dataclass(frozen=True, kw_only=True)
class _State:
    """What tells this file, as it is now, from any other."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def checksum(paths: Sequence[Path], memory: Path | None = None) -> str:
    """xxh3-128 of a file as "xxh3:HEX"; of several files, that of their own checksums in order.

    Args:
        memory: folder where the checksums of large files are remembered; None: read every file.

    Raises:
        DataError: a file cannot be read.
    """
    digests = [_remembered(path, memory) if memory else _digest(path) for path in paths]
    joined = digests[0] if len(digests) == 1 else xxhash.xxh3_128_hexdigest(" ".join(digests).encode())
    return f"xxh3:{joined}"


def _digest(path: Path) -> str:
    digest = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}; check that it is a file and its permissions."
        ) from None
    return digest.hexdigest()


def _remembered(path: Path, memory: Path) -> str:
    state = _state(path)
    if state is None or state.size < _REMEMBERED_FROM_BYTES:
        return _digest(path)
    note = memory / f"{xxhash.xxh3_128_hexdigest(state.path.encode())}.json"
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        if found["state"] == asdict(state):
            return str(found["xxh3"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or a damaged one: as if there were none
    digest = _digest(path)
    settled = time.time() - max(state.mtime_ns, state.ctime_ns) / 1e9 > _SETTLED_S
    if settled and _state(path) == state:
        with suppress(OSError):  # a memory that cannot be written costs time, and nothing else
            memory.mkdir(parents=True, exist_ok=True)
            write_whole(note, json.dumps({"state": asdict(state), "xxh3": digest}))
    return digest


def _state(path: Path) -> _State | None:
    """None where there is no such file."""
    try:
        whole = path.resolve()
        facts = whole.stat()
    except OSError:
        return None
    return _State(
        path=str(whole),
        device=facts.st_dev,
        inode=facts.st_ino,
        size=facts.st_size,
        mtime_ns=facts.st_mtime_ns,
        ctime_ns=facts.st_ctime_ns,
    )
