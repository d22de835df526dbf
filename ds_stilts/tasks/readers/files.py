"""Text files as lines, with faults told by file and line: what every reader stands on.

Invariants: UTF-8 without a byte order mark; a line ends at "\\n" or "\\r\\n", the same throughout one file, and nowhere
else (U+2028, U+0085 and form feeds are part of a sentence, unlike in `str.splitlines`); a name that ends in ".gz" is
unpacked while it is read. Knows no layout.
"""

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.tasks.task import Task, existing

_MARKS = ((codecs.BOM_UTF8, "UTF-8"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u(d[89a-f][0-9a-f]{2})|.)", re.IGNORECASE | re.DOTALL)
"""An escape in JSON; the group is half of a character outside Unicode's first 65,536."""


def plain_name(path: Path) -> str:
    """The file's name as it is declared, without the ".gz" of a packed one."""
    return path.name.removesuffix(".gz")


def beside(path: Path, name: str) -> Path:
    """The file called `name` in the folder of `path`, packed or not, whether it is there or not."""
    return existing(path.with_name(name))


def raw_lines(path: Path) -> Iterator[str]:
    """Lines of a text file with their endings as they stand there, read piece by piece.

    Raises:
        DataError: unreadable, damaged gzip, a byte order mark, or not UTF-8 (names the line of the bad byte).
    """
    with _told(path), gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1:
                _refuse_mark(line, path)
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8 ({error.reason}); "
                    "save the file as UTF-8 or get it again from its source."
                ) from None


def iter_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number from 1, line without its ending); empty lines at the end of the file are left out.

    Raises:
        DataError: as `raw_lines`, or lines that end in different ways.
    """
    first_ending, empty = "", 0
    for number, line in enumerate(raw_lines(path), start=1):
        text, ending = split_ending(line)
        first_ending = first_ending or ending
        check_ending(ending, first_ending, path, number)
        if not text:
            empty += 1
            continue
        for missing in range(number - empty, number):
            yield missing, ""
        empty = 0
        yield number, text


def split_ending(line: str) -> tuple[str, str]:
    """A line's text and its ending: "\\n", "\\r\\n", or "" at the end of a file."""
    text = line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line
    return text, line[len(text) :]


def check_ending(ending: str, first_ending: str, path: Path, number: int) -> None:
    """A DataError when a line ends otherwise than the first: one of two programs has touched the file."""
    if ending and ending != first_ending:
        names = {"\n": "a line feed", "\r\n": "carriage return and line feed"}
        raise DataError(
            f"{path}, line {number}: ends in {names[ending]}, but the lines before it in {names[first_ending]}; give "
            "all lines the same end (dos2unix does) or get the file again from its source."
        )


def read_lines(path: Path) -> list[str]:
    """All lines without their endings; empty lines at the end of the file are left out."""
    return [line for _, line in iter_lines(path)]


def read_text(path: Path) -> str:
    """The whole file, line endings untouched; raises as `raw_lines`."""
    return "".join(raw_lines(path))


def parse_json(text: str, path: Path, line: int, remedy: str) -> Any:
    """The JSON value that `text` is.

    Args:
        line: where in the file it begins.
        remedy: what to do where it is broken, as the end of a sentence.

    Raises:
        DataError: broken, or with half of a character, which no tokenizer takes; names line and column.
    """
    try:
        found = json.loads(text)
        if _HALF.search(text):  # most often both halves are there
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {line + error.lineno - 1}, column {error.colno}: broken JSON ({error.msg}); {remedy}"
        ) from None
    except UnicodeEncodeError:
        half = _half_a_character(text)
        begins = text.rfind("\n", 0, half.start()) + 1
        raise DataError(
            f"{path}, line {line + text.count(chr(10), 0, begins)}, column {half.start() - begins + 1}: {half[0]} is "
            "half of a character, as programs leave it that cut texts by their bytes; write the whole text, or remove "
            "the escape."
        ) from None
    except (RecursionError, ValueError) as error:  # lists without end in each other, a number of thousands of digits
        raise DataError(f"{path}, line {line}: JSON that cannot be read ({error}); {remedy}") from None
    return found


def _half_a_character(text: str) -> re.Match[str]:
    """The first escape of half a character that is not before or behind its other half."""
    opened: re.Match[str] | None = None
    for escape in _ESCAPE.finditer(text):
        ends = bool(escape[1]) and escape[1][1] in "cdefCDEF"
        if opened and ends and escape.start() == opened.end():
            opened = None
        elif opened or ends:
            return opened or escape
        elif escape[1]:
            opened = escape
    assert opened, "asked for where there is one"
    return opened


def _refuse_mark(line: bytes, path: Path) -> None:
    for mark, name in _MARKS:
        if line.startswith(mark):
            raise DataError(
                f"{path}, line 1: begins with the byte order mark of {name}; save the file as UTF-8 without a byte "
                f"order mark{'' if name == 'UTF-8' else ' (iconv -f utf-16 -t utf-8)'}."
            )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be read into a sentence."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}); get it again from its source.") from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}; check that it is a file and its permissions."
        ) from None


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
