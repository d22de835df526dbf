"""How sure a task's scores are, and their differences between two models: bootstrap intervals from prediction rows.

What an interval covers is the choice of the test items, and nothing else: not another training seed, and not another
threshold of mined pairs, which is held at the one that was tuned.

An item is what has one id, in whatever language, so that the translations of one question are drawn together (see
`ds_stilts.statistics.bootstrap`; LAReQA's ids end in the language, which is taken off). There is an interval of a
metric only if it is made of sums over items: all but correlations, and the oracles that look at the gold.
"""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from operator import eq
from pathlib import Path
from typing import Any

import numpy as np

from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats import answers, metrics, mining, ranking
from ds_stilts.formats.sentence_pair import positive_label
from ds_stilts.statistics.bootstrap import MIN_ITEMS, Interval, Tally, interval, resampled
from ds_stilts.tasks.task import Task

Ratios = tuple[np.ndarray, np.ndarray]
"""What each of N items adds to numerators and denominators, [N, C] each (see `Tally`)."""
SEED = 0
"""The same everywhere: an interval is a function of the rows."""


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Of one task, in percent or points; None where there are too few items, or all draws are alike."""

    languages: dict[str, Interval | None]
    score: Interval | None
    """Of the mean over languages."""


def tally(task: Task, rows: Seq[Mapping[str, Any]], language: str) -> Tally | None:
    """The sums behind a language's value, the mean of the task's `value_metrics`; None where one has none.

    Raises:
        DataError: as the format's `score`.
    """
    count = _COUNTS.get(task.format)
    if count is None or (task.format == "span_qa" and task.no_answer):
        return None
    items, ratios = count(task, rows, language)
    if any(metric not in ratios for metric in task.value_metrics):
        return None
    own = [ratios[metric] for metric in task.value_metrics]
    width = max(over.shape[1] for over, _ in own)
    over, under = (
        np.stack([np.pad(pair[side], ((0, 0), (0, width - pair[side].shape[1]))) for pair in own], axis=1)
        for side in (0, 1)
    )
    ids = np.array([row["id"].removesuffix(f"_{language}") for row in items])
    return Tally(ids=ids, over=over.astype(np.float64), under=under.astype(np.float64))


def read_tally(task: Task, folder: Path, language: str) -> Tally | None:
    """The `tally` of a language's stored rows."""
    return tally(task, read_rows(folder, language), language)


def score_intervals(tallies: Mapping[str, Tally | None]) -> Intervals:
    """Intervals of one model's values, from its languages' tallies."""
    return _intervals({code: None if one is None else (one,) for code, one in tallies.items()})


def paired_intervals(ours: Mapping[str, Tally | None], theirs: Mapping[str, Tally | None]) -> Intervals:
    """Intervals of ours minus theirs, of the languages that both have, item by item; None where items differ."""
    return _intervals({code: _pair(ours[code], theirs[code]) for code in ours if code in theirs})


def _pair(ours: Tally | None, theirs: Tally | None) -> tuple[Tally, ...] | None:
    if ours is None or theirs is None or not np.array_equal(ours.ids, theirs.ids):
        return None
    return ours, theirs


def _intervals(groups: Mapping[str, tuple[Tally, ...] | None]) -> Intervals:
    """Of each language's value, or of the first minus the second of two."""
    large = {code: group for code, group in groups.items() if group is not None and len(group[0].ids) >= MIN_ITEMS}
    if not large:
        return Intervals(languages=dict.fromkeys(groups), score=None)
    drawn = resampled([one for group in large.values() for one in group], seed=SEED)
    sides = drawn.reshape(len(drawn), len(large), -1)
    values = sides[..., 0] - sides[..., 1:].sum(axis=-1)
    found = {code: interval(values[:, place]) for place, code in enumerate(large)}
    whole = interval(values.mean(axis=1)) if len(large) == len(groups) else None
    return Intervals(languages={code: found.get(code) for code in groups}, score=whole)


Counted = tuple[Seq[Mapping[str, Any]], dict[str, Ratios]]
"""The rows that count, and the ratios of each metric that is made of sums."""


def _chosen(task: Task, rows: Seq[Mapping[str, Any]], language: str) -> Counted:
    """One answer of several: classes, choices, nearest neighbours."""
    known = metrics.with_gold(rows, task.name, language)
    ratios = {"accuracy": _mean([row["gold"] == row["prediction"] for row in known])}
    if task.labels:
        gold, guess = (
            np.array([[row[side] == label for label in task.labels] for row in known])
            for side in ("gold", "prediction")
        )
        over, under = 2 * (gold & guess), gold.astype(int) + guess
        place = task.labels.index(positive_label(task))
        ratios |= {"macro_f1": (over, under), "f1": (over[:, [place]], under[:, [place]])}
    return known, ratios


def _tagged(task: Task, rows: Seq[Mapping[str, Any]], language: str) -> Counted:
    known = metrics.with_gold(rows, task.name, language)
    golds, guesses = [row["gold"] for row in known], [row["prediction"] for row in known]
    words = [(sum(map(eq, gold, guess)), len(gold)) for gold, guess in zip(golds, guesses, strict=True)]
    right, num_words = np.array(words)[:, :1], np.array(words)[:, 1:]
    return known, {"accuracy": (right, num_words), "f1": _f1(metrics.chunk_counts(golds, guesses))}


def _answered(task: Task, rows: Seq[Mapping[str, Any]], language: str) -> Counted:
    known = metrics.with_gold(rows, task.name, language)
    normalise = answers.normaliser(task.answer_normaliser, language)
    pairs = [answers.best_of_golds(row["prediction"], row["gold"], normalise) for row in known]
    return known, {
        "exact_match": _mean([exact for exact, _ in pairs]),
        "f1": _mean([f1 for _, f1 in pairs]),
    }


def _ranked(task: Task, rows: Seq[Mapping[str, Any]], language: str) -> Counted:
    metrics.with_gold(rows, task.name, language)
    known = [row for row in rows if row["gold"] is not None]
    return known, {"map@20": _mean([ranking.average_precision(row["prediction"], row["gold"]) for row in known])}


def _mined(task: Task, rows: Seq[Mapping[str, Any]], language: str) -> Counted:
    scored, threshold = mining.held_out(rows, task.name, language)
    return scored, {"f1": _f1(mining.pair_counts(scored, threshold))}


def _mean(values: Seq[float]) -> Ratios:
    over = np.asarray(values, np.float64)[:, None]
    return over, np.ones_like(over)


def _f1(counts_N3: np.ndarray) -> Ratios:
    """From right, predicted and gold ones of each item."""
    return 2 * counts_N3[:, :1], counts_N3[:, 1:].sum(axis=1, keepdims=True)


_COUNTS: Mapping[str, Callable[[Task, Seq[Mapping[str, Any]], str], Counted]] = {
    "sentence_pair": _chosen,
    "multiple_choice": _chosen,
    "retrieval": _chosen,
    "tagging": _tagged,
    "span_qa": _answered,
    "ranking": _ranked,
    "mining": _mined,
}
"""By `Task.format`."""
