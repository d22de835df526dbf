"""The manifest of a checkpoint: what every file in it must be, and whether it still is.

`MANIFEST.json` holds facts about the run and, for each file, its size, its xxh3 hash and the rank that wrote it; the
manifest has a hash of itself, so that not one byte of a checkpoint goes unchecked. No torch here: DeepSpeed's shards
are pickles, which nothing may open before these functions have found the folder whole, ours, and without additions.

Writing shards and choosing a checkpoint is in `ds_stilts.engine.checkpoint`, renaming and deleting in `retention`.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

from ds_stilts.errors import CheckpointError

NAME = "MANIFEST.json"
FORMAT = 2


class FileFacts(NamedTuple):
    """What a file of a checkpoint was when it was written."""

    num_bytes: int
    xxh3: str
    rank: int
    """Who wrote it; ranks share the work of verifying along this number."""


class Manifest(NamedTuple):
    """A manifest that was read whole."""

    facts: dict[str, Any]
    """About the run: cursor, versions, whether it is the best by a metric, whether any number of ranks can load it."""
    files: dict[str, FileFacts]
    """By path relative to the checkpoint, with "/"."""


class Damaged(Exception):
    """A checkpoint is not what was saved; the sentence names the first file that is not."""


def seal(path: Path, rank: int) -> FileFacts:
    """Bring a written file to disk (fsync) and describe it.

    Raises:
        OSError: it cannot be read or synced.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return FileFacts(path.stat().st_size, hash_of(path), rank)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a folder whose files are all on disk, and bring it and the folder's entries to disk.

    Raises:
        OSError: the disk is full or gone.
    """
    _write(folder / NAME, manifest)
    for inner in sorted({folder, *(folder / Path(name).parent for name in manifest.files)}):
        sync_folder(inner)


def rewrite_manifest(checkpoint: Path, manifest: Manifest, temporary: Path) -> None:
    """Put another manifest into a committed checkpoint, in one rename.

    Args:
        temporary: a file outside the checkpoint, which may hold nothing that its manifest does not list.

    Raises:
        OSError: the disk is full or gone; the old manifest stays.
    """
    _write(temporary, manifest)
    temporary.replace(checkpoint / NAME)
    sync_folder(checkpoint)


def read_manifest(checkpoint: Path) -> Manifest:
    """The manifest of a checkpoint.

    Raises:
        Damaged: it is missing, cut off, or not what was written.
        CheckpointError: another version of ds_stilts wrote it.
    """
    path = checkpoint / NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values["format"]
        if isinstance(found, int) and found != FORMAT:
            raise CheckpointError(
                f"{path} has format {found} and this version of ds_stilts reads {FORMAT}; go on with the version that "
                f"wrote it, or delete {checkpoint} to train from an older one or from the start"
            )
        content = values["content"]
        if found != FORMAT or values["xxh3"] != _own_hash(content):
            raise Damaged(f"{path} does not have the content that was saved")
        return Manifest(content["facts"], {name: FileFacts(*facts) for name, facts in content["files"].items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path} cannot be read ({type(error).__name__})") from None


def check_foreign(checkpoint: Path, manifest: Manifest) -> None:
    """Make sure that everything in a checkpoint is a plain file that we wrote; opens none of them.

    Raises:
        CheckpointError: something is there that the manifest does not list, a link, or a file of another user. Such a
            checkpoint is neither loaded nor passed over: someone has to look at it.
    """
    for path in [checkpoint, *sorted(checkpoint.rglob("*"))]:
        found = path.lstat()
        name = path.relative_to(checkpoint).as_posix()
        known = name == NAME or name in manifest.files
        if stat.S_ISLNK(found.st_mode):
            raise CheckpointError(
                f"{path} is a symbolic link; a checkpoint holds plain files only, and nothing in it was opened; delete "
                f"{checkpoint} or put back what was saved"
            )
        if not stat.S_ISDIR(found.st_mode) and not (known and stat.S_ISREG(found.st_mode)):
            raise CheckpointError(
                f"{path} was not saved with this checkpoint, and checkpoints can run code when they are opened: "
                "nothing in it was opened; find out who put it there, remove it, and start again"
            )
        if found.st_uid != os.getuid():
            raise CheckpointError(
                f"{path} belongs to user id {found.st_uid} and this is {os.getuid()}; checkpoints can run code when "
                "they are opened, so only one's own are: run as that user, or, if you trust it, copy the run folder "
                "(cp -r) and go on in the copy"
            )


def check_files(checkpoint: Path, manifest: Manifest, *, rank: int = 0, num_ranks: int = 1) -> None:
    """Compare size and content of one rank's share of the files with the manifest.

    Raises:
        Damaged: a file is missing, or is not what was saved.
    """
    for name, expected in manifest.files.items():
        if expected.rank % num_ranks != rank:
            continue
        path = checkpoint / name
        problem = size_problem(path, expected)
        if problem:
            raise Damaged(problem)
        try:
            found = hash_of(path)
        except OSError as error:
            raise Damaged(f"{path} cannot be read ({error.strerror})") from None
        if found != expected.xxh3:
            raise Damaged(f"{path} does not have the content that was saved")


def size_problem(path: Path, expected: FileFacts) -> str | None:
    """None if a file is there with its right size, else a sentence."""
    try:
        found = path.lstat().st_size
    except OSError:
        return f"{path} is missing"
    return None if found == expected.num_bytes else f"{path} has {found} bytes, the manifest says {expected.num_bytes}"


def looks_whole(checkpoint: Path) -> bool:
    """Whether the manifest can be read and every file has its size; contents are not read."""
    try:
        files = read_manifest(checkpoint).files
    except (Damaged, CheckpointError):
        return False
    return not any(size_problem(checkpoint / name, facts) for name, facts in files.items())


def hash_of(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(folder: Path) -> None:
    """Bring every file of a folder, and its entries, to disk.

    Raises:
        OSError: the disk is full or gone.
    """
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(inner)


def _write(path: Path, manifest: Manifest) -> None:
    content = {"facts": manifest.facts, "files": {name: list(facts) for name, facts in sorted(manifest.files.items())}}
    path.write_text(json.dumps({"format": FORMAT, "xxh3": _own_hash(content), "content": content}), encoding="utf-8")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _own_hash(content: Any) -> str:
    return xxhash.xxh3_128_hexdigest(json.dumps(content, sort_keys=True).encode())
