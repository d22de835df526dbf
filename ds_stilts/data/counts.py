"""How many examples the files of a split hold, without tokenising them. A count is remembered with what it depends on.

Like a prepared file it may be deleted at any time: its name is a hash of the files and of the code that reads them.
"""

from contextlib import suppress
from pathlib import Path

import xxhash

from ds_stilts.data.checksums import checksum
from ds_stilts.data.identity import code_fingerprint, declaration, stable
from ds_stilts.tasks.task import Task, Where
from ds_stilts.whole_file import write_whole


def counted(
    task: Task, split: str, language: str, root: Path, folder: Path, where: Where | None = None
) -> tuple[int, str] | None:
    """Examples of one language of one split, and the checksum of their files; None where a file is not there.

    Args:
        root: data root with the official files.
        folder: of prepared files, where counts and checksums are remembered.
        where: count these examples only.

    Raises:
        DataError: a file cannot be read or is malformed.
    """
    files = task.files(split, language, root)
    if not all(path.is_file() for path in files):
        return None
    digest = checksum(files, folder / "checksums")
    identity = xxhash.xxh3_128_hexdigest(
        f"{declaration(task, split)} {language} {code_fingerprint()} {digest}{stable(where) if where else ''}".encode()
    )
    note = folder / "counts" / identity
    try:
        return int(note.read_text(encoding="utf-8")), digest
    except (OSError, ValueError):
        pass  # none, or a damaged one: as if there were none
    examples = sum(1 for _ in task.stream(split, language, root, where))
    with suppress(OSError):  # a count that cannot be remembered is made again
        note.parent.mkdir(parents=True, exist_ok=True)
        write_whole(note, f"{examples}\n")
    return examples, digest
