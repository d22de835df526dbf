"""What a format is: how examples of one kind become token sequences, a loss, a prediction and a metric.

A format knows tasks and tokenizers, never a model: heads are named by kind, and losses take the head's output.

Vocabulary used throughout:
  sequence  one packed encoder input `<s> … </s>`
  item      what training draws and never tears apart: one sequence, or all choices of a multiple-choice example
  example   what is scored: all windows or choices that came from one raw example
  row       a token of the packed batch that a head reads
  unit      what the reference's loss averages over: examples, words (tagging), masked tokens (masked LM)
"""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any, Protocol

from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequence:
    """One encoder input, ready to be packed."""

    ids: list[int]
    """Token ids with special tokens."""
    example: int
    """Index of the raw example in its file's order."""
    second: int = 0
    """Index of the first token of segment B (for models with token types); 0: no second segment."""
    rows: list[int]
    """Indices (within the sequence) of the tokens that the head reads."""
    targets: list[int]
    """Format-specific gold, empty when unlabelled: one class; one class a row (tagging); [start, end] as indices into
    `rows` (span QA); empty for masked LM, whose rows and targets are drawn anew for each step."""
    info: list[int]
    """What decoding needs beside the example: span QA: character start and end of each row, flat; tagging: the word
    index of each row; otherwise empty."""
    item: bool = True
    """True when a new training item starts here (False on the second and later choices of one example)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long inputs may be, in tokens, and how they are filled."""

    max_tokens: int
    doc_stride: int = 128
    max_query_tokens: int = 64
    join_lines: bool = False
    """Running text: as many whole lines a sequence as there is room for, instead of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What one example's prediction row holds beside its keys."""

    gold: str
    """JSON of the gold, in the form that `score` reads; "null" when unknown."""
    prediction: str
    """JSON of the prediction."""
    score: float
    """Confidence: log-odds margin, span score, log-likelihood, or cosine."""
    confidence: float | None = None
    """Probability of the prediction among all possible answers; None where the model gives none."""
    margin: float | None = None
    """By how much, in logits, the closest decision behind the prediction was made: so much must a difference between
    two logits change to make it another one. None where that is not known (no second answer, retrieval)."""
    entropy: float | None = None
    """In nats, of the distribution that the prediction is drawn from, the mean over words (tagging) or windows (span
    QA); None where there is none (see `ds_stilts.formats.entropy`)."""
    written: str | None = None
    """What the model wrote; None where heads or states answered."""
    legal: bool = True
    """Whether what it wrote is an answer at all."""


class Format(Protocol):
    """One kind of task."""

    name: str
    head: str
    """Kind of head: "classification" (logits [N, labels]), "choice" (logits [N, 1]), "span" (logits [N, 2]),
    "tokens" (logits [N, labels]), "masked_lm" (logits [N, vocabulary]) or "embedding" (none: encoder states)."""

    targets_per_unit: int
    """Entries of `targets` that make one loss unit: 2 for span QA (start and end), else 1."""

    def num_outputs(self, task: Task) -> int:
        """Width of the head's output; 0 where the model fixes it (masked LM) or there is no head."""

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterable[Sequence]:
        """Tokenise in file order. With `training`, sequences without a target are left out as the reference does."""

    def loss(self, logits_NC: Any, targets: Any, rows_per_sequence: Any, task: Task) -> Any:
        """Sum (never mean) of unit losses, fp32 scalar. `logits_NC` holds the head's output for all rows of all
        sequences, in order; `targets` int64, the sequences' targets concatenated; `rows_per_sequence` int64 [S].
        Zero rows give a zero that is still connected to `logits_NC`."""

    def reduce(self, logits_NC: Any, rows_per_sequence: Any, task: Task) -> list[Any]:
        """Shrink logits on the device to what decoding needs: one small CPU object a sequence."""

    def decode(self, example: Example, parts: Seq[tuple[Sequence, Any]], task: Task) -> Prediction:
        """Join what `reduce` kept of all sequences of one example into its prediction."""

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """Metrics in percent of one language from its prediction rows ("id", "gold" and "prediction" as parsed JSON,
        "score")."""
