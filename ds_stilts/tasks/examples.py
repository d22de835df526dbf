"""What one raw example of each format is: plain values read from an official file, before any tokenizer sees them.

Ids are unique within one (task, language, split): readers make them so, since some originals (TyDiQA) are not.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class PairExample:
    """One or two sentences and a label (NLI, paraphrase)."""

    id: str
    premise: str
    hypothesis: str
    label: str | None
    """One of the task's `labels`; None where the official file has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredPairExample:
    """Two sentences and a number, e.g. how similar they are."""

    id: str
    premise: str
    hypothesis: str
    score: float | None
    """Within the task's `score_range`; None where the official file has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceExample:
    """A context and a fixed number of continuations, one of which is right."""

    id: str
    context: str
    choices: tuple[str, ...]
    label: int | None
    """Index of the right choice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A gold answer: `context[start : start + len(text)] == text`, in characters."""

    text: str
    start: int | None
    """None where the file's offset does not fit and the text is not found once in the context: the answer counts in
    scoring, and cannot be trained on."""
    given: int | None = None
    """The file's offset where it does not fit (then `start` is where the text stands once, or None); else None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionExample:
    """An extractive question; `answers` is empty where the file has no gold, and where no answer is the gold."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    impossible: bool = False
    """True where the gold is that the context has no answer (SQuAD 2.0)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaggedSentence:
    """Words and one tag a word; `tags` is None where the file has none."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TextExample:
    """A line of running text; with `translation`, a pair for translation language modelling (Conneau & Lample 2019)."""

    id: str
    text: str
    translation: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BitextExample:
    """One sentence of a retrieval set. Queries look for the corpus sentence whose id is `match`."""

    id: str
    text: str
    side: str
    """"query" or "corpus"."""
    match: str | None
    """For a query, the id of its corpus sentence; None for corpus sentences and where no gold is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchExample:
    """One text of a set that is searched, whose gold may be several texts, or none, or in another language's file."""

    id: str
    text: str
    side: str
    """"query" or "corpus"."""
    keys: tuple[str, ...] | None
    """A query's gold are the corpus texts that share one of these with it; () for none, None where it is unknown."""


Example = (
    PairExample
    | ScoredPairExample
    | ChoiceExample
    | QuestionExample
    | TaggedSentence
    | TextExample
    | BitextExample
    | SearchExample
)


def without_gold(example: Example) -> Example:
    """The same example as a file without labels has it."""
    if isinstance(example, (PairExample, ChoiceExample)):
        return replace(example, label=None)
    if isinstance(example, TaggedSentence):
        return replace(example, tags=None)
    if isinstance(example, QuestionExample):
        return replace(example, answers=(), impossible=False)
    raise TypeError(f"nothing is known of what {type(example).__name__} is without its gold")
