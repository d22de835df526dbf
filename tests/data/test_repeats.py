"""When a scored example counts as trained on: all of its texts in one training example, or one long one."""

from collections.abc import Callable

import pytest

from ds_stilts.data.repeats import Repeat, ScoredExamples, texts_of
from ds_stilts.tasks.examples import (
    BitextExample,
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    SearchExample,
    TaggedSentence,
    TextExample,
)

PREMISE = "The committee will meet again on Thursday to discuss the budget of the coming year."
OTHER_DAY = "the committee will meet again on tuesday to discuss the budget of the coming year"
HYPOTHESIS = "Nobody wants to talk about money."
PASSAGE = "The river rises in the mountains, passes three towns, and reaches the sea after ninety miles."


def pair(premise: str, hypothesis: str, id: str = "x", label: str = "neutral") -> PairExample:
    return PairExample(id=id, premise=premise, hypothesis=hypothesis, label=label)


def question(question: str, context: str, id: str = "x") -> QuestionExample:
    return QuestionExample(id=id, question=question, context=context, answers=())


def found(scored: Example, *training: Example) -> Repeat | None:
    return ScoredExamples([scored]).repeats(training).get(0)


def kind(scored: Example, *training: Example) -> str | None:
    repeat = found(scored, *training)
    return repeat and repeat.kind


@pytest.mark.parametrize(
    ("training", "wanted"),
    [
        ([pair(PREMISE.upper(), " nobody wants to talk , about money")], "same"),
        ([pair(PREMISE, HYPOTHESIS, label="entailment")], "same"),
        ([pair(HYPOTHESIS, PREMISE)], "same"),
        ([pair(OTHER_DAY, HYPOTHESIS)], "near"),
        ([pair(PREMISE, "Everyone is pleased.")], "text"),
        ([pair(PREMISE, "Everyone is pleased."), pair("A dog barks.", HYPOTHESIS)], "text"),
        ([pair("A dog barks.", HYPOTHESIS)], None),
        ([TextExample(id="1", text=PREMISE)], "text"),
        ([TextExample(id="1", text=f"{PREMISE} {PASSAGE} {PASSAGE}")], None),
        ([], None),
    ],
)
def test_a_pair_is_there_where_one_training_example_has_both_sentences(
    training: list[Example], wanted: str | None
) -> None:
    assert kind(pair(PREMISE, HYPOTHESIS), *training) == wanted


def test_another_question_on_the_same_passage_is_not_the_same_example() -> None:
    scored = question("How long is the river?", PASSAGE)
    assert kind(scored, question("Through how many towns does it pass?", PASSAGE)) == "text"
    assert kind(scored, question("how long is the river", PASSAGE)) == "same"


def test_short_sentences_count_where_they_are_equal_and_not_where_they_are_near() -> None:
    scored = BitextExample(id="1", text="I don't know him at all.", side="query", match=None)
    assert kind(scored, pair("Who?", "i don't know him at all")) == "same"
    assert kind(scored, pair("Who?", "I don't know her at all.")) is None


def test_the_nearest_training_example_is_told_whatever_the_order() -> None:
    scored = pair(PREMISE, HYPOTHESIS, id="scored")
    training = [pair(PREMISE, "Yes.", id="part"), pair(OTHER_DAY, HYPOTHESIS, id="near"), pair(PREMISE, HYPOTHESIS)]
    for order in (training, training[::-1]):
        best = found(scored, *order)
        assert best and (best.kind, best.scored, best.trained, best.resemblance) == ("same", "scored", "x", 1.0)
    near = found(scored, *training[:2])
    assert near and (near.trained, near.texts) == ("near", (PREMISE, OTHER_DAY)) and 0.7 <= near.resemblance < 1


@pytest.mark.parametrize("chunk", [1, 2, 2000])
def test_every_scored_example_with_a_text_gets_it_and_each_counts_once(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ds_stilts.data.repeats._CHUNK_EXAMPLES", chunk)
    scored = [question(f"{word} is the river?", PASSAGE, id=word) for word in ("How long", "Where", "Why so wide")]
    training = [question("Where is the river?", PASSAGE, id="t"), question("Who knows?", PASSAGE, id="u")]
    repeats = ScoredExamples([*scored, pair("…", "?")]).repeats(iter(training))
    assert {number: (one.kind, one.scored) for number, one in repeats.items()} == {
        0: ("text", "How long"),
        1: ("same", "Where"),
        2: ("text", "Why so wide"),
    }


MAKERS: list[Callable[[str], Example]] = [
    lambda text: ChoiceExample(id="1", context=text, choices=("It rains.", "It snows."), label=0),
    lambda text: TaggedSentence(id="1", words=tuple(text.split()), tags=None),
    lambda text: TextExample(id="1", text=text, translation="Ein Satz."),
    lambda text: SearchExample(id="1", text=text, side="corpus", keys=None),
]


@pytest.mark.parametrize("make", MAKERS)
def test_examples_of_every_format_are_compared(make: Callable[[str], Example]) -> None:
    assert kind(make(PREMISE), make(f"'{PREMISE}'")) == "same"
    assert kind(make(PREMISE), make(OTHER_DAY)) == "near"
    assert kind(make(PREMISE), make(PASSAGE)) is None
    assert texts_of(make(PREMISE))[0] == PREMISE
