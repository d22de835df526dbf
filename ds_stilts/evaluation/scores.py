"""Scores of one target from its prediction rows: per language, averages, and a trivial baseline beside each."""

from collections import Counter
from pathlib import Path
from typing import Any

from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats import get_format
from ds_stilts.tasks.task import Task


def scores_from_rows(task: Task, languages: list[str], folder: Path) -> dict[str, Any]:
    """Read the rows of every language and compute its metrics.

    Returns:
        "languages": {language: {"metrics", "examples", "zero_shot", "majority"}}, "averages" over languages
        (unweighted, English included, as XTREME's evaluate.py), and "score": the mean of exact match and F1 for
        question answering (as XTREME), else the first metric's average. All in percent.
    """
    form = get_format(task.format)
    cells: dict[str, Any] = {}
    for language in languages:
        rows = read_rows(folder, language)
        cells[language] = {
            "metrics": form.score(rows, task, language),
            "examples": len(rows),
            "zero_shot": rows[0]["zero_shot"],
            "majority": _majority(task, rows, language),
        }
    averages = {metric: sum(cell["metrics"][metric] for cell in cells.values()) / len(cells) for metric in task.metrics}
    is_qa = task.format == "span_qa"
    score = sum(averages.values()) / len(averages) if is_qa else averages[task.metrics[0]]
    return {"languages": cells, "averages": averages, "score": score}


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
