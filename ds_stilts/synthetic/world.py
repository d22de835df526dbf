"""What can be meant: concepts, events and stories of a made-up world, free of any language.

A world is a fixed set of concepts and of sharp conditional distributions (who does what, where, to what), so that every
word later has a distributional signature to be learned from running text. Persons follow Zipf's law; the conditionals
are Dirichlet draws with a small concentration. Everything is a pure function of the world's seed and size.

How meanings become words is `language`'s business; which meanings make an example is that of `pairs`, `questions`,
`choices` and `sentences`.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ds_stilts.synthetic.presets import WorldSize

NEG, PASS, BY = "NEG", "PASS", "BY"
WHO, WHAT, WHERE, THEY = "WHO", "WHAT", "WHERE", "THEY"
STOP, ASK = ".", "?"
FUNCTION_CONCEPTS = (NEG, PASS, BY, WHO, WHAT, WHERE, THEY)
"""Meanings that are words in isolating languages; NEG and PASS are suffixes in the others."""

CONCENTRATION = 0.22
"""Dirichlet concentration of the conditionals: low, so that each word keeps few, telling companions."""

P_NEGATED, P_SUBJECT_ADJECTIVE, P_OBJECT_ADJECTIVE, P_LOCATED = 0.1, 0.4, 0.4, 0.6
P_PLACE_ADJECTIVE, P_PERSON_OBJECT, P_PASSIVE, P_FRONTED, P_SECOND_NAME = 0.2, 0.25, 0.15, 0.15, 0.35
P_SAME_SUBJECT = 0.7
"""Chance that the next event of a story keeps its subject."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A concept and which of its two names is used (function concepts have one name, 0)."""

    concept: str
    name: int = 0

    def renamed(self) -> "Mention":
        """The same concept by its other name; function concepts stay as they are."""
        return self if self.concept in FUNCTION_CONCEPTS else Mention(self.concept, 1 - self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One clause. `passive` and `fronted` are wording: they do not change what is meant."""

    subject: Mention
    verb: Mention
    object: Mention
    negated: bool = False
    subject_adjective: Mention | None = None
    object_adjective: Mention | None = None
    place: Mention | None = None
    place_adjective: Mention | None = None
    adposition: Mention | None = None
    passive: bool = False
    fronted: bool = False

    @property
    def meaning(self) -> tuple[str | bool | None, ...]:
        """What the clause says whatever the wording: the concept of each slot in `SLOTS`' order, then the polarity."""
        return (*(mention.concept if mention else None for mention in self.mentions), self.negated)

    def having(self, **slots: Any) -> "Event":
        """The same clause with some slots filled anew."""
        return replace(self, **slots)

    @property
    def mentions(self) -> tuple[Mention | None, ...]:
        return tuple(getattr(self, slot) for slot in SLOTS)


SLOTS = (
    "subject", "verb", "object", "subject_adjective", "object_adjective", "place", "place_adjective", "adposition",
)  # fmt: skip

Story = tuple[Event, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditional:
    """A table P(outcome | given)."""

    outcomes: tuple[str, ...]
    rows: Mapping[str, tuple[float, ...]]
    """For each condition, one probability an outcome."""

    @classmethod
    def sampled(cls, rng: random.Random, given: tuple[str, ...], outcomes: tuple[str, ...]) -> "Conditional":
        """One symmetric Dirichlet draw for each condition."""
        rows = {}
        for condition in given:
            # The floor keeps a row of all-underflowed gamma draws from summing to zero.
            weights = [rng.gammavariate(CONCENTRATION, 1.0) + 1e-12 for _ in outcomes]
            total = sum(weights)
            rows[condition] = tuple(weight / total for weight in weights)
        return cls(outcomes=outcomes, rows=rows)

    def draw(self, rng: random.Random, given: str) -> str:
        return rng.choices(self.outcomes, self.rows[given])[0]

    def probability(self, outcome: str, given: str) -> float:
        return self.rows[given][self.outcomes.index(outcome)]


DOMAINS = ("one", "two")
"""Two parts of a world, each with persons, places, categories of things and pairs of verbs of its own."""


class World:
    """Concepts and conditional distributions of one seed. Immutable after construction.

    Args:
        domain: one of `DOMAINS`: a world of that part's concepts only, with distributions of its own. Adjectives and
            adpositions are common to both.
    """

    def __init__(self, size: WorldSize, seed: int, domain: str | None = None) -> None:
        assert size.verbs % 2 == 0 and size.adjectives % 2 == 0, "antonyms come in pairs"
        categories = _names("category", size.categories)
        objects = _names("object", size.objects)
        category_of = {name: categories[i % size.categories] for i, name in enumerate(objects)}
        self.persons = _part(_names("person", size.persons), domain)
        self.places = _part(_names("place", size.places), domain)
        self.categories = _part(categories, domain)
        self.objects = tuple(name for name in objects if category_of[name] in self.categories)
        self.verbs = _part(_names("verb", size.verbs), domain, together=2)
        self.adjectives = _names("adjective", size.adjectives)
        self.adpositions = _names("adposition", size.adpositions)
        self.category_of = {name: category_of[name] for name in self.objects}
        rng = random.Random(f"world/{seed}/{domain}" if domain else f"world/{seed}")
        self.person_weights = tuple(1 / rank for rank in range(1, len(self.persons) + 1))
        nouns = self.persons + self.objects + self.categories + self.places
        self.verb_given_person = Conditional.sampled(rng, self.persons, self.verbs)
        self.place_given_person = Conditional.sampled(rng, self.persons, self.places)
        self.object_given_verb = Conditional.sampled(rng, self.verbs, self.objects)
        self.adposition_given_place = Conditional.sampled(rng, self.places, self.adpositions)
        self.adjective_given_noun = Conditional.sampled(rng, nouns, self.adjectives)

    @cached_property
    def content_concepts(self) -> tuple[str, ...]:
        """Every concept that has two names, in a fixed order."""
        return (
            self.persons + self.places + self.objects + self.categories
            + self.verbs + self.adjectives + self.adpositions
        )  # fmt: skip

    def antonym(self, mention: Mention) -> Mention:
        """The opposite verb or adjective, by the name of the same index."""
        group = self.verbs if mention.concept in self.verbs else self.adjectives
        return Mention(group[group.index(mention.concept) ^ 1], mention.name)

    def person(self, rng: random.Random) -> str:
        return rng.choices(self.persons, self.person_weights)[0]

    def adjective(self, rng: random.Random, noun: str) -> Mention:
        return named(rng, self.adjective_given_noun.draw(rng, noun))

    def location(self, rng: random.Random, person: str) -> dict[str, Mention | None]:
        """Slots of a place where this person is likely to be found."""
        place = self.place_given_person.draw(rng, person)
        return {
            "place": named(rng, place),
            "adposition": named(rng, self.adposition_given_place.draw(rng, place)),
            "place_adjective": self.adjective(rng, place) if rng.random() < P_PLACE_ADJECTIVE else None,
        }

    def event(self, rng: random.Random, subject: str | None = None) -> Event:
        """One plausible clause; `subject` fixes who acts."""
        person = subject or self.person(rng)
        verb = self.verb_given_person.draw(rng, person)
        thing = self.object_given_verb.draw(rng, verb)
        if rng.random() < P_PERSON_OBJECT:
            thing = self.other_person(rng, person)
        event = Event(
            subject=named(rng, person),
            verb=named(rng, verb),
            object=named(rng, thing),
            negated=rng.random() < P_NEGATED,
            subject_adjective=self.adjective(rng, person) if rng.random() < P_SUBJECT_ADJECTIVE else None,
            object_adjective=self.adjective(rng, thing) if rng.random() < P_OBJECT_ADJECTIVE else None,
        )
        if rng.random() < P_LOCATED:
            event = event.having(**self.location(rng, person))
        return reworded(rng, event)

    def other_person(self, rng: random.Random, person: str) -> str:
        while (other := self.person(rng)) == person:
            pass
        return other

    def story(self, rng: random.Random, num_events: int) -> Story:
        """Clauses that tend to keep their subject."""
        events = [self.event(rng)]
        while len(events) < num_events:
            keep = rng.random() < P_SAME_SUBJECT
            events.append(self.event(rng, events[-1].subject.concept if keep else None))
        return tuple(events)


def named(rng: random.Random, concept: str) -> Mention:
    """A mention under one of the concept's two names."""
    return Mention(concept, int(rng.random() < P_SECOND_NAME))


def reworded(rng: random.Random, event: Event, p_passive: float = P_PASSIVE, p_fronted: float = P_FRONTED) -> Event:
    """The same meaning in a freshly drawn voice and order."""
    return event.having(passive=rng.random() < p_passive, fronted=event.place is not None and rng.random() < p_fronted)


def renamed(rng: random.Random, event: Event, p: float = 0.4, other: Event | None = None) -> Event:
    """The same meaning with content words by their other name, each with probability `p` and at least one of them.

    With `other`, at least one of the words renamed stood in `other` by the same name before.
    """
    slots = [slot for slot in SLOTS if (mention := getattr(event, slot)) and mention.renamed() != mention]
    # A concept that is mentioned twice does not count: exchanging its two names would leave the same words.
    other = other or event
    once = _mentioned_once(event) & _mentioned_once(other)
    needed = [slot for slot in slots if getattr(event, slot) in other.mentions and getattr(event, slot).concept in once]
    chosen = {slot for slot in slots if rng.random() < p}
    if not chosen & set(needed):
        chosen.add(rng.choice(needed))
    return event.having(**{slot: getattr(event, slot).renamed() for slot in chosen})


def _names(kind: str, number: int) -> tuple[str, ...]:
    return tuple(f"{kind}{i}" for i in range(number))


def _part(concepts: tuple[str, ...], domain: str | None, together: int = 1) -> tuple[str, ...]:
    """Those of a domain, every other one (or every other `together` of them); all without a domain."""
    if domain is None:
        return concepts
    place = DOMAINS.index(domain)
    return tuple(concept for i, concept in enumerate(concepts) if i // together % len(DOMAINS) == place)


def _mentioned_once(event: Event) -> set[str]:
    counts = Counter(mention.concept for mention in event.mentions if mention)
    return {concept for concept, count in counts.items() if count == 1}
