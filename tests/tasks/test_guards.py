"""Gold that cannot be right is refused before anything is scored against it."""

from dataclasses import replace
from pathlib import Path

import pytest

from ds_stilts.errors import DataError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import (
    Answer,
    BitextExample,
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    ScoredPairExample,
    SearchExample,
    TaggedSentence,
    TextExample,
)
from ds_stilts.tasks.guards import FEWEST, check_gold, check_some_gold

FILE = Path("xcopa/test-id.jsonl")
MANY = range(FEWEST)


def pair(id: int, label: str | None) -> PairExample:
    return PairExample(id=str(id), premise="p", hypothesis="h", label=label)


def question(id: int, *answers: str) -> QuestionExample:
    given = tuple(Answer(text=text, start=0) for text in answers)
    return QuestionExample(id=str(id), question="q", context="c", answers=given)


@pytest.mark.parametrize(
    ("task", "examples"),
    [
        ("xnli", [pair(n, "contradiction") for n in MANY]),
        ("xcopa", [ChoiceExample(id=str(n), context="c", choices=("a", "b"), label=0) for n in MANY]),
        # sentences of different length, every word outside
        ("panx", [TaggedSentence(id=str(n), words=("w",) * (n + 1), tags=("O",) * (n + 1)) for n in MANY]),
        ("xquad", [question(n, "placeholder") for n in MANY]),
        ("squad_v2", [replace(question(n), impossible=True) for n in MANY]),  # no list of answers has anything in it
        ("korsts", [ScoredPairExample(id=str(n), premise="p", hypothesis="h", score=0.0) for n in MANY]),
    ],
)
def test_one_gold_throughout_is_a_placeholder(task: str, examples: list[Example]) -> None:
    with pytest.raises(DataError, match=rf"{FILE}: all {FEWEST} examples of task '{task}' have the same gold"):
        check_gold(examples, get_task(task), FILE)


@pytest.mark.parametrize(
    ("task", "examples"),
    [
        ("xnli", [pair(n, "contradiction") for n in MANY][1:]),  # too few to tell
        ("xnli", [pair(n, "neutral" if n else "entailment") for n in MANY]),
        ("xnli", [pair(n, None) for n in MANY]),  # nothing there at all: scoring says so itself
        ("panx", [TaggedSentence(id=str(n), words=("w", "v"), tags=("O", "B-PER")[: 2 - n % 2]) for n in MANY]),
        ("xquad", [question(n) for n in MANY]),
        ("squad_v2", [replace(question(n), impossible=n > 0) for n in MANY[1:]] + [question(99, "an answer")]),
    ],
)
def test_other_gold_passes(task: str, examples: list[Example]) -> None:
    check_gold(examples, get_task(task), FILE)


def test_a_repeated_id_is_named_with_its_number() -> None:
    examples = [pair(n % 3, "neutral") for n in range(7)]
    with pytest.raises(DataError, match=r"the id '0' stands on 3 examples of task 'xnli'"):
        check_gold(examples, get_task("xnli"), FILE)


@pytest.mark.parametrize(
    ("bare", "with_gold"),
    [
        (pair(0, None), pair(1, "neutral")),
        (ChoiceExample(id="0", context="c", choices=("a",), label=None), None),
        (ScoredPairExample(id="0", premise="p", hypothesis="h", score=None), None),
        (TaggedSentence(id="0", words=("w",), tags=None), TaggedSentence(id="1", words=(), tags=())),
        (question(0), question(1, "an answer")),
        (question(0), replace(question(1), impossible=True)),
        (BitextExample(id="0", text="t", side="corpus", match=None), None),
        (
            SearchExample(id="0", text="t", side="query", keys=None),
            SearchExample(id="1", text="t", side="query", keys=()),
        ),
    ],
)
def test_of_what_is_learned_or_scored_some_has_gold(bare: Example, with_gold: Example | None) -> None:
    with pytest.raises(
        DataError, match=r"test-id\.jsonl: none of its 2 examples of task 'xnli' has gold, .*another split"
    ):
        check_some_gold([bare, bare], get_task("xnli"), FILE)
    if with_gold:
        check_some_gold([bare, with_gold], get_task("xnli"), FILE)
    check_some_gold([TextExample(id="0", text="running text")], get_task("text"), FILE)
