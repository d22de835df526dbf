"""Promises of meanings: reproducible, sharply distributed, and blind to wording."""

import random

from ds_stilts.synthetic.presets import PRESETS
from ds_stilts.synthetic.world import SLOTS, World, renamed, reworded


def test_the_same_seed_makes_the_same_world_and_another_seed_another():
    size = PRESETS["tiny"].world
    drawn = [[World(size, seed).event(random.Random(3)) for _ in range(5)] for seed in (7, 7, 8)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_renaming_and_rewording_keep_the_meaning(world):
    rng = random.Random(0)
    for _ in range(200):
        event = world.event(rng)
        changed = renamed(rng, event)
        assert changed != event
        assert changed.meaning == event.meaning == reworded(rng, event, 0.5, 0.5).meaning


def test_every_word_keeps_telling_company(world):
    """With flat conditionals (1/8 a verb) nothing could be learned from running text about which word means what."""
    likeliest = [max(world.verb_given_person.rows[person]) for person in world.persons]
    assert sum(likeliest) / len(likeliest) > 0.4


def test_antonyms_are_mutual(world):
    rng = random.Random(0)
    for _ in range(50):
        verb = world.event(rng).verb
        assert world.antonym(verb) != verb
        assert world.antonym(world.antonym(verb)) == verb


def test_meaning_covers_every_slot_and_the_polarity(world):
    event = world.event(random.Random(1))
    assert len(event.meaning) == len(SLOTS) + 1
