"""Sentence pairs as meanings: three-way inference (as MNLI) and paraphrase (as PAWS).

Both are built hypothesis first, from a distribution that does not know the label, so the hypothesis alone tells
nothing (Gururangan et al. 2018 and Poliak et al. 2018 show how much it tells in SNLI and MNLI). At least one word
that both share goes by its other name, so matching tokens is not enough. Inference respects polarity: a positive clause
entails the less specific one, a negated clause the more specific one. Two clauses of a pair speak of the same occasion,
so that opposite verbs or adjectives contradict each other.
"""

import random
from dataclasses import dataclass

from ds_stilts.synthetic.splits import collect, part_of
from ds_stilts.synthetic.world import Event, World, named, renamed, reworded

NLI_LABELS = ("contradiction", "entailment", "neutral")
PARAPHRASE_LABELS = ("0", "1")

P_NLI_NEGATED, P_CATEGORY = 0.25, 0.25
"""Chance that a hypothesis is negated, and that its object is a category instead of one of its members."""
P_RENAMED = 0.4
"""Chance of each word of the premise to go by its other name."""
P_PARAPHRASE_REWORDED = 0.3
"""Chance of the passive, and of a fronted place, in each clause of a paraphrase pair."""
P_EXCHANGED = 0.25
"""Share of non-paraphrases with the same words in exchanged roles: the part that small models hardly learn."""
P_CHANGED = 0.5
"""Chance of each modifier to be added or dropped between the clauses: high, so that lengths tell little."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairMeaning:
    """Two clauses and how they relate."""

    premise: Event
    hypothesis: Event
    label: str


def nli_pairs(world: World, rng: random.Random, number: int, split: str) -> list[PairMeaning]:
    """Balanced inference pairs; no premise of one split means what a premise of another does."""

    def draw(index: int) -> PairMeaning | None:
        label = NLI_LABELS[index % 3]
        hypothesis = _hypothesis(world, rng)
        premise = {"contradiction": _contradicting, "entailment": _entailing, "neutral": _leaving_open}[label](
            world, rng, hypothesis
        )
        if part_of(premise.meaning) != split:
            return None
        premise = reworded(rng, renamed(rng, premise, P_RENAMED, other=hypothesis))
        return PairMeaning(premise=premise, hypothesis=hypothesis, label=label)

    return _shuffled(rng, collect(draw, number))


def paraphrase_pairs(world: World, rng: random.Random, number: int, split: str) -> list[PairMeaning]:
    """Balanced pairs of persons acting on persons. A paraphrase is reworded; of the others, some have the same words in
    exchanged roles (as PAWS), most say one thing differently (as QQP)."""

    def draw(index: int) -> PairMeaning | None:
        event = world.event(rng)
        # Persons on both sides, in either order: an exchange leaves no trace in either clause alone.
        other = named(rng, world.other_person(rng, event.subject.concept))
        event = event.having(object=other)
        if event.subject_adjective and rng.random() < 0.5:
            event = event.having(object_adjective=world.adjective(rng, other.concept))
        if rng.random() < 0.5:
            event = _roles_exchanged(event)
        meant = event
        if index % 2 == 0:
            meant = _exchanged(rng, event) if rng.random() < P_EXCHANGED else _one_changed(world, rng, event)
        premise = reworded(
            rng, renamed(rng, meant, P_RENAMED, other=event), P_PARAPHRASE_REWORDED, P_PARAPHRASE_REWORDED
        )
        hypothesis = reworded(rng, event, P_PARAPHRASE_REWORDED, P_PARAPHRASE_REWORDED)
        if {part_of(_participants(clause)) for clause in (event, meant)} != {split}:
            return None
        return PairMeaning(premise=premise, hypothesis=hypothesis, label=PARAPHRASE_LABELS[index % 2])

    return _shuffled(rng, collect(draw, number))


def _shuffled(rng: random.Random, pairs: list[PairMeaning]) -> list[PairMeaning]:
    return rng.sample(pairs, len(pairs))


def _hypothesis(world: World, rng: random.Random) -> Event:
    event = world.event(rng).having(negated=rng.random() < P_NLI_NEGATED)
    if event.object.concept in world.category_of and rng.random() < P_CATEGORY:
        event = event.having(object=named(rng, world.category_of[event.object.concept]))
    return event


def _more_specific(world: World, rng: random.Random, event: Event) -> Event:
    """Fill empty modifiers and name a member of a category, each by chance."""
    if event.object.concept in world.categories:
        members = [name for name, category in world.category_of.items() if category == event.object.concept]
        event = event.having(object=named(rng, rng.choice(members)))
    if event.subject_adjective is None and rng.random() < P_CHANGED:
        event = event.having(subject_adjective=world.adjective(rng, event.subject.concept))
    if event.object_adjective is None and rng.random() < P_CHANGED:
        event = event.having(object_adjective=world.adjective(rng, event.object.concept))
    if event.place is None and rng.random() < P_CHANGED:
        event = event.having(**world.location(rng, event.subject.concept))
    return event


def _less_specific(world: World, rng: random.Random, event: Event) -> Event:
    """Drop modifiers and name the category of an object, each by chance."""
    if event.object.concept in world.category_of and rng.random() < P_CATEGORY:
        event = event.having(object=named(rng, world.category_of[event.object.concept]))
    if event.subject_adjective and rng.random() < P_CHANGED:
        event = event.having(subject_adjective=None)
    if event.object_adjective and rng.random() < P_CHANGED:
        event = event.having(object_adjective=None)
    if event.place and rng.random() < P_CHANGED:
        event = _without_place(event)
    return event


def _without_place(event: Event) -> Event:
    return event.having(place=None, place_adjective=None, adposition=None, fronted=False)


def _entailing(world: World, rng: random.Random, hypothesis: Event) -> Event:
    return (_less_specific if hypothesis.negated else _more_specific)(world, rng, hypothesis)


def _contradicting(world: World, rng: random.Random, hypothesis: Event) -> Event:
    """Opposite polarity or, between positive clauses, an antonym in the premise."""
    if hypothesis.negated:
        return _more_specific(world, rng, hypothesis).having(negated=False)
    if rng.random() < 1 / 3:
        return _less_specific(world, rng, hypothesis).having(negated=True)
    premise = _more_specific(world, rng, hypothesis)
    given = [slot for slot in ("subject_adjective", "object_adjective") if getattr(hypothesis, slot)]
    slot = rng.choice(given) if given and rng.random() < 0.3 else "verb"
    return premise.having(**{slot: world.antonym(getattr(premise, slot))})


def _leaving_open(world: World, rng: random.Random, hypothesis: Event) -> Event:
    """Another participant or place; or something that the hypothesis says and the premise does not."""
    slots = [s for s in ("subject_adjective", "object_adjective", "place") if getattr(hypothesis, s)]
    if not hypothesis.negated and slots and rng.random() < 0.3:
        dropped = rng.choice(slots)
        premise = _more_specific(world, rng, hypothesis)
        return _without_place(premise) if dropped == "place" else premise.having(**{dropped: None})
    change = _less_specific if rng.random() < (2 / 3 if hypothesis.negated else 1 / 4) else _more_specific
    premise = change(world, rng, hypothesis)
    if rng.random() < 0.2:
        premise = premise.having(negated=not premise.negated)
    match rng.choice(("subject", "object", "place") if hypothesis.place and premise.place else ("subject", "object")):
        case "subject":
            here = {hypothesis.subject.concept, hypothesis.object.concept}
            return premise.having(subject=named(rng, _another(rng, world.persons, here)))
        case "place":
            return premise.having(place=named(rng, _another(rng, world.places, {hypothesis.place.concept})))
        case _:
            return premise.having(object=named(rng, _unrelated_object(world, rng, hypothesis)))


def _unrelated_object(world: World, rng: random.Random, hypothesis: Event) -> str:
    """An object (or person) that is neither the hypothesis's, nor its category, nor one of its members."""
    meant = hypothesis.object.concept
    if meant in world.persons:
        return _another(rng, world.persons, {meant, hypothesis.subject.concept})
    if meant in world.categories:
        return _another(rng, world.objects, {o for o, category in world.category_of.items() if category == meant})
    return _another(rng, world.objects, {meant})


