"""What one raw example of each format is: plain values read from an official file, before any tokenizer sees them.

Ids are unique within one (task, language, split): readers make them so, since some originals (TyDiQA) are not.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PairExample:
    """One or two sentences and a label (NLI, paraphrase)."""

    id: str
    premise: str
    hypothesis: str
    label: str | None
    """One of the task's `labels`; None where the official file has none."""


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
    start: int


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionExample:
    """An extractive question; `answers` is empty where the file has no gold."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]


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


Example = PairExample | ChoiceExample | QuestionExample | TaggedSentence | TextExample | BitextExample
