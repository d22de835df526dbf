"""What can be wrong with predictions and labels that could be read: counts, steps, ids, label sets, placeholders.

Two uses, one set of rules. A folder that is scored is refused where a number would be worth nothing, and what the
official script counts as wrong without a word is named beside its number. A submission is refused for either, before it
is written.
"""

import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from collections.abc import Sequence as Seq
from itertools import chain
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.evaluation.layout import FilePair
from ds_stilts.tasks.guards import FEWEST
from ds_stilts.tasks.task import Task


def check_count(pair: FilePair, predictions: Seq[Any], labels: Seq[Any], what: str = "lines") -> None:
    """Refuse files of different length.

    Raises:
        DataError: names both counts, and blank lines at the end, of which each is a line.
    """
    if len(predictions) == len(labels):
        return
    blanks = {path: _num_last_blank(side) for path, side in ((pair.predictions, predictions), (pair.labels, labels))}
    told = "".join(f"; the last {number} of {path} are blank" for path, number in blanks.items() if number)
    raise DataError(
        f"{pair.predictions} has {len(predictions)} {what} but {pair.labels} has {len(labels)}{told}; write one "
        "prediction for each example, in the order of the file."
    )


def _num_last_blank(side: Seq[Any]) -> int:
    return next((place for place, item in enumerate(reversed(side)) if item), len(side))


def check_in_step(pair: FilePair, predictions: Seq[Seq[str]], labels: Seq[Seq[str]]) -> None:
    """Refuse tags of which one sentence has more or fewer than its gold, or that are of another number of sentences.

    The official script goes on and compares every later tag with another word's.

    Raises:
        DataError: names the sentence and its line in the predictions.
    """
    line = 1
    for number, (predicted, gold) in enumerate(zip(predictions, labels, strict=False), start=1):
        if len(predicted) != len(gold):
            raise DataError(
                f"{pair.predictions}, line {line}: sentence {number} begins here and has {len(predicted)} tags, but "
                f"{len(gold)} in {pair.labels}; write one tag a line in the order of the words, and one blank line "
                "after each sentence."
            )
        line += len(predicted) + 1
    check_count(pair, predictions, labels, "sentences")


def check_ids(pair: FilePair, predictions: Iterable[str], labels: Iterable[str]) -> list[str]:
    """The ids without a prediction, which the official script counts as wrong; unknown ones are refused.

    Raises:
        DataError: names an id that the labels lack, and how many there are.
    """
    known, predicted = set(labels), set(predictions)
    if unknown := sorted(predicted - known):
        raise DataError(
            f"{pair.predictions}: {pair.labels} has no '{unknown[0]}', the first of {len(unknown)} unknown ids; "
            "predict for the file that the labels belong to."
        )
    return sorted(known - predicted)


def check_values(path: Path, values: Iterable[str]) -> None:
    """Refuse "nan" where a label belongs: a program failed there."""
    for place, text in enumerate(values, start=1):
        if text.lower() == "nan":
            raise DataError(f"{path}: label {place} is '{text}', which is no prediction; correct the program.")


def check_gold(path: Path, golds: Seq[Hashable]) -> None:
    """Refuse labels that stand for labels that were taken off: one and the same value throughout, or nothing.

    Args:
        golds: of each example; false where there is none.

    Raises:
        DataError: names the value and how often it stands there.
    """
    if not golds:
        raise DataError(f"{path} is empty; get it again from its source.")
    if not any(golds) or (len(golds) >= FEWEST and len(set(golds)) == 1):
        raise DataError(
            f"{path}: all {len(golds)} examples have {repr(golds[0])[:60] if golds[0] else 'no gold'}, as in files "
            "whose labels were taken off; get the file with its real labels, or take it out."
        )


def strange(task: Task, language: str, predictions: Any) -> Iterator[tuple[int, str]]:
    """Places, from 0, of predictions that cannot be right whatever the gold, with a clause on each.

    Args:
        predictions: as the reader of the task's format gives them; labels alone of multiple choice.
    """
    judge, meant = _judge(task, language)
    tagging = task.format == "tagging"
    for place, item in enumerate(chain.from_iterable(predictions) if tagging else predictions):
        if not judge(item):
            found = json.dumps(item, ensure_ascii=False)[:60]
            yield place, f"{'tag' if tagging else 'line'} {place + 1} is {found}, not {meant}"


def _judge(task: Task, language: str) -> tuple[Callable[[Any], bool], str]:
    """What a prediction must be, as a test and in words; of answers and rankings any text may be right."""
    if task.format in ("sentence_pair", "tagging"):
        return frozenset(task.labels).__contains__, f"one of {', '.join(task.labels)}"
    if task.format == "retrieval":
        return lambda line: re.fullmatch("0|[1-9][0-9]*", line) is not None, "a plain integer from 0"
    if task.format == "multiple_choice":
        numbers = range(task.num_choices)
        # bool is a subclass of int, and true is no number
        return lambda label: type(label) is int and label in numbers, f"an integer from 0 to {numbers[-1]}"
    if task.format == "mining":
        starts = (f"{language}-", "en-")
        return (
            lambda ids: len(ids) == 2 and all(map(str.startswith, ids, starts)),
            f"an id of '{language}', a tab and one of 'en'",
        )
    return lambda item: True, "a text"
