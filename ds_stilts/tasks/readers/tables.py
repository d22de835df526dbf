"""Files as rows of named values, whatever their layout: JSON lines, JSON, delimited text, Parquet. Read piece by piece.

A row knows its place in its file ("line 7"), so that whoever finds a fault in a value can name it. What the values mean
is said by `columns`; here nothing is an example yet.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.tasks.readers.files import check_ending, iter_lines, parse_json, raw_lines, read_text, split_ending


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    path: Path
    place: str
    """Where it stands in the file, e.g. "line 7" or "entry 3"."""
    values: Mapping[str, Any]

    def fault(self, problem: str) -> DataError:
        """A DataError that names file and place; `problem` says what is wrong and what to do."""
        return DataError(f"{self.path}, {self.place}: {problem}")


Table = Callable[[Path], Iterator[Row]]


def json_lines(path: Path) -> Iterator[Row]:
    """One JSON object a line.

    Raises:
        DataError: a line that is not a whole JSON object.
    """
    for line, text in iter_lines(path):
        values = parse_json(text, path, line, "a line holds one whole object.")
        if not isinstance(values, dict):
            raise DataError(f"{path}, line {line}: expected a JSON object, found {json.dumps(values)[:60]}.")
        yield Row(path, f"line {line}", values)


@dataclass(frozen=True)
class JsonFile:
    """One JSON document that holds a list of objects, or an object whose values are objects."""

    at: str = ""
    """Key of the list within the document; "": the document itself."""
    key: str = "id"
    """Column that the keys of an object of objects become."""

    def __call__(self, path: Path) -> Iterator[Row]:
        root = parse_json(read_text(path), path, 1, "the file may be cut short, get it again from its source.")
        if self.at:
            if not isinstance(root, dict) or self.at not in root:
                raise DataError(f"{path}: expected an object with '{self.at}', found {json.dumps(root)[:60]}.")
            root = root[self.at]
        if isinstance(root, dict):
            entries = [({self.key: key, **value} if isinstance(value, dict) else value) for key, value in root.items()]
        elif isinstance(root, list):
            entries = root
        else:
            raise DataError(f"{path}: expected a list of objects, found {json.dumps(root)[:60]}.")
        for number, values in enumerate(entries, start=1):
            if not isinstance(values, dict):
                raise DataError(f"{path}, entry {number}: expected a JSON object, found {json.dumps(values)[:60]}.")
            yield Row(path, f"entry {number}", values)


@dataclass(frozen=True)
class Delimited:
    """Text with a delimiter between columns."""

    delimiter: str = "\t"
    columns: tuple[str, ...] | None = None
    """Names of the columns; None: the first row has them."""
    quoted: bool = True
    """CSV quoting: a field may stand in quotation marks, inside which they are doubled and lines may break. False: a
    quotation mark is a character like any other."""

    def __call__(self, path: Path) -> Iterator[Row]:
        columns = self.columns
        for line, fields in self._quoted(path) if self.quoted else self._plain(path):
            if columns is None:
                columns = tuple(fields)
                if not columns:
                    raise DataError(
                        f"{path}, line {line}: empty where the names of the columns belong; remove the line."
                    )
                if len(set(columns)) < len(columns):
                    raise DataError(
                        f"{path}, line {line}: two columns have the same name ({', '.join(columns)}); rename one."
                    )
            elif len(fields) != len(columns):
                found = f"{len(fields)} column{'s' if len(fields) > 1 else ''}" if fields else "an empty line"
                between = "a tab" if self.delimiter == "\t" else repr(self.delimiter)
                raise DataError(
                    f"{path}, line {line}: {found}, expected {len(columns)} columns ({', '.join(columns)}) with "
                    f"{between} between them; correct the line or get the file again from its source."
                )
            else:
                yield Row(path, f"line {line}", dict(zip(columns, fields, strict=True)))

    def _plain(self, path: Path) -> Iterator[tuple[int, list[str]]]:
        for line, text in iter_lines(path):
            yield line, text.split(self.delimiter) if text else []

    def _quoted(self, path: Path) -> Iterator[tuple[int, list[str]]]:
        """(number of the row's first line, fields). Line breaks inside quotation marks are part of the field, and may
        differ from those between rows."""
        last = ""

        def lines() -> Iterator[str]:
            nonlocal last
            for last in raw_lines(path):  # noqa: UP028 (the row's last line is looked at below)
                yield last

        reader = csv.reader(lines(), delimiter=self.delimiter, strict=True)
        line, first_ending = 1, ""
        empty: list[tuple[int, list[str]]] = []
        try:
            for fields in reader:
                _, ending = split_ending(last)
                first_ending = first_ending or ending
                if fields:
                    yield from empty
                    empty = []
                    check_ending(ending, first_ending, path, reader.line_num)
                    yield line, fields
                else:
                    empty.append((line, fields))  # an error unless nothing but empty lines follows
                line = reader.line_num + 1
        except csv.Error as error:
            problem = str(error)
            if "unexpected end of data" in problem:
                problem = "a quotation mark opens a field here and never closes"
            elif "field larger" in problem:
                problem = (
                    f"a field has more than {csv.field_size_limit():,} characters: a quotation mark opens it and never "
                    "closes, or its text is too long for this layout and has its place in JSON lines"
                )
            elif "expected after" in problem:
                problem = "text stands behind a closing quotation mark"
            raise DataError(
                f"{path}, line {line}: not delimited text with CSV quoting ({problem}); double the quotation marks "
                "inside a quoted field, or get the file again from its source."
            ) from None


def parquet(path: Path) -> Iterator[Row]:
    """Rows of a Parquet file, a row group at a time.

    Raises:
        DataError: not a whole Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches():
                for values in batch.to_pylist():
                    number += 1
                    yield Row(path, f"row {number}", values)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} is not a whole Parquet file ({error}); remove it and fetch it again.") from None
