"""Sentence pairs in tab-separated files with CSV quoting, as XTREME writes them (XNLI, PAWS-X).

XTREME's `utils_preprocess.py` writes with `csv.writer(delimiter="\\t")`: a field with a quotation mark or a line break
is quoted, and its quotation marks are doubled. Three columns with the label, two where the labels lie in a file apart
(one a line). Ids are the 0-based row, so the same id is the same sentence pair in every language of XNLI.
"""

import csv
import io
from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import Example, PairExample
from ds_stilts.tasks.readers.files import check_label, check_same_length, read_lines, read_text
from ds_stilts.tasks.task import Task

COLUMNS = ("premise", "hypothesis", "label")


def read_pairs(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read sentence pairs and their labels.

    Raises:
        DataError: wrong number of columns, broken quoting, a label outside `task.labels`, or a label file of another
            length; names file and line.
    """
    rows = _rows(path, COLUMNS if labels_path is None else COLUMNS[:2])
    if labels_path is None:
        labels = [check_label(row[2].strip(), task, path, line) for line, row in rows]
    else:
        given = read_lines(labels_path)
        check_same_length(path, len(rows), labels_path, len(given))
        labels = [check_label(label.strip(), task, labels_path, line) for line, label in enumerate(given, start=1)]
    return [
        PairExample(id=str(index), premise=row[0], hypothesis=row[1], label=label)
        for index, ((_, row), label) in enumerate(zip(rows, labels, strict=True))
    ]


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """(number of the row's first line, fields) of each row, each with exactly `columns`."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter="\t", strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {line}: not tab-separated text with CSV quoting ({error}); double the quotation marks "
            "inside a quoted field, or get the file again from its source."
        ) from None
    while rows and not rows[-1][1]:
        rows.pop()
    for line, row in rows:
        if len(row) != len(columns):
            found = f"{len(row)} columns" if row else "an empty line"
            raise DataError(
                f"{path}, line {line}: {found}, expected {len(columns)} columns ({', '.join(columns)}) with a tab "
                "between them; correct the line or get the file again from its source."
            )
    return rows
