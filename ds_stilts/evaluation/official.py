"""Scores of one language from a file of predictions and one of labels, as XTREME's own script gives them.

Invariants: every number is that of `evaluate.py` of google-research/xtreme (838c13b) to the last bit, which is why
operations keep its order. Where that script counts something as wrong (or right) that is only written in another way,
or stops with a traceback, a `Remark` says so with our own value beside it. Totals live in `benchmarks`.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from collections.abc import Sequence as Seq
from dataclasses import asdict, dataclass, field
from itertools import chain
from operator import eq
from pathlib import Path
from typing import Any

from ds_stilts.evaluation.analysis import Analysis, analyse
from ds_stilts.evaluation.benchmarks import Benchmark, averages, task_score, totals
from ds_stilts.evaluation.layout import (
    FilePair,
    find_files,
    read_answers,
    read_choices,
    read_lines,
    read_pairs,
    read_questions,
    read_rankings,
    read_tags,
)
from ds_stilts.evaluation.validation import check_count, check_gold, check_ids, check_in_step, check_values, strange
from ds_stilts.formats import answers
from ds_stilts.formats.metrics import chunk_scores

Metrics = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What a number of the official script hides."""

    task: str
    language: str
    text: str
    own: Metrics = field(default_factory=dict)
    """The metrics as they are without it; {} where they are the same, or nobody can tell."""


@dataclass(frozen=True, kw_only=True)
class LanguageScores:
    """One language of one task."""

    metrics: Metrics
    remarks: list[Remark]


@dataclass(frozen=True, kw_only=True)
class TaskScores:
    """One task: its languages in the official order, the mean of each metric over them, its one number, and what lies
    behind that."""

    languages: dict[str, Metrics]
    averages: Metrics
    score: float
    analysis: Analysis


@dataclass(frozen=True, kw_only=True)
class FolderScores:
    """A whole folder of predictions, in percent."""

    benchmark: Benchmark
    tasks: dict[str, TaskScores]
    groups: dict[str, float]
    score: float | None
    """The total; None while a task or a language is missing."""
    missing: Mapping[str, list[str]]
    """Languages that were not scored, by task."""
    ignored: list[str]
    """Folders of predictions that are no task of the benchmark."""
    remarks: list[Remark]

    def as_json(self) -> dict[str, Any]:
        """As `ds-stilts score --json` prints it."""
        return {
            "benchmark": self.benchmark.name,
            "tasks": {
                name: {"languages": task.languages, "averages": task.averages, "score": task.score}
                for name, task in self.tasks.items()
            },
            "groups": self.groups,
            "score": self.score,
            "score_is_official": self.benchmark.score_is_official,
            "missing": dict(self.missing),
            "ignored": self.ignored,
            "remarks": [asdict(remark) for remark in self.remarks],
            "analysis": {name: asdict(task.analysis) for name, task in self.tasks.items()},
        }


def score_folder(predictions: Path, labels: Path, benchmark: Benchmark) -> FolderScores:
    """Score every language that both folders have files of.

    Groups and the total are given only where no language is missing.

    Raises:
        DataError: as `find_files` and `score_pair`.
    """
    found = find_files(predictions, labels, benchmark)
    tasks: dict[str, TaskScores] = {}
    remarks: list[Remark] = []
    for name, pairs in found.pairs.items():
        scored = {pair.language: score_pair(pair) for pair in pairs}
        languages = {language: one.metrics for language, one in scored.items()}
        means = averages(languages)
        task = pairs[0].task
        tasks[name] = TaskScores(
            languages=languages, averages=means, score=task_score(task, means), analysis=analyse(task, languages)
        )
        remarks += [remark for one in scored.values() for remark in one.remarks]
    whole = totals(benchmark, {name: one.score for name, one in tasks.items() if name not in found.missing})
    return FolderScores(
        benchmark=benchmark,
        tasks=tasks,
        groups=whole.groups,
        score=whole.score,
        missing=found.missing,
        ignored=found.ignored,
        remarks=remarks,
    )


def score_pair(pair: FilePair) -> LanguageScores:
    """Score one language.

    Raises:
        DataError: a file that cannot be read, or predictions and labels that do not belong together.
    """
    metrics, reasons, own = _SCORERS[pair.task.format](pair)
    changed = {} if own == metrics else own
    remarks = [Remark(task=pair.task.name, language=pair.language, text="; ".join(reasons), own=changed)]
    return LanguageScores(metrics=metrics, remarks=remarks if reasons else [])


