"""What formats share that compare texts by the encoder's states: one vector a text, pooled; nothing is trained.

Sequences are single texts whose rows are all tokens, special ones included; `pool` makes a vector of their states, by
default the mean of all (XTREME's and jiant's). Predictions need all vectors together, so they come from `match`, not
from `decode`. Which layer the states come from is the caller's; how vectors are searched stands in `search`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
import torch
from torch import Tensor

from ds_stilts.errors import RecipeError
from ds_stilts.formats.base import Limits, Prediction, Sequence
from ds_stilts.formats.encoding import batches, encode_texts
from ds_stilts.formats.logits import row_counts
from ds_stilts.tasks.examples import BitextExample, Example, SearchExample
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Pool:
    """How the states of a text's tokens become one vector."""

    kind: Literal["mean", "cls"] = "mean"
    """Of all tokens; or the first token's, which is special."""
    before: int = 0
    """First tokens that the mean leaves out."""
    after: int = 0
    """Last tokens that it leaves out."""


class Embedding(ABC):
    """A `Format` without head: a format of this kind says how vectors are matched and scored."""

    name: str
    head = "embedding"
    targets_per_unit = 1
    joint: bool = False
    """Whether the texts of all languages are searched together, so that matching waits for the last of them."""

    @abstractmethod
    def match(self, examples: Seq[Example], vectors_ND: Tensor) -> dict[int, Prediction]:
        """Predictions by the index of their example, for those that get a row.

        Args:
            examples: all texts of one language, or of all languages where the format is `joint`.
            vectors_ND: the vector of each, fp32, on the device that is to search.
        """

    @abstractmethod
    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """As `Format.score`."""

    def num_outputs(self, task: Task) -> int:
        """0: there is no head."""
        return 0

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterator[Sequence]:
        """One sequence a text, cut at `max_tokens`, all of whose tokens are rows.

        Raises:
            RecipeError: asked to train.
        """
        if training:
            _refuse_training(task)
        for batch in batches([*enumerate(examples)]):
            texts: list[tuple[str, str | None]] = []
            for _, example in batch:
                assert isinstance(example, BitextExample | SearchExample)
                texts.append((example.text, None))
            for (index, _), (ids, _) in zip(batch, encode_texts(tokenizer, texts, limits.max_tokens), strict=True):
                yield Sequence(ids=ids, example=index, rows=list(range(len(ids))), targets=[], info=[])

    def loss(self, logits_NC: Tensor, targets: Tensor, rows_per_sequence: Any, task: Task) -> NoReturn:
        """Raises RecipeError: texts are compared straight from the encoder."""
        _refuse_training(task)

    def reduce(self, logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> list[np.ndarray]:
        """`pool` by the mean over all tokens."""
        return self.pool(logits_NC, rows_per_sequence, Pool())

    def pool(self, states_ND: Tensor, rows_per_sequence: Any, how: Pool) -> list[np.ndarray]:
        """One vector for each sequence, fp32 [D]; it depends on that sequence's own states alone.

        A text of which leaving out special tokens leaves nothing keeps them.
        """
        counts = row_counts(rows_per_sequence)
        if not counts:
            return []
        pooled = []
        for states in states_ND.detach().float().split(counts):
            own = states[how.before : len(states) - how.after]
            pooled.append(states[0] if how.kind == "cls" else (own if len(own) else states).mean(dim=0))
        return list(torch.stack(pooled).cpu().numpy())

    def decode(self, example: Example, parts: Seq[tuple[Sequence, np.ndarray]], task: Task) -> NoReturn:
        """A text alone has no prediction: pool all with `reduce`, then call `match`."""
        raise TypeError(f"{self.name} is decoded over a whole set: call match")


def distinct(examples: Seq[Example], side: str) -> list[list[int]]:
    """Each different text of one side, as the indices of the examples that have it; both in the order of examples.

    A text that stands several times (in BUCC 2018's zh-en sample 9 Chinese and 14 English sentences do) has one vector,
    and nothing could tell its places apart: it is searched once, and found for all.
    """
    places: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        assert isinstance(example, SearchExample)
        if example.side == side:
            places.setdefault(example.text, []).append(index)
    return list(places.values())


def by_key(examples: Seq[Example]) -> dict[str, list[int]]:
    """Indices of the corpus texts that hold each key."""
    found: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        assert isinstance(example, SearchExample)
        if example.side == "corpus":
            for key in example.keys or ():
                found.setdefault(key, []).append(index)
    return found


def gold_pairs(examples: Seq[Example], own: range) -> list[tuple[int, int]]:
    """Places of each query among `own` and of each corpus text that is right for it."""
    by_id = {e.id: place for place, e in enumerate(examples) if isinstance(e, BitextExample) and e.side == "corpus"}
    partners = by_key([e for e in examples if isinstance(e, SearchExample)]) if not by_id else {}
    pairs = []
    for place in own:
        query = examples[place]
        if isinstance(query, BitextExample) and query.side == "query" and query.match is not None:
            pairs.append((place, by_id[query.match]))
        elif isinstance(query, SearchExample) and query.side == "query":
            pairs += [(place, other) for key in query.keys or () for other in partners.get(key, ())]
    return pairs


def _refuse_training(task: Task) -> NoReturn:
    raise RecipeError(
        f"task '{task.name}' is searched with the encoder's states, which is only scored; remove it from the training "
        "tasks"
    )
