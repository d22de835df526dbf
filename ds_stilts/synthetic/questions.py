"""Questions about passages as meanings (as SQuAD): who, what or where, with exactly one answer in the passage.

`asked` also serves running text and tagging, so that question words are seen there too. The answer is one word of the
passage, without its adjective.
"""

import random
from dataclasses import dataclass

from ds_stilts.synthetic.splits import collect, part_of
from ds_stilts.synthetic.world import SLOTS, WHAT, WHERE, WHO, Event, Mention, Story, World, renamed, reworded


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionMeaning:
    """A passage and a question: what stands in `slot` of the passage's clause `event` answers it."""

    passage: Story
    question: Event
    event: int
    slot: str


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionStyle:
    """How one question set differs from another."""

    name: str
    p_renamed: float
    """Chance of each question word to differ from the passage's name for the same thing."""


QA = QuestionStyle(name="qa", p_renamed=0.3)
QA_LOW = QuestionStyle(name="qa_low", p_renamed=0.6)
"""Questions that share fewer words with their passage: TyDiQA's were asked before the passage was seen."""

SET_SHARES = {QA.name: 0.75, QA_LOW.name: 0.25}
"""Share of all passages that each set may use."""


def questions(world: World, rng: random.Random, number: int, split: str, style: QuestionStyle) -> list[QuestionMeaning]:
    """Questions of one split; no passage is used by two splits or two styles."""

    def draw(_: int) -> QuestionMeaning | None:
        passage = world.story(rng, rng.choice((2, 3)))
        meaning = tuple(clause.meaning for clause in passage)
        if part_of(("set", meaning), SET_SHARES) != style.name or part_of(meaning) != split:
            return None
        index = rng.randrange(len(passage))
        event = passage[index]
        slot = rng.choice(("subject", "object", "place") if event.place else ("subject", "object"))
        question = asked(event, slot)
        for modifier in ("subject_adjective", "object_adjective", "place_adjective"):
            if rng.random() < 0.5:
                question = question.having(**{modifier: None})
        if question.place and slot != "place" and rng.random() < 0.5:
            question = question.having(place=None, place_adjective=None, adposition=None, fronted=False)
        others = [other for i, other in enumerate(passage) if i != index]
        if any(answers(other, question) for other in others) or len(_fillers(world, passage, event, slot)) < 2:
            return None
        question = reworded(rng, renamed(rng, question, style.p_renamed))
        return QuestionMeaning(passage=passage, question=question, event=index, slot=slot)

    return collect(draw, number)


def asked(event: Event, slot: str) -> Event:
    """The clause with `slot` ("subject", "object" or "place") asked for; WHERE takes the whole place phrase."""
    if slot == "place":
        return event.having(place=Mention(WHERE), place_adjective=None, adposition=None)
    word = WHO if getattr(event, slot).concept.startswith("person") else WHAT
    return event.having(**{slot: Mention(word), f"{slot}_adjective": None})


def answers(event: Event, question: Event) -> bool:
    """Whether the clause fits all that the question says, polarity aside, and so has an answer to it."""
    for slot in SLOTS:
        said, found = getattr(question, slot), getattr(event, slot)
        if said is None:
            continue
        if found is None:
            return False
        if said.concept in (WHO, WHAT):
            if found.concept.startswith("person") != (said.concept == WHO):
                return False
        elif said.concept not in (WHERE, found.concept):
            return False
    return True


def _fillers(world: World, passage: Story, event: Event, slot: str) -> set[str]:
    """Concepts of the passage that could answer by their kind alone."""
    kinds = next(kind for kind in (world.persons, world.objects, world.places) if getattr(event, slot).concept in kind)
    return {
        mention.concept for clause in passage for mention in clause.mentions if mention and mention.concept in kinds
    }
