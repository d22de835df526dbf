"""Sets without labels of their own, as meanings: running text, sentences to tag, and sentences to find again."""

import random

from ds_stilts.synthetic.questions import asked
from ds_stilts.synthetic.splits import collect, part_of
from ds_stilts.synthetic.world import THEY, Event, Mention, Story, World

P_QUESTION, P_PRONOUN = 0.15, 0.25
"""Share of lines that are a question, and of later clauses that say THEY for a subject they keep."""


def stories(world: World, rng: random.Random, number: int) -> list[Story]:
    """Running text, one story of two or three clauses (or one question) a line; repeats happen, as in real text."""
    lines: list[Story] = []
    for _ in range(number):
        if rng.random() < P_QUESTION:
            lines.append((_question(world, rng),))
            continue
        story = list(world.story(rng, rng.choice((2, 3))))
        for i in range(1, len(story)):
            kept = story[i].subject.concept == story[i - 1].subject.concept
            if kept and rng.random() < P_PRONOUN:
                story[i] = story[i].having(subject=Mention(THEY), subject_adjective=None)
                break
        lines.append(tuple(story))
    return lines


def tagging_sentences(world: World, rng: random.Random, number: int, split: str) -> list[Event]:
    """Single clauses, some of them questions; no two of one split alike, no meaning in two splits."""

    def draw(_: int) -> Event | None:
        event = _question(world, rng) if rng.random() < P_QUESTION else world.event(rng)
        return event if part_of(event.meaning) == split else None

    return collect(draw, number)


def retrieval_sentences(world: World, rng: random.Random, number: int) -> list[Event]:
    """Clauses of pairwise different meaning."""
    meanings: set[object] = set()

    def draw(_: int) -> Event | None:
        event = world.event(rng)
        if event.meaning in meanings:
            return None
        meanings.add(event.meaning)
        return event

    return collect(draw, number)


def _question(world: World, rng: random.Random) -> Event:
    event = world.event(rng)
    return asked(event, rng.choice(("subject", "object", "place") if event.place else ("subject", "object")))
