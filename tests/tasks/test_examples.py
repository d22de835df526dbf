"""Examples as a file without labels has them."""

from dataclasses import fields

import pytest

from ds_stilts.tasks.examples import (
    Answer,
    BitextExample,
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    TaggedSentence,
    without_gold,
)

CAT = (Answer(text="cat", start=4),)


@pytest.mark.parametrize(
    ("example", "gold"),
    [
        (PairExample(id="1", premise="a", hypothesis="b", label="neutral"), "label"),
        (ChoiceExample(id="1", context="a", choices=("c", "d"), label=1), "label"),
        (TaggedSentence(id="1", words=("a", "b"), tags=("O", "O")), "tags"),
        (QuestionExample(id="1", question="q", context="the cat", answers=CAT), "answers"),
        (QuestionExample(id="1", question="q", context="the cat", answers=(), impossible=True), "impossible"),
    ],
)
def test_gold_is_gone_and_all_else_is_left(example: Example, gold: str) -> None:
    bare = without_gold(example)
    changed = {field.name for field in fields(example) if getattr(example, field.name) != getattr(bare, field.name)}
    assert changed == {gold} and not getattr(bare, gold) and without_gold(bare) == bare


def test_a_kind_of_which_it_is_not_known_what_its_gold_is_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing is known of what BitextExample is without its gold"):
        without_gold(BitextExample(id="1", text="a", side="query", match="2"))
