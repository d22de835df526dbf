"""Metrics as their communities compute them, on plain values and in percent.

Accuracy and binary F1; correlations; chunk F1 of seqeval 0.0.12, the version behind XTREME's published tagging scores.
Answers of questions are compared in `answers`. Where values come from (files, prediction rows) is not decided here.
"""

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence as Seq
from itertools import chain, count
from operator import eq
from typing import Any

import numpy as np

from ds_stilts.errors import DataError


def with_gold(rows: Seq[Mapping[str, Any]], task_name: str, language: str) -> list[Mapping[str, Any]]:
    """The rows whose gold is known.

    Raises:
        DataError: there is none, so nothing can be scored.
    """
    known = [row for row in rows if row["gold"] not in (None, [])]
    if not known:
        raise DataError(
            f"task '{task_name}', language '{language}': none of the {len(rows)} predictions has a gold label, so "
            "there is no score; put the official label file beside the examples or choose another split"
        )
    return known


def accuracy(golds: Seq[Any], predictions: Seq[Any]) -> float:
    """Share of equal values."""
    return 100.0 * _num_equal(golds, predictions) / len(golds)


def _num_equal(golds: Seq[Any], predictions: Seq[Any]) -> int:
    if len(golds) != len(predictions):
        raise ValueError(f"{len(golds)} golds for {len(predictions)} predictions")
    return sum(map(eq, golds, predictions))  # `map` stays in C: a tag file has millions of words


def binary_f1(golds: Seq[Any], predictions: Seq[Any], positive: Any) -> float:
    """F1 of the class `positive`; 0 when it is neither in the gold nor predicted (as scikit-learn's default)."""
    both = sum(gold == guess == positive for gold, guess in zip(golds, predictions, strict=True))
    named = sum(value == positive for value in chain(golds, predictions))
    return 100.0 * 2 * both / named if named else 0.0


def pearson(golds: Seq[float], predictions: Seq[float]) -> float:
    """Pearson's correlation, -100 to 100; 0 where one side is constant, for which it is not defined."""
    return _correlation(np.asarray(golds, np.float64), np.asarray(predictions, np.float64))


def spearman(golds: Seq[float], predictions: Seq[float]) -> float:
    """Spearman's correlation: Pearson's of the ranks, where equal values share the mean of their ranks."""
    return _correlation(_ranks(golds), _ranks(predictions))


def _ranks(values: Seq[float]) -> np.ndarray:
    _, inverse, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def _correlation(golds: np.ndarray, predictions: np.ndarray) -> float:
    if len(golds) != len(predictions):
        raise ValueError(f"{len(golds)} golds for {len(predictions)} predictions")
    if np.ptp(golds) == 0 or np.ptp(predictions) == 0:
        return 0.0
    unit = [side / np.linalg.norm(side) for side in (golds - golds.mean(), predictions - predictions.mean())]
    return 100.0 * float(np.clip(unit[0] @ unit[1], -1.0, 1.0))


def chunks(tags: Seq[str]) -> set[tuple[str, int, int]]:
    """Chunks (type, first, last) of one tag sequence, as `get_entities` of seqeval 0.0.12 finds them.

    The first letter of a tag is its position (B I E S O, anything else counts as inside), what follows the last "-"
    its type; a tag without "-" is its own type. Hence, for part-of-speech tags: neighbours with the same tag are one
    chunk (NOUN NOUN), but SCONJ and SYM, which begin with the S of "single", stand alone, and a tag that begins with
    O is outside.
    """
    table = _TagTable()
    first, kind = _chunk_ends([tags], table)
    names = {number: name for name, number in table.kinds.items()}
    return {(names[kind[last]], int(first[last]), int(last)) for last in np.flatnonzero(first >= 0)}


def chunk_scores(golds: Seq[Seq[str]], predictions: Seq[Seq[str]]) -> dict[str, float]:
    """Micro `f1`, `precision` and `recall` of chunks over sentences, digit for digit those of seqeval 0.0.12.

    As there, sentences are strung together with an "O" after each, so one prediction of another length than its
    sentence would shift all that follow: callers check lengths.
    """
    table = _TagTable()
    (true_first, true_kind), (first, kind) = (_chunk_ends(side, table) for side in (golds, predictions))
    num_true, num_guessed = int((true_first >= 0).sum()), int((first >= 0).sum())
    both = min(len(first), len(true_first))
    same = (first[:both] == true_first[:both]) & (kind[:both] == true_kind[:both])
    right = int((same & (first[:both] >= 0)).sum())
    precision = right / num_guessed if num_guessed else 0.0
    recall = right / num_true if num_true else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"f1": 100.0 * f1, "precision": 100.0 * precision, "recall": 100.0 * recall}


def chunk_counts(golds: Seq[Seq[str]], predictions: Seq[Seq[str]]) -> np.ndarray:
    """Right, predicted and gold chunks of each sentence, int64 [N, 3], whose sums make the `chunk_scores`.

    A prediction is as long as its sentence; so no chunk reaches over the "O" between two sentences.
    """
    table = _TagTable()
    (true_first, true_kind), (first, kind) = (_chunk_ends(side, table) for side in (golds, predictions))
    right = (first >= 0) & (first == true_first) & (kind == true_kind)
    ends = np.cumsum([len(sentence) + 1 for sentence in golds]) - 1  # places of the "O" behind each sentence
    sums = [np.concatenate(([0], np.cumsum(chunk)))[ends] for chunk in (right, first >= 0, true_first >= 0)]
    return np.stack([np.diff(each, prepend=0) for each in sums], axis=1)


def chunk_f1(golds: Seq[Seq[str]], predictions: Seq[Seq[str]]) -> float:
    """The `f1` of `chunk_scores`."""
    return chunk_scores(golds, predictions)["f1"]


class _TagTable(dict[str, int]):
    """Numbers for distinct tags in order of appearance; what seqeval reads from a tag's letters, once a tag."""

    def __init__(self) -> None:
        self.kinds: defaultdict[str, int] = defaultdict(count().__next__)
        self.kind: list[int] = []
        self.position: list[str] = []

    def __missing__(self, tag: str) -> int:
        self.position.append(tag[:1])
        self.kind.append(self.kinds[tag.split("-")[-1]])
        self[tag] = len(self)
        return self[tag]


def _chunk_ends(sentences: Seq[Seq[str]], table: _TagTable) -> tuple[np.ndarray, np.ndarray]:
    """Of each place in the sentences strung together: where the chunk begins that ends here (-1: none does), and its
    type's number."""
    strung = chain.from_iterable(part for sentence in sentences for part in (sentence, ("O",)))
    tags = np.fromiter(map(table.__getitem__, chain(("O",), strung)), np.int64)  # seqeval begins outside any chunk
    kinds = np.array(table.kind)[tags]
    kinds[0] = table.kinds[""]
    letters = np.array(table.position)
    # [tags]: whether the tag at each place is one of these
    b_or_s, e_or_s, b_or_i, e_or_i, outside, outside_or_dot = (
        np.isin(letters, list(group))[tags] for group in ("BS", "ES", "BI", "EI", "O", "O.")
    )
    changed = kinds[:-1] != kinds[1:]
    ends = e_or_s[:-1] | (b_or_i[:-1] & (b_or_s | outside)[1:]) | (~outside_or_dot[:-1] & changed)
    begins = b_or_s[1:] | ((e_or_s | outside)[:-1] & e_or_i[1:]) | (~outside_or_dot[1:] & changed)
    # `ends` at a place is known at the next one's tag; the last place is an "O", at which nothing is open
    first = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    return np.where(ends[1:], first[:-1], -1), kinds[1:-1]
