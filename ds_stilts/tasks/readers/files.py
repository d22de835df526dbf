"""Text files as lines, with faults told by file and line: what every reader stands on.

Invariants: UTF-8 only; a line ends at "\\n" or "\\r\\n" and nowhere else (U+2028, U+0085 and form feeds are part of a
sentence, unlike in `str.splitlines`); a name that ends in ".gz" is unpacked. Knows no layout.
"""

import gzip
import zlib
from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.task import Task


def read_text(path: Path) -> str:
    """The whole file, line endings untouched, a byte order mark removed.

    Raises:
        DataError: unreadable, damaged gzip, or not UTF-8 (names the line of the first bad byte).
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}); get it again from its source.") from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}; check that it is a file and its permissions."
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 ({error.reason}); "
            "save the file as UTF-8 or get it again from its source."
        ) from None


def read_lines(path: Path) -> list[str]:
    """Lines without their endings; empty lines at the end of the file are left out."""
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def check_label(label: str, task: Task, path: Path, line: int) -> str:
    """`label` when it is one of the task's; a DataError with the set otherwise."""
    if label not in task.labels:
        raise DataError(
            f"{path}, line {line}: label {label!r} is not one of task '{task.name}' ({', '.join(task.labels)}); "
            "correct it or get the file again from its source."
        )
    return label


def check_same_length(path: Path, num_examples: int, labels_path: Path, num_labels: int) -> None:
    """A DataError with both counts when a label file does not belong to its example file."""
    if num_examples != num_labels:
        raise DataError(
            f"{labels_path} has {num_labels} lines but {path} has {num_examples}: labels and examples must be line by "
            "line of the same release; get both again from their source."
        )
