"""Bitext mining: which sentences of two monolingual pools translate each other, where most have no counterpart (BUCC).

Margin mining of Artetxe and Schwenk (2019, arXiv:1811.01136) with the settings of XTREME's `mine_bitext`
(third_party/utils_retrieve.py, 838c13b): cosine, ratio margin, 4 neighbours, retrieval "max". Two things differ, on
purpose. XTREME mines with the last vector of a repeated sentence and then leaves every pair with such a sentence out,
gold or not; here a repeated sentence is one sentence, named by its first id. And XTREME tunes the threshold on the very
gold that it scores with; here it is tuned on one half of the sentences and applied to the other.
"""

import json
from collections.abc import Mapping
from collections.abc import Sequence as Seq
from typing import Any

import numpy as np
import torch
import xxhash
from torch import Tensor

from ds_stilts.errors import DataError
from ds_stilts.formats import metrics
from ds_stilts.formats.base import Format, Prediction
from ds_stilts.formats.embedding import Embedding, by_key, distinct
from ds_stilts.formats.search import BLOCK, top_k_both_ways
from ds_stilts.tasks.examples import Example, SearchExample
from ds_stilts.tasks.task import Task

NEIGHBOURS = 4


def mine(source_ND: Tensor, target_MD: Tensor, block: int = BLOCK) -> dict[int, tuple[int, float]]:
    """Source index → (target index, margin); each sentence of either side is used at most once.

    The margin of a pair is its cosine over the mean of two means: of the source's cosines to its `NEIGHBOURS` nearest
    targets, and of the target's to its nearest sources (equation 2 there, as a ratio). Candidates are the best target
    of each source and the best source of each target among those neighbours; they are taken from the largest margin
    down, as long as both sentences are free and the margin is positive. Of equal margins the earlier goes first:
    candidates of sources before those of targets, each in file order.
    """
    forward, backward = top_k_both_ways(source_ND, target_MD, NEIGHBOURS, block)
    near_source, near_target = forward[1].mean(dim=1), backward[1].mean(dim=1)
    best_target, source_margin = _best(*forward, near_source, near_target)
    best_source, target_margin = _best(*backward, near_target, near_source)
    sources = torch.cat([torch.arange(len(source_ND), device=best_source.device), best_source])
    targets = torch.cat([best_target, torch.arange(len(target_MD), device=best_target.device)])
    margins = torch.cat([source_margin, target_margin])
    order = margins.argsort(descending=True, stable=True)
    order = order[margins[order] > 0]
    taken = order[_one_to_one(sources[order], targets[order], len(source_ND), len(target_MD))]
    pairs = zip(targets[taken].tolist(), margins[taken].tolist(), strict=True)
    return dict(zip(sources[taken].tolist(), pairs, strict=True))


def _one_to_one(source_P: Tensor, target_P: Tensor, num_sources: int, num_targets: int) -> Tensor:
    """Indices of the pairs that are taken, one after another, as long as both their sentences are free; ascending.

    A pair that is the first left of both its sentences is taken whatever becomes of others; so all such pairs are taken
    at once, and again among what they leave. Each round takes at least the first that is left; of encoders' sentences a
    handful take all.
    """
    left = torch.arange(len(source_P), device=source_P.device)
    taken = [left[:0]]
    while len(left):
        source, target = source_P[left], target_P[left]
        first_of_source = _first(source, left, num_sources)
        first_of_target = _first(target, left, num_targets)
        now = left[(first_of_source[source] == left) & (first_of_target[target] == left)]
        taken.append(now)
        used_source, used_target = _marked(source_P[now], num_sources), _marked(target_P[now], num_targets)
        left = left[~(used_source[source] | used_target[target])]
    return torch.cat(taken).sort().values


def _first(own_P: Tensor, pair_P: Tensor, num: int) -> Tensor:
    """The lowest of each sentence's pairs [num]."""
    none = torch.full((num,), torch.iinfo(torch.int64).max, device=own_P.device)
    return none.scatter_reduce(0, own_P, pair_P, "amin")


def _marked(own_P: Tensor, num: int) -> Tensor:
    return torch.zeros(num, dtype=torch.bool, device=own_P.device).index_fill(0, own_P, True)


def _best(neighbour_NK: Tensor, cosine_NK: Tensor, near_N: Tensor, near_M: Tensor) -> tuple[Tensor, Tensor]:
    """Each one's neighbour with the largest margin [N], the nearest of equals, and that margin [N]."""
    margin_NK = cosine_NK / ((near_N[:, None] + near_M[neighbour_NK]) / 2)
    # argmax leaves open which of equal values it takes, but for whole numbers it is the first
    best = (margin_NK == margin_NK.amax(dim=1, keepdim=True)).int().argmax(dim=1, keepdim=True)
    return neighbour_NK.gather(1, best).squeeze(1), margin_NK.gather(1, best).squeeze(1)


def best_threshold(scores: Seq[float], right: Seq[bool], num_gold: int) -> float:
    """The least score at which a mined pair should be kept so that F1 is highest; of equals, the highest such score.

    As XTREME's `bucc_optimize`: half-way between the last pair kept and the next, and 0 (keep all) where no pair is
    right. Unlike there, pairs of one score are kept or dropped together, and where all are to be kept it is the lowest
    score (the original stops with an IndexError).

    Args:
        scores: of all mined pairs.
        right: whether each is a gold pair.
        num_gold: gold pairs in all, mined or not.
    """
    if not any(right):
        return 0.0
    order = np.argsort(-np.asarray(scores), kind="stable")
    sorted_scores = np.asarray(scores, dtype=np.float64)[order]
    num_right = np.cumsum(np.asarray(right)[order])
    f1 = 2 * num_right / (np.arange(1, len(order) + 1) + num_gold)
    is_cut: np.ndarray = np.append(sorted_scores[:-1] > sorted_scores[1:], True)
    last = int(np.where(is_cut, f1, -1.0).argmax())
    kept, dropped = sorted_scores[last], sorted_scores[min(last + 1, len(order) - 1)]
    return float((kept + dropped) / 2)


