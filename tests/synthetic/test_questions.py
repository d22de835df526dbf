"""Promises of questions: one answer, more than one candidate, no passage in two splits or sets."""

import random
from dataclasses import replace

import pytest

from ds_stilts.synthetic.questions import QA, QA_LOW, answers, questions
from ds_stilts.synthetic.world import WHERE, WHO, Mention


@pytest.fixture(scope="module")
def sets(world):
    return {
        (style, split): questions(world, random.Random(f"{style}{split}"), number, split, style)
        for style in (QA, QA_LOW)
        for split, number in (("train", 200), ("test", 100))
    }


def test_exactly_one_clause_of_the_passage_answers(sets):
    for examples in sets.values():
        for example in examples:
            fitting = [i for i, clause in enumerate(example.passage) if answers(clause, example.question)]
            assert fitting == [example.event]


def test_the_kind_of_the_answer_does_not_give_it_away(sets):
    for examples in sets.values():
        for example in examples:
            kind = getattr(example.passage[example.event], example.slot).concept.rstrip("0123456789")
            found = {m.concept for clause in example.passage for m in clause.mentions if m}
            assert sum(concept.rstrip("0123456789") == kind for concept in found) >= 2


def test_each_question_has_one_question_word_in_the_asked_slot(sets):
    for examples in sets.values():
        for example in examples:
            word = getattr(example.question, example.slot).concept
            assert (word == WHERE) == (example.slot == "place")
            assert word == WHO or example.slot != "subject"


def test_no_passage_is_used_twice_across_splits_and_sets(sets):
    seen = [{tuple(clause.meaning for clause in e.passage) for e in examples} for examples in sets.values()]
    assert sum(map(len, seen)) == len(set().union(*seen))


def test_a_question_fits_a_clause_only_if_all_that_it_says_is_there(world):
    rng = random.Random(5)
    event, other = world.event(rng, "person0"), world.event(rng, "person1")
    question = replace(event, subject=Mention(WHO), subject_adjective=None)
    assert answers(event, question)
    assert answers(replace(event, negated=not event.negated), question)
    assert not answers(replace(event, verb=world.antonym(event.verb)), question)
    assert not answers(replace(event, subject=other.subject), replace(question, subject=event.subject))
