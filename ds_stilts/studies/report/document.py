"""What a report says, as blocks: made once, rendered as HTML and as Markdown, so that both say the same.

A block knows no markup. Tables hold text and, for colour, a step; the number always stands there too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "good", "bad", "open", "none", "quiet"]
"""How a verdict looks beside its word."""
TONES: dict[str, Tone] = {
    "CONFIRMED": "good", "REFUTED": "bad", "INCONCLUSIVE": "open", "NOT RUN": "none", "ESTIMATE": "quiet",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Td:
    """One cell."""

    text: str
    sub: tuple[str, ...] = ()
    """Smaller lines below."""
    step: int | None = None
    """Of the diverging scale, 0 to 8; None: no colour."""
    tone: Tone = ""
    title: str = ""
    """Shown when pointed at; nothing that is not said elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a head; the first cell of a row names it. A row of one cell is a heading within the table."""

    id: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Td, ...], ...]
    text_columns: int = 1
    """So many from the left are words, the rest numbers."""
    is_map: bool = False
    """A heat map: narrow cells, and a scale to ± `limit` beside the caption."""
    limit: float = 1.0
    wide: tuple[int, ...] = ()
    """Columns that hold sentences."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph, or a note in small letters."""

    text: str
    is_note: bool = False


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing, of which all numbers stand in a table beside it."""

    caption: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Drawings side by side where there is room."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What may be shut."""

    title: str
    blocks: tuple["Block", ...]
    is_open: bool = False
    """At first."""


Block = Table | Text | Bullets | Figures | Fold


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the report."""

    id: str
    title: str
    short: str
    """In the list of parts."""
    blocks: tuple[Block, ...]


def note(text: str) -> Text:
    """A paragraph in small letters."""
    return Text(text=text, is_note=True)


def td(*values: str) -> tuple[Td, ...]:
    """A row of plain cells."""
    return tuple(Td(text=value) for value in values)


def sentence(clauses: Sequence[str]) -> str:
    """Clauses as one sentence."""
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
