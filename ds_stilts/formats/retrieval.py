"""Sentence retrieval: which corpus sentence is the translation of a query, by cosine of mean-pooled states.

Nothing is trained here. Sequences are single sentences whose rows are all tokens, special ones included (XTREME's and
jiant's default pooling), `reduce` pools, and `match` searches once all sentences are embedded. Which layer the states
come from is the caller's; mining with margins (BUCC) does not live here.
"""

import json
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Seq
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ds_stilts.errors import RecipeError
from ds_stilts.formats import metrics
from ds_stilts.formats.base import Format, Limits, Prediction, Sequence
from ds_stilts.formats.encoding import batches, encode_texts
from ds_stilts.formats.logits import row_counts
from ds_stilts.tasks.examples import BitextExample, Example
from ds_stilts.tasks.task import Task

BLOCK = 4096
"""Default edge of a block of similarities: 64 MiB in fp32."""
TIE = 5e-7
"""Cosines closer than this are equal: some units in the last place of fp32 near 1, the noise that one sentence's
cosine carries between batches and blocks, on which the choice among identical sentences would depend otherwise."""


def nearest(query_ND: Tensor, corpus_MD: Tensor, block: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Index int64 [N] of the corpus vector with the largest cosine to each query, and that cosine fp32 [N].

    Exact search in fp32, in blocks of `block` x `block`. Among cosines equal up to `TIE` the lowest index wins.
    """
    assert corpus_MD.shape[0] > 0, "nothing to search in"
    precision = torch.get_float32_matmul_precision()
    # TF32 keeps 10 bits, far too few to tell neighbours in an anisotropic space apart.
    torch.set_float32_matmul_precision("highest")
    try:
        corpus = normalize(corpus_MD.detach().float(), dim=1).split(block)
        found = [_nearest(queries, corpus) for queries in normalize(query_ND.detach().float(), dim=1).split(block)]
    finally:
        torch.set_float32_matmul_precision(precision)
    return torch.cat([index for index, _ in found]), torch.cat([cosine for _, cosine in found])


def _nearest(queries: Tensor, corpus: Seq[Tensor]) -> tuple[Tensor, Tensor]:
    """Two passes: the largest cosine over all blocks, then the first index that reaches it."""
    best = torch.full((queries.shape[0],), float("-inf"), device=queries.device)
    for part in corpus:
        best = torch.maximum(best, (queries @ part.T).amax(dim=1))
    index = torch.full_like(best, -1, dtype=torch.int64)
    start = 0
    for part in corpus:
        reached = (queries @ part.T) >= (best - TIE)[:, None]
        here = (index < 0) & reached.any(dim=1)
        index = torch.where(here, start + reached.int().argmax(dim=1), index)
        start += part.shape[0]
    return index, best


def match(
    queries: Seq[BitextExample], query_ND: Tensor, corpus: Seq[BitextExample], corpus_MD: Tensor, block: int = BLOCK
) -> list[Prediction]:
    """The prediction of each query: the id of its nearest corpus sentence, scored by the cosine."""
    assert len(queries) == query_ND.shape[0] and len(corpus) == corpus_MD.shape[0]
    indices, cosines = nearest(query_ND, corpus_MD, block)
    return [
        Prediction(
            gold=json.dumps(query.match, ensure_ascii=False),
            prediction=json.dumps(corpus[index].id, ensure_ascii=False),
            score=cosine,
        )
        for query, index, cosine in zip(queries, indices.tolist(), cosines.tolist(), strict=True)
    ]


class Retrieval:
    """See the module; `FORMAT` is its only instance."""

    name = "retrieval"
    head = "embedding"
    targets_per_unit = 1

    def num_outputs(self, task: Task) -> int:
        """0: there is no head."""
        return 0

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterator[Sequence]:
        """One sequence a sentence, cut at `max_tokens`, all of whose tokens are rows.

        Raises:
            RecipeError: asked to train.
        """
        if training:
            _refuse_training(task)
        for batch in batches([*enumerate(examples)]):
            texts: list[tuple[str, str | None]] = []
            for _, example in batch:
                assert isinstance(example, BitextExample)
                texts.append((example.text, None))
            for (index, _), (ids, _) in zip(batch, encode_texts(tokenizer, texts, limits.max_tokens), strict=True):
                yield Sequence(ids=ids, example=index, rows=list(range(len(ids))), targets=[], info=[])

    def loss(self, logits_NC: Tensor, targets: Tensor, rows_per_sequence: Any, task: Task) -> NoReturn:
        """Raises RecipeError: retrieval is scored straight from the encoder."""
        _refuse_training(task)

    def reduce(self, logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> list[np.ndarray]:
        """Mean of the states [N, D] of each sequence, fp32 [D]; a sequence's mean depends on its own states alone."""
        counts = row_counts(rows_per_sequence)
        if not counts:
            return []
        pooled = torch.stack([states.mean(dim=0) for states in logits_NC.detach().float().split(counts)])
        return list(pooled.cpu().numpy())

    def decode(self, example: Example, parts: Seq[tuple[Sequence, np.ndarray]], task: Task) -> NoReturn:
        """A sentence alone has no prediction: pool all with `reduce`, then call `match`."""
        raise TypeError("retrieval is decoded over a whole corpus: call ds_stilts.formats.retrieval.match")

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """`accuracy` at rank 1 over the queries with a gold sentence."""
        known = metrics.with_gold(rows, task.name, language)
        return {"accuracy": metrics.accuracy([row["gold"] for row in known], [row["prediction"] for row in known])}


def _refuse_training(task: Task) -> NoReturn:
    raise RecipeError(
        f"task '{task.name}' is sentence retrieval, which is only scored; remove it from the training tasks"
    )


FORMAT: Format = Retrieval()
