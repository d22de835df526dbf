"""Extractive questions in SQuAD's JSON (SQuAD 1.1 and 2.0, XQuAD, MLQA, TyDiQA-GoldP, and sets built like them).

Where answers stand is checked by `alignment`. An answer with empty text is XTREME's mark for "gold taken off"
(`remove_qa_test_annotations`) and means no gold; a question without any answer has none either, or is unanswerable
where the task knows that (SQuAD 2.0, as its evaluate-v2.0.py reads it). TyDiQA's ids repeat, since XTREME keeps only
their last part; the second of the same id becomes "ID#2", the third "ID#3".
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import Answer, Example, QuestionExample
from ds_stilts.tasks.readers.alignment import align, checked
from ds_stilts.tasks.readers.files import parse_json, read_text
from ds_stilts.tasks.task import Task

_KINDS = {str: "a string", int: "an integer", list: "a list", dict: "an object"}


def read_questions(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read questions in the order of the file.

    Raises:
        DataError: broken JSON (line and column), a missing or mistyped field (its JSON path), a question without answer
            in a task that has none, or answers that are not at their `answer_start` (the first question's id, their
            number).
    """
    root = parse_json(read_text(path), path, 1, "the file may be cut short, get it again from its source.")
    return list(checked(_questions(root, task, path), task=task, path=path, language=language))


def _questions(root: Any, task: Task, path: Path) -> Iterator[tuple[QuestionExample, Sequence[str]]]:
    """Each question, and the JSON paths of its answers' offsets."""
    seen: set[str] = set()
    for a, article in enumerate(_field(root, "data", list, "", path)):
        at_article = f"data[{a}]"
        for p, paragraph in enumerate(_field(article, "paragraphs", list, at_article, path)):
            at_paragraph = f"{at_article}.paragraphs[{p}]"
            context = _field(paragraph, "context", str, at_paragraph, path)
            for q, question in enumerate(_field(paragraph, "qas", list, at_paragraph, path)):
                at = f"{at_paragraph}.qas[{q}]"
                id = _field(question, "id", str, at, path)
                answers, places = _answers(question, context, at, path)
                example = QuestionExample(
                    id=_unique(id, seen),
                    question=_field(question, "question", str, at, path),
                    context=context,
                    answers=tuple(answers),
                    impossible=task.no_answer and not question["answers"],
                )
                _check_answerable(question, id, at, task, path)
                yield example, places


def _answers(question: Any, context: str, at: str, path: Path) -> tuple[list[Answer], list[str]]:
    """Answers that are not empty, and the JSON path of each one's offset."""
    answers, places = [], []
    for n, answer in enumerate(_field(question, "answers", list, at, path)):
        at_answer = f"{at}.answers[{n}]"
        text = _field(answer, "text", str, at_answer, path)
        start = _field(answer, "answer_start", int, at_answer, path)
        if text:
            answers.append(align(text, start, context))
            places.append(f"{at_answer}.answer_start")
    return answers, places


def _check_answerable(question: Any, id: str, at: str, task: Task, path: Path) -> None:
    """Refuse `is_impossible` where it contradicts the answers, or where the task has no such questions."""
    impossible = question.get("is_impossible", not question["answers"])
    if task.no_answer and bool(impossible) == bool(question["answers"]):
        raise DataError(
            f"{path}, {at}: question '{id}' has {len(question['answers'])} answers and is_impossible "
            f"{json.dumps(impossible)}, which cannot both be; get the file again from its source."
        )
    if not task.no_answer and question.get("is_impossible"):
        raise DataError(
            f"{path}, {at}: question '{id}' is marked is_impossible, but every question of task '{task.name}' has an "
            "answer; this is a file of another task (squad_v2?)."
        )


def _field(node: Any, key: str, kind: type, at: str, path: Path) -> Any:
    """`node[key]` of type `kind`; `at` is the JSON path of `node`, "" for the whole file."""
    if not isinstance(node, dict):
        raise DataError(
            f"{path}, {at or 'the whole file'}: expected an object with '{key}', found {json.dumps(node)[:60]}."
        )
    where = f"{at}.{key}" if at else key
    if key not in node:
        raise DataError(f"{path}: {where} is missing; this is not a file in SQuAD 1.1's format, or it was cut.")
    # bool is a subclass of int, and true is no offset
    if not isinstance(node[key], kind) or isinstance(node[key], bool):
        raise DataError(f"{path}: {where} must be {_KINDS[kind]}, found {json.dumps(node[key])[:60]}.")
    return node[key]


def _unique(id: str, seen: set[str]) -> str:
    """`id`, or the first of "id#2", "id#3", … that is not yet taken."""
    unique, count = id, 1
    while unique in seen:
        count += 1
        unique = f"{id}#{count}"
    seen.add(unique)
    return unique
