"""Pairs and choices in JSON lines."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import ChoiceExample, Example, PairExample
from ds_stilts.tasks.readers.jsonl import read_choices, read_pairs

PAIR = {"premise": "p", "hypothesis": "h", "label": "neutral"}
CHOICE = {"context": "c", "choices": ["1", "2", "3", "4"], "label": 3}


def read(tmp_path: Path, *rows: Any, text: str | None = None) -> list[Example]:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n" if text is None else text, encoding="utf-8")
    if rows and isinstance(rows[0], dict) and "choices" in rows[0]:
        return read_choices(path, task=get_task("synth_choice"), language="aa", labels_path=None)
    return read_pairs(path, task=get_task("mnli"), language="en", labels_path=None)


def test_pairs_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, PAIR) == [PairExample(id="0", premise="p", hypothesis="h", label="neutral")]


def test_choices_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, CHOICE, CHOICE)[1] == ChoiceExample(
        id="1", context="c", choices=("1", "2", "3", "4"), label=3
    )


def test_broken_json_names_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl, line 2, column 13: broken JSON"):
        read(tmp_path, text=json.dumps(PAIR) + '\n{"premise": \n')


def test_an_empty_line_inside_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2, column 1: broken JSON"):
        read(tmp_path, text=f"{json.dumps(PAIR)}\n\n{json.dumps(PAIR)}\n")


def test_a_line_that_is_no_object_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: expected a JSON object, found \[1\]"):
        read(tmp_path, PAIR, [1])


def test_a_missing_field_names_it_and_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: field 'hypothesis' is missing; found: premise, label"):
        read(tmp_path, {"premise": "p", "label": "neutral"})


def test_a_mistyped_field_names_its_value(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: field 'label' must be a string, found 1"):
        read(tmp_path, {**PAIR, "label": 1})


def test_a_label_outside_the_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: label '-' is not one of task 'mnli'"):
        read(tmp_path, PAIR, {**PAIR, "label": "-"})


def test_another_number_of_choices_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: 3 choices, but task 'synth_choice' has 4"):
        read(tmp_path, CHOICE, {**CHOICE, "choices": ["1", "2", "3"]})


def test_choices_that_are_no_strings_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: 'choices' must be a list of strings, found \[1, 2, 3, 4\]"):
        read(tmp_path, {**CHOICE, "choices": [1, 2, 3, 4]})


@pytest.mark.parametrize("label", [4, -1, "1", True, None])
def test_a_label_that_is_no_index_is_told(tmp_path: Path, label: Any) -> None:
    with pytest.raises(DataError, match=r"line 1: label .* is no index of a choice \(0 to 3\)"):
        read(tmp_path, {**CHOICE, "label": label})
