"""What the columns of a table mean: rows become examples of one format.

The same few classes serve the official files, the copies on the Hugging Face hub and a user's own files. A column is
named by its name; by a dotted path into nested values ("question.stem"; a list on the way gives a list); or, where a
text is put together, by a template ("{context} {question}"). A text that the file holds as a list of strings is joined
with spaces.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ds_stilts.tasks.examples import (
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    ScoredPairExample,
    TaggedSentence,
    TextExample,
)
from ds_stilts.tasks.readers.alignment import align, checked
from ds_stilts.tasks.readers.choosing import chosen
from ds_stilts.tasks.readers.files import check_same_length, read_lines
from ds_stilts.tasks.readers.tables import Row, Table
from ds_stilts.tasks.task import Task, Where

_PREFIX = re.compile(r"[a-z-]{2,}:(?=.)", re.DOTALL)
_FIELD = re.compile(r"\{([^{}]+)\}")

Columns = Callable[[Row, str, Task], "Iterable[Example]"]
"""`columns(row, number, task)`: the row's examples, usually one; none for a row that is left out. `number` is the
0-based row as text: the id of examples whose table has no id column."""


@dataclass(frozen=True)
class Rows:
    """A reader: a table, and what its columns mean. A gold file apart (one label a line) becomes the column that the
    gold is read from."""

    table: Table
    columns: Columns
    language: str = ""
    """Column with the language's code, in a file that holds all of them; "": it holds one."""

    def __call__(
        self, path: Path, *, task: Task, language: str, labels_path: Path | None, where: Where | None = None
    ) -> Iterator[Example]:
        rows = self.table(path)
        if labels_path is not None:
            gold = getattr(self.columns, "score", getattr(self.columns, "label", "label"))
            rows = _with_labels(rows, path, labels_path, gold)
        numbered: Iterable[tuple[int, Row]] = enumerate(rows)
        for part in ({self.language: [language]} if self.language else {}, where or {}):
            numbered = chosen(numbered, part, path) if part else numbered
        placed = ((row.place, self.columns(row, str(number), task)) for number, row in numbered)
        if task.format == "span_qa":
            return checked(_questions(placed), task=task, path=path, language=language)
        return (example for _, examples in placed for example in examples)


def _questions(placed: Iterable[tuple[str, Iterable[Example]]]) -> Iterator[tuple[QuestionExample, list[str]]]:
    """Each question with the place of each of its answers."""
    for place, examples in placed:
        for example in examples:
            assert isinstance(example, QuestionExample)
            yield example, [place] * len(example.answers)


def _with_labels(rows: Iterator[Row], path: Path, labels_path: Path, column: str) -> Iterator[Row]:
    labels, num_rows = read_lines(labels_path), 0
    for num_rows, row in enumerate(rows, start=1):
        if num_rows <= len(labels):
            yield Row(labels_path, f"line {num_rows}", {**row.values, column: labels[num_rows - 1].strip()})
    check_same_length(path, num_rows, labels_path, len(labels))


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Sentence pairs, or single sentences where `hypothesis` is None."""

    premise: str = "premise"
    hypothesis: str | None = "hypothesis"
    label: str = "label"
    names: Mapping[str, str] = field(default_factory=dict)
    """The file's label → the task's, e.g. {"e": "entailment"}; others must be the task's own words."""
    drop: tuple[str, ...] = ()
    """Labels whose rows are left out, e.g. "-" where the annotators did not agree."""
    unlabelled: tuple[str, ...] = ()
    """Labels that stand for "taken off", e.g. "-1" in the hub's test splits."""
    id: str | None = None

    def __call__(self, row: Row, number: str, task: Task) -> list[Example]:
        given = scalar(row, self.label)
        if given in self.drop:
            return []
        label = None if given in self.unlabelled else self.names.get(given, given)
        if label is not None and label not in task.labels:
            known = ", ".join(self.names) or ", ".join(task.labels)
            raise row.fault(
                f"label {given!r} is not one of task '{task.name}' ({known}); correct it or get the file again from "
                "its source."
            )
        hypothesis = text(row, self.hypothesis) if self.hypothesis else ""
        return [
            PairExample(
                id=scalar(row, self.id) if self.id else number,
                premise=text(row, self.premise),
                hypothesis=hypothesis,
                label=label,
            )
        ]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Running text that is one column of a table; the others are left unread."""

    text: str = "text"
    id: str | None = None

    def __call__(self, row: Row, number: str, task: Task) -> list[Example]:
        return [TextExample(id=scalar(row, self.id) if self.id else number, text=text(row, self.text))]


@dataclass(frozen=True)
class Layouts:
    """Rows of a file that is found in several layouts: the first whose column is there."""

    columns: Mapping[str, Columns]
    """A column that only one layout has → what that one's columns mean; the last is taken where no other fits."""

    def __call__(self, row: Row, number: str, task: Task) -> Iterable[Example]:
        *others, last = self.columns
        return self.columns[next((column for column in others if column in row.values), last)](row, number, task)