def mining_scores(rows: Seq[Mapping[str, Any]], threshold: float) -> dict[str, float]:
    """`f1`, `precision` and `recall` in percent of the pairs whose margin is at least `threshold`.

    This is what to call with a threshold from another split (BUCC's sample set for its training set): `threshold_of`
    that split's rows.

    Args:
        rows: one for each source sentence, with a gold pair or without: those without count against precision.
    """
    num_right, num_kept, num_gold = (int(total) for total in pair_counts(rows, threshold).sum(axis=0))
    return {
        "f1": 100.0 * 2 * num_right / (num_kept + num_gold) if num_right else 0.0,
        "precision": 100.0 * num_right / num_kept if num_kept else 0.0,
        "recall": 100.0 * num_right / num_gold if num_gold else 0.0,
    }


def pair_counts(rows: Seq[Mapping[str, Any]], threshold: float) -> np.ndarray:
    """Right, kept and gold pairs of each source sentence, int64 [N, 3], whose sums make the `mining_scores`."""
    counts: np.ndarray = np.zeros((len(rows), 3), dtype=np.int64)
    for count, row in zip(counts, rows, strict=True):
        kept = row["prediction"] is not None and row["score"] >= threshold
        count[:] = kept and _is_right(row), kept, len(row["gold"] or ())
    return counts


def threshold_of(rows: Seq[Mapping[str, Any]]) -> float:
    """The `best_threshold` of prediction rows."""
    mined = [row for row in rows if row["prediction"] is not None]
    return best_threshold([row["score"] for row in mined], [_is_right(row) for row in mined], _num_gold(rows))


def _is_right(row: Mapping[str, Any]) -> bool:
    return row["prediction"] in (row["gold"] or ())


def _num_gold(rows: Seq[Mapping[str, Any]]) -> int:
    return sum(len(row["gold"] or ()) for row in rows)


class Mining(Embedding):
    """See the module; `FORMAT` is its only instance."""

    name = "mining"

    def match(self, examples: Seq[Example], vectors_ND: Tensor) -> dict[int, Prediction]:
        """One prediction for each different query sentence, under its first id.

        Gold: ids of the sentences that it is paired with, or null; prediction: id of the sentence mined for it, or null
        (score 0). Repeated sentences on the other side are named by their first id in both.
        """
        sources, targets = distinct(examples, "query"), distinct(examples, "corpus")
        mined = mine(vectors_ND[[own[0] for own in sources]], vectors_ND[[own[0] for own in targets]])
        names = {index: examples[own[0]].id for own in targets for index in own}
        partners = by_key(examples)
        predictions = {}
        for place, own in enumerate(sources):
            gold = {names[index]: None for key in _keys(examples, own) for index in partners.get(key, ())}
            target, margin = mined.get(place, (None, 0.0))
            found = None if target is None else names[targets[target][0]]
            predictions[own[0]] = Prediction(
                gold=json.dumps(list(gold) or None, ensure_ascii=False),
                prediction=json.dumps(found, ensure_ascii=False),
                score=margin,
            )
        return predictions

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """`f1`, `precision`, `recall` on the half of sentences that the threshold was not tuned on, and `f1_oracle`.

        A sentence's half is drawn by its id. `f1_oracle` is XTREME's way: tuned on what it scores, all.

        Raises:
            DataError: as `held_out`.
        """
        oracle = mining_scores(rows, threshold_of(rows))["f1"]
        return {**mining_scores(*held_out(rows, task.name, language)), "f1_oracle": oracle}


def held_out(rows: Seq[Mapping[str, Any]], task_name: str, language: str) -> tuple[list[Mapping[str, Any]], float]:
    """The half of the sentences that is scored, and the threshold from the other one.

    Raises:
        DataError: as `halves`.
    """
    tune, scored = halves(rows, task_name, language)
    return scored, threshold_of(tune)


def tuning_f1(rows: Seq[Mapping[str, Any]], task_name: str, language: str) -> float:
    """F1 in percent of the half that the threshold comes from, by that threshold: for choosing among ways of embedding
    without a look at what is scored.

    Raises:
        DataError: as `halves`.
    """
    tune, _ = halves(rows, task_name, language)
    return mining_scores(tune, threshold_of(tune))["f1"]


def halves(
    rows: Seq[Mapping[str, Any]], task_name: str, language: str
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The half of the sentences that choices are made on, and the half that is scored; drawn by a sentence's id.

    Raises:
        DataError: no gold, or none in one of the halves.
    """
    metrics.with_gold(rows, task_name, language)
    tune: list[Mapping[str, Any]] = []
    scored: list[Mapping[str, Any]] = []
    for row in rows:
        (scored if xxhash.xxh3_64_intdigest(row["id"].encode()) % 2 else tune).append(row)
    if not (_num_gold(tune) and _num_gold(scored)):
        raise DataError(
            f"task '{task_name}', language '{language}': {_num_gold(rows)} gold pairs are too few to choose a "
            "threshold on one half and score on the other; score the whole set."
        )
    return tune, scored


def _keys(examples: Seq[Example], places: Seq[int]) -> list[str]:
    """Keys of several places of one text."""
    keys: list[str] = []
    for place in places:
        example = examples[place]
        assert isinstance(example, SearchExample)
        keys += example.keys or ()
    return keys


FORMAT: Format = Mining()
