"""Promises of unlabelled sets: as many as asked, distinct where needed, with every function word in running text."""

import random

from ds_stilts.synthetic.sentences import retrieval_sentences, stories, tagging_sentences
from ds_stilts.synthetic.world import THEY, WHAT, WHERE, WHO


def test_running_text_has_every_question_word_and_pronoun(world):
    lines = stories(world, random.Random(0), 400)
    concepts = {mention.concept for story in lines for event in story for mention in event.mentions if mention}
    assert {WHO, WHAT, WHERE, THEY} <= concepts
    assert concepts >= set(world.persons + world.verbs + world.adpositions)
    assert len(lines) == 400


def test_retrieval_meanings_are_pairwise_different(world):
    events = retrieval_sentences(world, random.Random(0), 300)
    assert len({event.meaning for event in events}) == 300


def test_tagged_sentences_of_two_splits_share_no_meaning(world):
    train, test = (
        {event.meaning for event in tagging_sentences(world, random.Random(split), 300, split)}
        for split in ("train", "test")
    )
    assert not train & test
