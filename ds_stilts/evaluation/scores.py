"""Scores of one target from its prediction rows: per language and on average, how sure they are, and two trivial
baselines beside each."""

from collections import Counter
from pathlib import Path
from typing import Any

from ds_stilts.evaluation.benchmarks import averages, task_score
from ds_stilts.evaluation.calibration import calibration
from ds_stilts.evaluation.confidence import score_intervals, tally
from ds_stilts.evaluation.geometry import read_geometry
from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats import get_format
from ds_stilts.tasks.task import Task

NEAR_TIE = {"float32": 1e-4, "bfloat16": 0.1}
"""Margin (see `Prediction.margin`) below which a prediction may come out otherwise in other batches or on other ranks.

fp32: ten times the largest difference of a score that any shape may make. bf16, which keeps 8 bits: three steps between
numbers from 4 to 8; see docs/predictions.md.
"""


def scores_from_rows(task: Task, languages: list[str], folder: Path, dtype: str = "float32") -> dict[str, Any]:
    """Read the rows of every language and compute its metrics.

    Args:
        dtype: in which the model computed, a key of `NEAR_TIE`.

    Returns:
        "languages": {language: {"metrics", "interval", "examples", "zero_shot", "majority", "random"; "ece",
        "near_ties", "illegal", "alignment", "uniformity"}}, "averages" over languages (unweighted, English included, as
        XTREME's evaluate.py), "score": the mean of the task's `value_metrics` (question answering: F1 and exact match,
        as XTREME), and its "interval". All in percent. A language's "interval" is that of its mean of `value_metrics`,
        [low, high] with 95 % confidence or null (see `confidence`); "ece" is there where the model gives probabilities,
        "near_ties" where it is known by how much a prediction was made, "illegal" where the model writes, "alignment"
        and "uniformity" (not percent; see `geometry`) where texts are searched.
    """
    form = get_format(task.format)
    cells: dict[str, Any] = {}
    tallies = {}
    for language in languages:
        rows = read_rows(folder, language)
        cells[language] = {
            "metrics": form.score(rows, task, language),
            "examples": len(rows),
            "zero_shot": rows[0]["zero_shot"],
            "majority": _majority(task, rows, language),
            "random": _random(task, rows),
            **calibration(task, rows),
            **_near_ties(rows, NEAR_TIE[dtype]),
            **_illegal(rows),
            **_geometry(folder, language),
        }
        tallies[language] = tally(task, rows, language)
    intervals = score_intervals(tallies)
    for language, found in intervals.languages.items():
        cells[language]["interval"] = found
    means = averages({code: {name: cell["metrics"][name] for name in task.metrics} for code, cell in cells.items()})
    return {"languages": cells, "averages": means, "score": task_score(task, means), "interval": intervals.score}


def remarks(cells: dict[str, Any], dtype: str) -> list[str]:
    """What readers of scores must know of how its predictions were made: a sentence for each kind that there is.

    Args:
        cells: the "languages" of `scores_from_rows`.
    """
    examples = sum(cell["examples"] for cell in cells.values())
    found = []
    for kind, sentence in (
        ("illegal", "what it wrote was no answer, and counts as wrong"),
        (
            "near_ties",
            f"the margin was below {NEAR_TIE[dtype]:g} ({dtype}), so that other batches or ranks may turn it",
        ),
    ):
        counts = {code: cell.get(kind, 0) for code, cell in cells.items()}
        if any(counts.values()):
            most = max(counts, key=lambda code: counts[code])
            found.append(
                f"in {sum(counts.values()):,} of {examples:,} predictions (most in {most}: {counts[most]:,}) {sentence}"
            )
    return found


def _near_ties(rows: list[dict[str, Any]], below: float) -> dict[str, int]:
    """How many predictions were made by less than that; nothing where it is not known by how much they were."""
    margins = [row["margin"] for row in rows if row["margin"] is not None]
    return {"near_ties": sum(margin < below for margin in margins)} if margins else {}


def _illegal(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many texts that a model wrote were no answer; nothing where it wrote none."""
    if all(row["written"] is None for row in rows):
        return {}
    return {"illegal": sum(not row["legal"] for row in rows)}


def _geometry(folder: Path, language: str) -> dict[str, float | None]:
    """How the vectors lie, where texts are searched."""
    found = read_geometry(folder, language)
    return {"alignment": found.alignment, "uniformity": found.uniformity} if found else {}


def _majority(task: Task, rows: list[dict[str, Any]], language: str) -> dict[str, float]:
    """What always answering this very language's most frequent gold label would score; {} where no label is fixed."""
    rows = [row for row in rows if row["gold"] is not None]
    if task.format in ("sentence_pair", "multiple_choice"):
        best = Counter(row["gold"] for row in rows).most_common(1)[0][0]
        guess = [{**row, "prediction": best} for row in rows]
    elif task.format == "tagging":
        best = Counter(tag for row in rows for tag in row["gold"]).most_common(1)[0][0]
        guess = [{**row, "prediction": [best] * len(row["gold"])} for row in rows]
    else:
        return {}
    return get_format(task.format).score(guess, task, language)


def _random(task: Task, rows: list[dict[str, Any]]) -> dict[str, float]:
    """What guessing evenly among all possible answers is expected to score, for metrics of which that is exact.

    It is not for F1, a ratio of random numbers, nor for answers that are spans of a text.
    """
    if task.format == "pair_regression":
        return {metric: 0.0 for metric in task.metrics if metric in ("pearson", "spearman")}
    answers = {
        "sentence_pair": len(task.labels),
        "tagging": len(task.labels),
        "multiple_choice": task.num_choices,
        "retrieval": len(rows),  # Tatoeba: one corpus sentence for each query
    }
    if "accuracy" not in task.metrics or task.format not in answers:
        return {}
    return {"accuracy": 100.0 / answers[task.format]}
