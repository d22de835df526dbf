"""Promises of continuations: one suits the person, three do not, and nothing but the person tells them apart."""

import random
from collections import Counter

import pytest

from ds_stilts.synthetic.choices import MARGIN, NUM_CHOICES, choices, likelihood
from ds_stilts.synthetic.world import THEY


@pytest.fixture(scope="module")
def sets(world):
    return {split: choices(world, random.Random(split), 120, split) for split in ("train", "test")}


def test_the_right_continuation_is_far_likelier_for_the_person_of_the_story(world, sets):
    for example in sets["train"]:
        (person,) = {event.subject.concept for event in example.context}
        values = [likelihood(world, person, event) for event in example.choices]
        right = values.pop(example.label)
        assert right >= MARGIN * max(values)


def test_all_continuations_have_the_same_slots_and_hide_who_acts(sets):
    for example in sets["train"]:
        shapes = {(*(m is None for m in event.mentions), event.negated, event.passive) for event in example.choices}
        assert len(shapes) == 1
        assert {event.subject.concept for event in example.choices} == {THEY}


def test_the_right_one_stands_everywhere_equally_often(sets):
    assert Counter(example.label for example in sets["test"]) == dict.fromkeys(range(NUM_CHOICES), 30)


def test_no_story_is_in_two_splits(sets):
    train, test = ({tuple(e.meaning for e in example.context) for example in sets[s]} for s in ("train", "test"))
    assert not train & test