Scored = tuple[Metrics, list[str], Metrics]
"""The official metrics, what they hide, and our own."""


def _labels(pair: FilePair) -> Scored:
    """Accuracy of lines compared as text (`accuracy`); a blank line on both sides is a correct example."""
    golds, guesses = read_lines(pair.labels), read_lines(pair.predictions)
    check_gold(pair.labels, [gold for gold in golds if gold])
    check_count(pair, guesses, golds)
    check_values(pair.predictions, guesses)
    kept = [place for place, gold in enumerate(golds) if gold]
    reasons = _strange(pair, guesses, set(kept))
    if len(kept) < len(golds):
        reasons.append(f"blank lines of the labels, which count as examples: {len(golds) - len(kept)}")
    own = _accuracy(*([_plain(side[place]) for place in kept] for side in (golds, guesses)))
    return _accuracy(golds, guesses), reasons, own


def _choices(pair: FilePair) -> Scored:
    """Accuracy of JSON values in the order of the file: "0" is not 0, `true` is 1, and `idx` is not looked at."""
    gold_rows, rows = read_choices(pair.labels), read_choices(pair.predictions)
    golds, guesses = ([row.values["label"] for row in side] for side in (gold_rows, rows))
    check_gold(pair.labels, [str(gold) for gold in golds])
    check_count(pair, guesses, golds)
    check_values(pair.predictions, map(str, guesses))
    reasons, places = _strange(pair, guesses), list(range(len(golds)))
    wanted, given = ([str(row.values.get("idx")) for row in side] for side in (gold_rows, rows))
    if wanted != given and sorted(wanted) == sorted(given) and len(set(given)) == len(given):
        reasons.append("idx in another order than in the labels, which is not looked at")
        places = [given.index(idx) for idx in wanted]
    own = _accuracy([_plain(str(gold)) for gold in golds], [_plain(str(guesses[place])) for place in places])
    return _accuracy(golds, guesses), reasons, own


def _accuracy(golds: Seq[Any], guesses: Seq[Any]) -> Metrics:
    return {"accuracy": sum(map(eq, guesses, golds)) / len(guesses) * 100}


def _plain(text: str) -> str:
    """A label as it is meant: "[367]", as XTREME's own driver writes Tatoeba, is 367; so are "367.0" and "0367"."""
    bare = text.strip("[]\"' ")
    return str(int(bare.partition(".")[0])) if re.fullmatch(r"[0-9]+(\.0*)?", bare) else bare


def _tags(pair: FilePair) -> Scored:
    """Chunk scores of seqeval 0.0.12 on whole lines, so that "word, tab, tag" is the tag (`f1`)."""
    golds, guesses = read_tags(pair.labels), read_tags(pair.predictions)
    check_gold(pair.labels, [tags[0] if len(set(tags)) == 1 else tuple(tags) for tags in golds])
    check_in_step(pair, guesses, golds)
    check_values(pair.predictions, chain.from_iterable(guesses))
    metrics, reasons = chunk_scores(golds, guesses), _strange(pair, guesses)
    own = chunk_scores(*([[line.split("\t")[-1] for line in tags] for tags in side] for side in (golds, guesses)))
    return metrics, reasons, own if reasons else metrics


def _mined(pair: FilePair) -> Scored:
    """F1 of sets of lines, in which all blank lines together are one pair (`bucc_f1`)."""
    golds, guesses = read_pairs(pair.labels), read_pairs(pair.predictions)
    check_gold(pair.labels, [ids for ids in golds if any(ids)])
    check_values(pair.predictions, chain.from_iterable(guesses))
    reasons = _strange(pair, guesses)
    if ("",) in golds:
        reasons.append("blank lines of the labels, which count as one pair")
    own = _set_f1(*([ids for ids in side if len(ids) == 2] for side in (golds, guesses)))
    return _set_f1(golds, guesses), reasons, own