@dataclass(frozen=True, kw_only=True)
class ScoredPairs:
    """Sentence pairs with a number, as in semantic textual similarity."""

    premise: str = "sentence1"
    hypothesis: str = "sentence2"
    score: str = "score"
    id: str | None = None

    def __call__(self, row: Row, number: str, task: Task) -> list[Example]:
        given = scalar(row, self.score)
        low, high = task.score_range or (float("-inf"), float("inf"))
        try:
            score = float(given)
        except ValueError:
            raise row.fault(f"score {given!r} is not a number; correct it.") from None
        if not low <= score <= high:
            raise row.fault(f"score {given} lies outside {low:g} to {high:g}, the range of task '{task.name}'.")
        return [
            ScoredPairExample(
                id=scalar(row, self.id) if self.id else number,
                premise=text(row, self.premise),
                hypothesis=text(row, self.hypothesis),
                score=score,
            )
        ]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A context and `task.num_choices` continuations."""

    context: str = "context"
    choices: tuple[str, ...] | str = "choices"
    """One column or template a choice, or the one column that holds the list of all."""
    label: str = "label"
    names: tuple[str, ...] | None = None
    """What the file calls the choices, in order, e.g. ("A", "B", "C"); None: 0, 1, 2."""
    unlabelled: tuple[str, ...] = ()
    id: str | None = None

    def __call__(self, row: Row, number: str, task: Task) -> list[Example]:
        if isinstance(self.choices, str):
            found = value(row, self.choices)
            if not isinstance(found, list) or not all(isinstance(choice, str) for choice in found):
                raise row.fault(f"'{self.choices}' must be a list of strings, found {found!r:.60}.")
            choices = tuple(found)
        else:
            choices = tuple(text(row, choice) for choice in self.choices)
        if len(choices) != task.num_choices:
            raise row.fault(
                f"{len(choices)} choices, but task '{task.name}' has {task.num_choices} in every example; correct it."
            )
        given = scalar(row, self.label)
        names = self.names or tuple(str(n) for n in range(len(choices)))
        if given not in names and given not in self.unlabelled:
            raise row.fault(f"label {given!r} names none of the choices ({', '.join(names)}); correct it.")
        return [
            ChoiceExample(
                id=scalar(row, self.id) if self.id else number,
                context=text(row, self.context),
                choices=choices,
                label=None if given in self.unlabelled else names.index(given),
            )
        ]


@dataclass(frozen=True, kw_only=True)
class Tags:
    """Sentences as a list of words and a list of tags (hub copies, JSON lines)."""

    words: str = "tokens"
    tags: str = "tags"
    names: tuple[str, ...] | None = None
    """Tags by number, where the table has numbers."""
    prefix: bool = False
    """Words carry WikiANN's `lang:` before them."""
    id: str | None = None

    def __call__(self, row: Row, number: str, task: Task) -> list[Example]:
        words, given = value(row, self.words), value(row, self.tags)
        if not isinstance(words, list) or not isinstance(given, list) or len(words) != len(given):
            raise row.fault(f"'{self.words}' and '{self.tags}' must be lists of the same length.")
        if not all(isinstance(word, str) and word for word in words):
            raise row.fault(f"'{self.words}' must hold strings that are not empty, found {words!r:.60}.")
        tags = [self._tag(tag) for tag in given]
        for tag, shown in zip(tags, given, strict=True):
            if tag not in task.labels:
                raise row.fault(
                    f"tag {shown!r} is not one of task '{task.name}' ({', '.join(task.labels)}); correct it."
                )
        if self.prefix:
            if not all(_PREFIX.match(word) for word in words):
                raise row.fault(f"'{self.words}' must begin with a language code and a colon, found {words!r:.60}.")
            words = [_PREFIX.sub("", word) for word in words]
        return [TaggedSentence(id=scalar(row, self.id) if self.id else number, words=tuple(words), tags=tuple(tags))]

    def _tag(self, given: Any) -> str:
        """The tag of a number, where the table has numbers; anything else as text, for the caller to look up."""
        if self.names and isinstance(given, int) and 0 <= given < len(self.names):
            return self.names[given]
        return str(given)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Extractive questions, an example a row, with offsets in characters."""

    question: str = "question"
    context: str = "context"
    answers: str = "answers"
    """The column of the answers: {"text": [...], "answer_start": [...]} as the hub has it, a list of {"text",
    "answer_start"}, or a list of [start, text]. Empty text: gold that was taken off."""
    id: str | None = "id"

    def __call__(self, row: Row, number: str, task: Task) -> list[Example]:
        context = text(row, self.context)
        pairs = self._pairs(row)
        return [
            QuestionExample(
                id=scalar(row, self.id) if self.id else number,
                question=text(row, self.question),
                context=context,
                answers=tuple(align(answer, start, context) for start, answer in pairs if answer),
                impossible=task.no_answer and not pairs,
            )
        ]

    def _pairs(self, row: Row) -> list[tuple[int, str]]:
        given = value(row, self.answers)
        if isinstance(given, list) and all(isinstance(answer, list) and len(answer) == 2 for answer in given):
            starts, texts = [answer[0] for answer in given], [answer[1] for answer in given]
        else:
            starts, texts = value(row, f"{self.answers}.answer_start"), value(row, f"{self.answers}.text")
        # bool is a subclass of int, and true is no offset
        whole = isinstance(starts, list) and all(isinstance(s, int) and not isinstance(s, bool) for s in starts)
        if not whole or not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            raise row.fault(f"'{self.answers}' must hold whole numbers and strings, found {given!r:.60}.")
        if len(starts) != len(texts):
            raise row.fault(f"'{self.answers}' has {len(texts)} texts but {len(starts)} offsets; correct it.")
        return list(zip(starts, texts, strict=True))


def value(row: Row, column: str) -> Any:
    """The value of a column, or of a dotted path into nested values.

    Raises:
        DataError: it is not there; says what is.
    """
    if column in row.values:
        return row.values[column]
    found: Any = row.values
    for part in column.split("."):
        if isinstance(found, list) and all(isinstance(item, dict) and part in item for item in found):
            found = [item[part] for item in found]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            raise row.fault(f"field '{column}' is missing; found: {', '.join(row.values) or 'none'}.")
    return found


def nested(row: Row, column: str) -> list[Row]:
    """The objects of a list as rows that know their place, e.g. "line 7, mentions[0]"; anything else is a fault."""
    found = value(row, column)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise row.fault(f"field '{column}' must be a list of objects, found {found!r:.60}.")
    return [Row(row.path, f"{row.place}, {column}[{n}]", item) for n, item in enumerate(found)]


def spans(row: Row, column: str, length: int) -> list[tuple[int, int]]:
    """A list of (start, end) within a text of `length` characters, as [start, end] or {"start", "end"}."""
    found: list[tuple[int, int]] = []
    given = value(row, column)
    for item in given if isinstance(given, list) else [given]:
        ends: Any = [item.get("start"), item.get("end")] if isinstance(item, dict) else item
        whole = isinstance(ends, list) and len(ends) == 2 and all(type(end) is int for end in ends)
        if not whole or not 0 <= ends[0] < ends[1] <= length:
            raise row.fault(
                f"field '{column}' must be a list of start and end within the {length} characters of its text, found "
                f"{item!r:.60}; get the file again from its source."
            )
        found.append((ends[0], ends[1]))
    return found


def scalar(row: Row, column: str) -> str:
    """A string or whole number as text, e.g. a label or an id; anything else is a fault."""
    found = value(row, column)
    # bool is a subclass of int, and true is no label
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        raise row.fault(f"field '{column}' must be a string or a number, found {found!r:.60}.")
    return str(found)


def broken_template(column: Any) -> bool:
    """Whether a column is a template with a brace that no name of a column stands in, e.g. "{text_a"."""
    return isinstance(column, str) and "{" in _FIELD.sub("", column)


def text(row: Row, column: str) -> str:
    """A column's text, or a template filled in; a list of strings is joined with spaces."""
    if "{" in column:
        return _FIELD.sub(lambda match: text(row, match[1]), column)
    found = value(row, column)
    if isinstance(found, list) and found and all(isinstance(part, str) for part in found):
        return " ".join(found)
    if not isinstance(found, str):
        raise row.fault(f"field '{column}' must be a string, found {found!r:.60}.")
    return found
