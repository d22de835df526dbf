"""Extractive questions in SQuAD 1.1's JSON (SQuAD, XQuAD, TyDiQA-GoldP).

Gold is checked where it is read: `context[answer_start:][:len(text)]` must be the answer, as it is for every question
of the official SQuAD 1.1, XQuAD and TyDiQA-GoldP files that this was tested on. An answer with empty text is XTREME's
mark for "gold taken off" (`remove_qa_test_annotations`) and means no gold. TyDiQA's ids repeat, since XTREME keeps only
their last part; the second of the same id becomes "ID#2", the third "ID#3".
"""

import json
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import Answer, Example, QuestionExample
from ds_stilts.tasks.readers.files import read_text
from ds_stilts.tasks.task import Task

_KINDS = {str: "a string", int: "an integer", list: "a list", dict: "an object"}


def read_questions(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read questions in the order of the file.

    Raises:
        DataError: broken JSON (line and column), a missing or mistyped field (its JSON path), or an answer that is not
            at its `answer_start` (the question's id).
    """
    try:
        root = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}, column {error.colno}: broken JSON ({error.msg}); the file may be cut short, "
            "get it again from its source."
        ) from None
    examples: list[Example] = []
    seen: set[str] = set()
    for a, article in enumerate(_field(root, "data", list, "", path)):
        at_article = f"data[{a}]"
        for p, paragraph in enumerate(_field(article, "paragraphs", list, at_article, path)):
            at_paragraph = f"{at_article}.paragraphs[{p}]"
            context = _field(paragraph, "context", str, at_paragraph, path)
            for q, question in enumerate(_field(paragraph, "qas", list, at_paragraph, path)):
                at = f"{at_paragraph}.qas[{q}]"
                id = _field(question, "id", str, at, path)
                examples.append(
                    QuestionExample(
                        id=_unique(id, seen),
                        question=_field(question, "question", str, at, path),
                        context=context,
                        answers=_answers(question, context, id, at, path),
                    )
                )
    return examples


def _answers(question: Any, context: str, id: str, at: str, path: Path) -> tuple[Answer, ...]:
    answers = []
    for n, answer in enumerate(_field(question, "answers", list, at, path)):
        at_answer = f"{at}.answers[{n}]"
        text = _field(answer, "text", str, at_answer, path)
        start = _field(answer, "answer_start", int, at_answer, path)
        if not text:
            continue
        found = context[max(start, 0) : max(start, 0) + len(text)]
        if start < 0 or found != text:
            raise DataError(
                f"{path}, {at_answer}.answer_start: question '{id}' has the answer {text!r} at {start}, where its "
                f"context has {found!r}; correct answer_start (in characters, from 0) or remove the question."
            )
        answers.append(Answer(text=text, start=start))
    return tuple(answers)


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