def _set_f1(golds: Iterable[tuple[str, ...]], guesses: Iterable[tuple[str, ...]]) -> Metrics:
    right, found = set(golds), set(guesses)
    num_right = len(right & found)
    precision = num_right / len(found) if num_right else 0.0
    recall = num_right / len(right) if num_right else 0.0
    f1 = 2 * precision * recall / (precision + recall) if num_right else 0.0
    return {"f1": f1 * 100, "precision": precision * 100, "recall": recall * 100}


def _answers(pair: FilePair) -> Scored:
    """Exact match and F1 over all questions; one without a prediction counts as wrong (`squad_eval`, `mlqa_eval`).

    The official script stops at a question without gold that is answered: such a file is scored over the others.
    """
    questions, guesses = read_questions(pair.labels), read_answers(pair.predictions)
    # an empty text is XTREME's mark for an answer that was taken off
    check_gold(pair.labels, [tuple(one.answers) if any(one.answers) else () for one in questions])
    reasons = _unpredicted(check_ids(pair, guesses, [one.id for one in questions]))
    normalise = answers.normaliser(pair.task.answer_normaliser, pair.language)
    stops = any(one.id in guesses for one in questions if not one.answers)
    counted, own = [], []
    for one in questions:
        exact, f1 = 0.0, 0.0
        if one.id in guesses and one.answers:
            exact, f1 = answers.best_of_golds(guesses[one.id], one.answers, normalise)
        if one.answers or not stops:
            counted.append((exact, f1))
        if any(one.answers):
            own.append((exact, max(exact, f1)))
    if stops:
        reasons.append("answered questions without gold, at which the official script stops and which are left out")
    elif len(own) < len(questions):
        reasons.append(f"questions without gold, wrong unless the answer is empty: {len(questions) - len(own)}")
    if empty := sum(exact > f1 for exact, f1 in counted):
        reasons.append(f"right with nothing left after normalisation, which is an exact match with an F1 of 0: {empty}")
    return _answer_means(counted), reasons, _answer_means(own)


def _answer_means(pairs: Seq[tuple[float, float]]) -> Metrics:
    return {
        "exact_match": 100.0 * sum(exact for exact, _ in pairs) / len(pairs),
        "f1": 100.0 * sum(f1 for _, f1 in pairs) / len(pairs),
    }


def _ranked(pair: FilePair) -> Scored:
    """Mean average precision over all queries; one without a prediction counts as wrong (`mewslix_map20`).

    Of Mewsli-X the first gold alone counts, without white space around it; predictions keep theirs.
    """
    from ds_stilts.formats.ranking import average_precision

    golds, guesses = read_rankings(pair.labels), read_rankings(pair.predictions)
    check_gold(pair.labels, [tuple(ids) if any(ids) else () for ids in golds.values()])
    reasons = _unpredicted(check_ids(pair, guesses, golds))
    known = {id: ids for id, ids in golds.items() if ids}
    if len(known) < len(golds):
        reasons.append(f"queries without gold, left out: {len(golds) - len(known)}")
    if pair.task.name == "mewslix":
        known = {id: [ids[0].strip()] for id, ids in known.items()}
    bare = {id: [item.strip() for item in ranked] for id, ranked in guesses.items()}
    if bare != guesses:
        reasons.append("predicted ids with white space around them, which are wrong")
    metrics, own = (
        {"map@20": sum(average_precision(side.get(id, []), ids) for id, ids in known.items()) / len(known) * 100}
        for side in (guesses, bare)
    )
    return metrics, reasons, own


def _unpredicted(ids: Seq[str]) -> list[str]:
    return [f"without a prediction, and wrong: {len(ids)}, the first '{ids[0]}'"] if ids else []


def _strange(pair: FilePair, predictions: Any, places: Container[int] | None = None) -> list[str]:
    """A clause on predictions that cannot be right, at any of `places` (None: anywhere); [] where there are none."""
    found = [
        clause for place, clause in strange(pair.task, pair.language, predictions) if places is None or place in places
    ]
    return [f"predictions that cannot be right: {len(found)}, the first: {found[0]}"] if found else []


_SCORERS: Mapping[str, Callable[[FilePair], Scored]] = {
    "sentence_pair": _labels,
    "retrieval": _labels,
    "multiple_choice": _choices,
    "tagging": _tags,
    "mining": _mined,
    "span_qa": _answers,
    "ranking": _ranked,
}
"""By `Task.format`."""
