"""Which scored examples occur among training examples. Compares inputs, whatever their labels; knows no recipe.

An example is there again where one training example has all of its texts (premise and hypothesis, question and
passage): "same" where they are equal but for case, spaces and punctuation, "near" where one of them is only nearly so
(see `ds_stilts.data.near_texts`). Where just one of its texts is there, e.g. the passage with other questions, it is
"text". What is nearly there or there in part has to be long enough to say something: "I don't know him." is near to
much. Not found are texts inside longer ones, and translations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, get_args

from ds_stilts.data.near_texts import Likeness, NearTexts
from ds_stilts.data.shingles import normalised
from ds_stilts.tasks.examples import (
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    ScoredPairExample,
    TaggedSentence,
    TextExample,
)

Kind = Literal["same", "near", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SHORTEST = 40
"""Letters of an example that counts as "near", all of its texts together, and of a text that counts by itself."""
_CHUNK_EXAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """A scored example that was found, at its most alike."""

    kind: Kind
    scored: str
    trained: str
    """Ids of both examples."""
    resemblance: float
    """Of the texts that are the least alike, and of "text" the ones that are there."""
    texts: tuple[str, str]
    """These texts, scored and trained, as their files have them."""


def texts_of(example: Example) -> tuple[str, ...]:
    """What a model reads of an example, each text by itself."""
    if isinstance(example, (PairExample, ScoredPairExample)):
        return (example.premise, example.hypothesis)
    if isinstance(example, ChoiceExample):
        return (example.context, *example.choices)
    if isinstance(example, QuestionExample):
        return (example.question, example.context)
    if isinstance(example, TaggedSentence):
        return (" ".join(example.words),)
    if isinstance(example, TextExample):
        return (example.text, example.translation) if example.translation else (example.text,)
    return (example.text,)


class ScoredExamples:
    """Scored examples, in a form in which training examples are looked up."""

    def __init__(self, examples: Sequence[Example]) -> None:
        places: dict[str, int] = {}
        self._ids = [example.id for example in examples]
        self._raw: list[str] = []
        self._texts: list[tuple[int, ...]] = []
        self._lengths: list[int] = []
        """By example, the places of its texts, and how many letters they have together."""
        self._with: list[list[int]] = []
        self._longest_in: list[list[int]] = []
        """By text, the examples that have it, and those of them whose longest text it is."""
        for number, example in enumerate(examples):
            own = {form: raw for raw in texts_of(example) if (form := normalised(raw))}
            for form, raw in own.items():
                if form not in places:
                    places[form] = len(places)
                    self._raw.append(raw)
                    self._with.append([])
                    self._longest_in.append([])
                self._with[places[form]].append(number)
            if own:
                self._longest_in[places[max(own, key=len)]].append(number)
            self._texts.append(tuple(places[form] for form in own))
            self._lengths.append(sum(map(len, own)))
        self._index = NearTexts(list(places))

    def repeats(self, training: Iterable[Example]) -> dict[int, Repeat]:
        """Look all training examples up.

        Returns:
            By place among the scored examples, what was found; those that are not there are left out.
        """
        best: dict[int, tuple[Likeness, Repeat]] = {}
        alone: dict[int, tuple[Likeness, Repeat]] = {}
        """By text: where it is of the scored examples that have it."""
        stream = iter(training)
        while chunk := list(islice(stream, _CHUNK_EXAMPLES)):
            self._look_up(chunk, best, alone)
        found = {number: repeat for number, (_, repeat) in best.items()}
        for text, (likeness, repeat) in alone.items():
            for number in self._with[text]:
                before = found.get(number)
                if before is None or (before.kind == "text" and before.resemblance < likeness[1]):
                    found[number] = replace(repeat, scored=self._ids[number])
        return found

    def _look_up(
        self,
        chunk: Sequence[Example],
        best: dict[int, tuple[Likeness, Repeat]],
        alone: dict[int, tuple[Likeness, Repeat]],
    ) -> None:
        own = [{form: raw for raw in texts_of(example) if (form := normalised(raw))} for example in chunk]
        different = list(dict.fromkeys(form for forms in own for form in forms))
        matches = {form: found for form, found in zip(different, self._index.find(different), strict=True) if found}
        for example, forms in zip(chunk, own, strict=True):
            seen: dict[int, tuple[Likeness, str]] = {}
            """By scored text, how alike the nearest text of this training example is, and that text."""
            for form in forms.keys() & matches.keys():
                for text, likeness in matches[form].items():
                    seen[text] = max(seen.get(text, (likeness, form)), (likeness, form))
            for text, (likeness, form) in seen.items():
                if min(len(form), len(self._index.texts[text])) >= SHORTEST:
                    _keep(alone, text, likeness, self._repeat("text", "", example, text, forms[form], likeness))
                for number in self._longest_in[text]:
                    if all(one in seen for one in self._texts[number]):
                        least = min(self._texts[number], key=lambda one: seen[one][0])
                        worst, form = seen[least]
                        kind: Kind = "same" if worst[0] else "near"
                        if kind == "same" or self._lengths[number] >= SHORTEST:
                            made = self._repeat(kind, self._ids[number], example, least, forms[form], worst)
                            _keep(best, number, worst, made)

    def _repeat(self, kind: Kind, id: str, example: Example, text: int, trained: str, likeness: Likeness) -> Repeat:
        raw = (self._raw[text], trained)
        return Repeat(kind=kind, scored=id, trained=example.id, resemblance=likeness[1], texts=raw)


def _keep(found: dict[int, tuple[Likeness, Repeat]], key: int, likeness: Likeness, repeat: Repeat) -> None:
    if key not in found or found[key][0] < likeness:
        found[key] = (likeness, repeat)
