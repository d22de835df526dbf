"""How a clause is said in a language: word order, case and agreement, with the meaning of every word kept.

The alignment word -> (slot of the event, part of speech, entity) is what makes all gold exact: tags, answer spans and
translations are read off it, never guessed from text. Questions are asked in situ: the question word stands where the
answer would, and WHERE replaces the whole adpositional phrase.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ds_stilts.synthetic.lexicon import ACC, AFF, LOC, NOM, Features, Lexicon
from ds_stilts.synthetic.world import ASK, BY, NEG, PASS, STOP, THEY, WHAT, WHERE, WHO, Event, Mention

POS_TAGS = ("ADJ", "ADP", "NOUN", "PART", "PRON", "PROPN", "PUNCT", "VERB")
ENTITY_TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-OBJ", "I-OBJ")

_ENTITY_OF_KIND = {"person": "PER", "place": "LOC", "object": "OBJ", "category": "OBJ"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One word (or mark) of a sentence, aligned to what it means."""

    stem: str
    suffixes: tuple[str, ...] = ()
    concept: str
    slot: str
    """Slot of the event that it expresses; "negated", "passive", "by" and "mark" for function words."""
    pos: str
    """One of `POS_TAGS`."""
    entity: str = "O"
    """One of `ENTITY_TAGS`."""

    @property
    def text(self) -> str:
        return self.stem + "".join(self.suffixes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Sentences as written, with the place of each word: `text[start:end] == word.text`."""

    text: str
    words: tuple[tuple[Word, ...], ...]
    """Words of each sentence."""
    spans: tuple[tuple[tuple[int, int], ...], ...]
    """(start, end) in characters of each word of each sentence."""


def write(events: Sequence[Event], lexicon: Lexicon) -> Text:
    """Say the events one after the other. Marks are attached; words are spaced only where the language does so."""
    gap = " " if lexicon.language.spaced else ""
    sentences = tuple(say(event, lexicon) for event in events)
    text, spans = "", []
    for words in sentences:
        placed = []
        for word in words:
            if text and word.pos != "PUNCT":
                text += gap
            start = len(text)
            text += word.text
            placed.append((start, len(text)))
        spans.append(tuple(placed))
    return Text(text=text, words=sentences, spans=tuple(spans))


def say(event: Event, lexicon: Lexicon) -> tuple[Word, ...]:
    """The words of one clause in order, its mark last; a clause with a question word ends in a question mark."""
    language = lexicon.language
    actor = (event.subject, event.subject_adjective, "subject")
    undergoer = (event.object, event.object_adjective, "object")
    verb = _verb(event, lexicon)
    if event.passive:
        first = _noun_phrase(*undergoer, NOM, lexicon)
        by = _adposition(Mention(BY), "by", lexicon)
        second = _order(by, _noun_phrase(*actor, LOC, lexicon), language.adposition)
    else:
        first = _noun_phrase(*actor, NOM, lexicon)
        second = _noun_phrase(*undergoer, ACC, lexicon)
    where = _location(event, lexicon)
    front, inner = (where, []) if event.fronted else ([], where)
    clause = {
        "SVO": first + verb + second + inner,
        "VSO": verb + first + second + inner,
        "SOV": first + second + inner + verb,
    }[language.order]
    asked = {m.concept for m in event.mentions if m} & {WHO, WHAT, WHERE}
    mark = ASK if asked else STOP
    return (*front, *clause, Word(stem=mark, concept=mark, slot="mark", pos="PUNCT"))


def _order(head: list[Word], rest: list[Word], side: str) -> list[Word]:
    return head + rest if side == "before" else rest + head


def _suffix(lexicon: Lexicon, owner: Mention, features: Features) -> tuple[str, ...]:
    """The suffix that carries `features`, or none where the language does not mark them."""
    suffix = lexicon.suffixes.get((features, lexicon.classes[owner]))
    return (suffix,) if suffix else ()


def _noun_phrase(noun: Mention, adjective: Mention | None, slot: str, case: str, lexicon: Lexicon) -> list[Word]:
    """Noun with its adjective. Fusional adjectives agree with the noun in case and class."""
    suffixes = _suffix(lexicon, noun, (case,))
    kind = noun.concept.rstrip("0123456789")
    pos = "PROPN" if kind in ("person", "place") else "NOUN"
    if noun.concept in (WHO, WHAT, THEY):
        pos = "PRON"
    entity = _ENTITY_OF_KIND.get(kind)
    head = Word(stem=lexicon.stems[noun], suffixes=suffixes, concept=noun.concept, slot=slot, pos=pos)
    phrase = [head]
    if adjective:
        agreement = suffixes if lexicon.language.morphology == "fusional" else ()
        modifier = Word(
            stem=lexicon.stems[adjective],
            suffixes=agreement,
            concept=adjective.concept,
            slot=f"{slot}_adjective",
            pos="ADJ",
        )
        phrase = _order([modifier], [head], lexicon.language.adjective)
    if entity is None:
        return phrase
    return [replace(word, entity=("I-" if i else "B-") + entity) for i, word in enumerate(phrase)]


def _adposition(mention: Mention, slot: str, lexicon: Lexicon) -> list[Word]:
    return [Word(stem=lexicon.stems[mention], concept=mention.concept, slot=slot, pos="ADP")]


def _location(event: Event, lexicon: Lexicon) -> list[Word]:
    if event.place is None:
        return []
    if event.place.concept == WHERE:
        return [Word(stem=lexicon.stems[event.place], concept=WHERE, slot="place", pos="PRON")]
    assert event.adposition, "a place has an adposition"
    phrase = _noun_phrase(event.place, event.place_adjective, "place", LOC, lexicon)
    return _order(_adposition(event.adposition, "adposition", lexicon), phrase, lexicon.language.adposition)


def _verb(event: Event, lexicon: Lexicon) -> list[Word]:
    """The verb with polarity and voice: particles before it, a chain of suffixes, or one portmanteau suffix."""
    marked = ((NEG,) if event.negated else ()) + ((PASS,) if event.passive else ())
    particles: list[Word] = []
    suffixes: tuple[str, ...] = ()
    match lexicon.language.morphology:
        case "isolating":
            slots = {NEG: "negated", PASS: "passive"}
            particles = [Word(stem=lexicon.stems[Mention(f)], concept=f, slot=slots[f], pos="PART") for f in marked]
        case "agglutinative":
            suffixes = tuple(
                suffix for feature in reversed(marked) for suffix in _suffix(lexicon, event.verb, (feature,))
            )
        case "fusional":
            suffixes = _suffix(lexicon, event.verb, marked or (AFF,))
    verb = Word(stem=lexicon.stems[event.verb], suffixes=suffixes, concept=event.verb.concept, slot="verb", pos="VERB")
    return [*particles, verb]
