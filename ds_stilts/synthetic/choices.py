"""Which event comes next, as meanings (as HellaSwag): one continuation that suits the person, three that do not.

All four say "they …" and have the same slots filled and the same voice, so only who was talked about, and what the
world makes likely of that person, tells them apart.
"""

import random
from dataclasses import dataclass

from ds_stilts.synthetic.splits import collect, part_of
from ds_stilts.synthetic.world import THEY, Event, Mention, Story, World, reworded

NUM_CHOICES = 4
MARGIN = 10.0
"""The right continuation is at least so many times as likely for the person as each wrong one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceMeaning:
    """A story, its four continuations, and the index of the right one."""

    context: Story
    choices: tuple[Event, ...]
    label: int


def choices(world: World, rng: random.Random, number: int, split: str) -> list[ChoiceMeaning]:
    """Continuations of stories about one person; the right one stands in each place equally often."""

    def draw(index: int) -> ChoiceMeaning | None:
        person = rng.choice(world.persons)
        context = tuple(world.event(rng, person) for _ in range(2))
        if part_of(tuple(event.meaning for event in context)) != split:
            return None
        right = _continuation(world, rng, person)
        wrong = [_continuation(world, rng, world.other_person(rng, person)) for _ in range(NUM_CHOICES - 1)]
        if any(likelihood(world, person, w) * MARGIN > likelihood(world, person, right) for w in wrong):
            return None
        label = index % NUM_CHOICES
        events = [*wrong[:label], right, *wrong[label:]]
        if len({event.meaning for event in events}) < NUM_CHOICES:
            return None
        return ChoiceMeaning(context=context, choices=tuple(events), label=label)

    examples = collect(draw, number)
    return rng.sample(examples, len(examples))


def likelihood(world: World, person: str, event: Event) -> float:
    """P(verb | person) · P(place | person): what of the event depends on who acts."""
    assert event.place, "continuations are located"
    verb = world.verb_given_person.probability(event.verb.concept, person)
    return verb * world.place_given_person.probability(event.place.concept, person)


def _continuation(world: World, rng: random.Random, person: str) -> Event:
    event = world.event(rng, person).having(**world.location(rng, person))
    plain = event.having(subject_adjective=None, object_adjective=None, place_adjective=None, negated=False)
    return reworded(rng, plain.having(subject=Mention(THEY)), p_passive=0.0, p_fronted=0.0)
