"""One JSON object a line: sentence pairs (premise, hypothesis, label) and multiple choice (context, choices, label).

A pair's label is one of the task's words, a choice's label the 0-based index of the right one. Ids are the 0-based
line. Fields that are not named here are ignored.
"""

import json
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import ChoiceExample, Example, PairExample
from ds_stilts.tasks.readers.files import check_label, read_lines
from ds_stilts.tasks.task import Task


def read_pairs(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read sentence pairs.

    Raises:
        DataError: a line that is not a JSON object, lacks a field, or has a label outside `task.labels`.
    """
    return [
        PairExample(
            id=str(line - 1),
            premise=_text(row, "premise", path, line),
            hypothesis=_text(row, "hypothesis", path, line),
            label=check_label(_text(row, "label", path, line), task, path, line),
        )
        for line, row in _objects(path)
    ]


def read_choices(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read multiple-choice examples, each with exactly `task.num_choices` choices.

    Raises:
        DataError: a line that is not a JSON object, lacks a field, has another number of choices, or a label that is
            the index of none of them.
    """
    examples: list[Example] = []
    for line, row in _objects(path):
        choices = _field(row, "choices", path, line)
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise DataError(
                f"{path}, line {line}: 'choices' must be a list of strings, found {json.dumps(choices)[:60]}."
            )
        if len(choices) != task.num_choices:
            raise DataError(
                f"{path}, line {line}: {len(choices)} choices, but task '{task.name}' has {task.num_choices} in every "
                "example; correct the line."
            )
        label = _field(row, "label", path, line)
        # bool is a subclass of int, and true is no index
        if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < len(choices):
            raise DataError(
                f"{path}, line {line}: label {json.dumps(label)} is no index of a choice (0 to {len(choices) - 1})."
            )
        context = _text(row, "context", path, line)
        examples.append(ChoiceExample(id=str(line - 1), context=context, choices=tuple(choices), label=label))
    return examples


def _objects(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line."""
    objects = []
    for line, text in enumerate(read_lines(path), start=1):
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path}, line {line}, column {error.colno}: broken JSON ({error.msg}); a line holds one whole object."
            ) from None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {line}: expected a JSON object, found {json.dumps(row)[:60]}.")
        objects.append((line, row))
    return objects


def _field(row: dict[str, Any], key: str, path: Path, line: int) -> Any:
    if key not in row:
        raise DataError(f"{path}, line {line}: field '{key}' is missing; found: {', '.join(row) or 'none'}.")
    return row[key]


def _text(row: dict[str, Any], key: str, path: Path, line: int) -> str:
    value = _field(row, key, path, line)
    if not isinstance(value, str):
        raise DataError(f"{path}, line {line}: field '{key}' must be a string, found {json.dumps(value)[:60]}.")
    return value
