"""Masked language modelling (Devlin et al. 2019) and its translation variant (Conneau & Lample 2019).

Which tokens are predicted is drawn anew for each step by `mask`; how many is fixed by `num_masked`, so that the loss
can be normalised over all ranks before anything is drawn. The generator, and so the data order, belongs to the caller.
"""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Sequence as Seq
from typing import Any, NoReturn

import numpy as np
from torch import Tensor

from ds_stilts.errors import RecipeError
from ds_stilts.formats.base import Format, Limits, Sequence
from ds_stilts.formats.encoding import batches, encode_texts, join_texts, read_template
from ds_stilts.formats.logits import sum_cross_entropy
from ds_stilts.tasks.examples import Example, TextExample
from ds_stilts.tasks.task import Task

MASK_SHARE, RANDOM_SHARE = 0.8, 0.1
"""Of the predicted tokens: shown as the mask, shown as a random token; the rest is shown as it is (BERT's 80/10/10)."""


def num_masked(num_maskable: int, rate: float) -> int:
    """Tokens predicted of `num_maskable`: the rounded share `rate`, at least one where there is any."""
    return max(1, round(rate * num_maskable)) if num_maskable else 0


def mask(
    ids: np.ndarray,
    special_ids: Collection[int],
    vocabulary_size: int,
    mask_id: int,
    rate: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose exactly `num_masked` of the tokens that are not special, without replacement, and hide them.

    Args:
        ids: integers [T], with special tokens.
        special_ids: ids that are neither predicted nor drawn as random tokens; the mask never is.
        vocabulary_size: random tokens are drawn from 0 to this (exclusive).

    Returns:
        The ids to show [T] (a copy), the predicted indices int64 [R] rising, and the true ids there int64 [R].
    """
    excluded = np.array(sorted({*special_ids, mask_id}), dtype=np.int64)
    maskable = np.flatnonzero(~np.isin(ids, excluded))
    rows = np.sort(rng.choice(maskable, size=num_masked(len(maskable), rate), replace=False))
    targets = ids[rows].astype(np.int64)
    # Draw among the ordinary ids by rank, then step over each special id below: no table of the vocabulary is needed.
    random_ids = rng.integers(0, vocabulary_size - len(excluded), size=len(rows))
    for special in excluded:
        random_ids += random_ids >= special
    fate = rng.random(len(rows))
    shown = np.where(fate < MASK_SHARE, mask_id, np.where(fate < MASK_SHARE + RANDOM_SHARE, random_ids, targets))
    masked = ids.copy()
    masked[rows] = shown
    return masked, rows.astype(np.int64), targets


class MaskedLM:
    """See the module; `FORMAT` is its only instance."""

    name = "masked_lm"
    head = "masked_lm"
    targets_per_unit = 1

    def num_outputs(self, task: Task) -> int:
        """0: the model's vocabulary fixes the width."""
        return 0

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterator[Sequence]:
        """One sequence a line, cut at `max_tokens`, rows and targets empty; with `training`, lines without a token
        are left out.

        A line with a translation becomes a pair, cut longest-first. Positions are the model's business: unlike in
        Conneau & Lample 2019 they are not reset at the translation in this version, nor are there language embeddings.

        With `limits.join_lines`, lines without a translation fill sequences together; the last one of `examples` may be
        short.
        """
        if limits.join_lines:
            for ids, index in join_texts(tokenizer, lone_lines(examples), limits.max_tokens):
                yield Sequence(ids=ids, example=index, rows=[], targets=[], info=[])
            return
        template = read_template(tokenizer)
        for batch in batches([*enumerate(examples)]):
            texts: list[tuple[str, str | None]] = []
            for _, example in batch:
                assert isinstance(example, TextExample)
                texts.append((example.text, example.translation))
            for (index, _), (ids, second) in zip(batch, encode_texts(tokenizer, texts, limits.max_tokens), strict=True):
                if len(ids) > (template.num_pair if second else template.num_single) or not training:
                    yield Sequence(ids=ids, example=index, second=second, rows=[], targets=[], info=[])

    def loss(self, logits_NC: Tensor, targets: Tensor, rows_per_sequence: Any, task: Task) -> Tensor:
        """Summed cross entropy of logits [masked, vocabulary] and targets [masked]."""
        return sum_cross_entropy(logits_NC, targets)

    def reduce(self, logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> NoReturn:
        """Raises RecipeError: see `score`."""
        _refuse(task)

    def decode(self, example: Example, parts: Seq[tuple[Sequence, Any]], task: Task) -> NoReturn:
        """Raises RecipeError: see `score`."""
        _refuse(task)

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> NoReturn:
        """Raises RecipeError: loss and perplexity come from training's own numbers, not from predictions."""
        _refuse(task)


def lone_lines(examples: Seq[Example]) -> list[tuple[int, str]]:
    """Index and text of each line.

    Raises:
        RecipeError: one has a translation, and so cannot be joined with others.
    """
    lines = []
    for index, example in enumerate(examples):
        assert isinstance(example, TextExample)
        if example.translation is not None:
            raise RecipeError(
                f"join_lines: line '{example.id}' has a translation, with which it is a pair of its own; remove the "
                "key from this task"
            )
        lines.append((index, example.text))
    return lines


def _refuse(task: Task) -> NoReturn:
    raise RecipeError(
        f"task '{task.name}': masked LM is not scored, it is only trained on; remove it from the recipe's targets"
    )


FORMAT: Format = MaskedLM()