def _another(rng: random.Random, concepts: tuple[str, ...], excluded: set[str]) -> str:
    return rng.choice([concept for concept in concepts if concept not in excluded])


def _exchanged(rng: random.Random, event: Event) -> Event:
    """Roles exchanged or, where that makes a difference, sometimes only the adjectives."""
    adjectives = [mention and mention.concept for mention in (event.subject_adjective, event.object_adjective)]
    if adjectives[0] != adjectives[1] and rng.random() < 0.3:
        return _adjectives_exchanged(event)
    return _roles_exchanged(event)


def _one_changed(world: World, rng: random.Random, event: Event) -> Event:
    """The opposite verb, or another place."""
    if event.place and rng.random() < 0.5:
        return event.having(place=named(rng, _another(rng, world.places, {event.place.concept})))
    return event.having(verb=world.antonym(event.verb))


def _participants(event: Event) -> object:
    """What stays the same when roles or adjectives are exchanged, so that all exchanges of a clause share a split."""
    swapped = _roles_exchanged(event)
    variants = (event, swapped, _adjectives_exchanged(event), _adjectives_exchanged(swapped))
    return min(repr(variant.meaning) for variant in variants)


def _roles_exchanged(event: Event) -> Event:
    return event.having(subject=event.object, object=event.subject)


def _adjectives_exchanged(event: Event) -> Event:
    return event.having(subject_adjective=event.object_adjective, object_adjective=event.subject_adjective)
