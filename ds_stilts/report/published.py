"""A run's scores beside published ones of the same start model and protocol, each with its source and how sure that is.

The numbers lie in `published_scores.json` beside this file. A target is set beside them only if it is the same thing:
trained on English alone, all of its data, answered in the same way (heads or text), every language of the benchmark
scored whole, on the split that the benchmark reports. What is compared is the mean over exactly these languages.
Hyper-parameters are nobody's business here: they differ between the sources themselves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from ds_stilts.evaluation.benchmarks import averages, get_benchmark
from ds_stilts.report.collect import Run, Scores
from ds_stilts.report.totals import why_not_whole
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class PublishedValue:
    """One published number and the run's own."""

    target: str
    benchmark: str
    """Title of the benchmark whose languages it is the mean of."""
    metric: str
    model: str
    """As its source calls it."""
    value: float
    source: str
    confidence: str
    own: Mapping[str, float]
    """By arm, of those that can be compared."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What can be set beside a run."""

    values: tuple[PublishedValue, ...]
    conflicts: tuple[str, ...]
    """What the sources of these values disagree on."""
    levels: Mapping[str, str]
    """What the confidences of these values mean."""
    why_not: tuple[str, ...]
    """Why there is nothing, in one line, or nothing of some targets."""


def beside_published(run: Run) -> Published:
    """Look up what is published for the run's start model."""
    table = published_table()
    why = _why_no_model(run, {row["model"] for row in table["rows"]})
    if why:
        return Published(values=(), conflicts=(), levels={}, why_not=(why,))
    rows = [row for row in table["rows"] if row["model"] == _short(str(run.recipe["start"]["model"]))]
    values: list[PublishedValue] = []
    reasons: list[str] = []
    shown: set[tuple[str, str]] = set()
    for target in run.targets:
        found = [row for row in rows if target in row["scores"]]
        scored = {arm: run.scores[arm, target] for arm in run.arms if (arm, target) in run.scores}
        for row in found if scored else []:
            task, benchmark = get_task(target), get_benchmark(row["benchmark"])
            languages = benchmark.languages(task)
            whys = {arm: _why_not(run, scores, task, languages, row["use"]) for arm, scores in scored.items()}
            means = {arm: _means(scored[arm], languages) for arm, reason in whys.items() if not reason}
            if not means:
                reasons.append(f"{next(iter(scored.values())).title}: {next(iter(whys.values()))}")
                continue
            shown.add((target, row["name"]))
            values += [
                PublishedValue(
                    target=target,
                    benchmark=benchmark.title,
                    metric=metric,
                    model=row["name"],
                    value=value,
                    source=table["sources"][row["source"]]["where"],
                    confidence=row["confidence"],
                    own={arm: mean[metric] for arm, mean in means.items() if metric in mean},
                )
                for metric, value in row["scores"][target].items()
            ]
    if not values and not reasons:
        reasons = [f"no number of {run.recipe['start']['model']} is known here for these targets"]
    return Published(
        values=tuple(values),
        conflicts=tuple(
            conflict["text"]
            for conflict in table["known_conflicts"]
            if any((task, name) in shown for task in conflict["tasks"] for name in conflict["names"])
        ),
        levels={
            level: text
            for level, text in table["confidence_levels"].items()
            if level in {value.confidence for value in values}
        },
        why_not=tuple(dict.fromkeys(reasons)),
    )


@cache
def published_table() -> dict[str, Any]:
    """The packaged numbers, with their sources, levels of confidence and conflicts."""
    text = (resources.files("ds_stilts.report") / "published_scores.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def _short(model: str) -> str:
    """A hub id without its owner; of a folder, its name."""
    return model.rstrip("/").rpartition("/")[2]


def _why_no_model(run: Run, known: set[str]) -> str:
    start = run.recipe.get("start")
    if not isinstance(start, dict):
        return "the run's recipe does not say which model it starts from"
    model = start.get("model")
    if not model:
        return "the start model was made here"
    if _short(str(model)) not in known:
        return f"no published scores of {model} are known here"
    if start.get("random_init") or start.get("pretrain"):
        return f"the weights are no longer those of {model}: they were drawn anew or trained further in phase 1"
    return ""


def _why_not(run: Run, scores: Scores, task: Task, languages: tuple[str, ...], use: str) -> str:
    """Why a target's scores are not what was published; "" where they are."""
    target = (run.recipe.get("targets") or {}).get(scores.task) or {}
    if reason := why_not_whole(run, scores, task, languages):
        return reason
    if scores.train and (scores.train.languages != ("en",) or target.get("max_train_examples")):
        return "not trained on the whole English training set and nothing else"
    if scores.use and scores.use != use:
        return f"published with {use}, here with {scores.use}"
    return ""


def _means(scores: Scores, languages: tuple[str, ...]) -> dict[str, float]:
    return averages({code: scores.languages[code].metrics for code in languages})
