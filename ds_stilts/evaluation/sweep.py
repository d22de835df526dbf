"""Scores of every hidden state of a sweep, and which of them counts.

A state is chosen only on gold that is not scored: in mining on the half of the sentences that the threshold comes from.
Where there is none (Tatoeba, LAReQA, Mewsli-X's test set), the recipe's own state counts, and the best of the others is
an oracle, which is said wherever it is shown.
"""

import shutil
from collections.abc import Sequence as Seq
from pathlib import Path
from statistics import fmean
from typing import Any

from ds_stilts.evaluation.benchmarks import averages, task_score
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats import get_format
from ds_stilts.formats.mining import tuning_f1
from ds_stilts.tasks.task import Task


def choose(task: Task, languages: Seq[str], pooling: Pooling, predictions: Path) -> dict[str, Any]:
    """Score every hidden state from its rows, and put those of the one that counts into the target's own folder.

    Returns:
        "layer" that counts; "chosen_on": "tuning half", or None where it is the recipe's; "layers": {state: {"score",
        "averages"; "tuning_f1" where it was chosen by that}}; "oracle": the state with the highest score, the first
        of equals. In percent.
    """
    form = get_format(task.format)
    chosen_on = "tuning half" if task.format == "mining" else None
    layers: dict[int, dict[str, Any]] = {}
    for layer in pooling.layers:
        rows = {code: read_rows(pooling.folder(predictions, layer), code) for code in languages}
        cells = {code: form.score(own, task, code) for code, own in rows.items()}
        means = averages({code: {name: cell[name] for name in task.metrics} for code, cell in cells.items()})
        layers[layer] = {"score": task_score(task, means), "averages": means}
        if chosen_on:
            layers[layer]["tuning_f1"] = fmean(tuning_f1(own, task.name, code) for code, own in rows.items())
    counts = pooling.layer
    if chosen_on:
        counts = max(layers, key=lambda layer: (layers[layer]["tuning_f1"], -layer))
    _take(pooling.folder(predictions, counts), predictions)
    return {
        "layer": counts,
        "chosen_on": chosen_on,
        "layers": layers,
        "oracle": max(layers, key=lambda layer: (layers[layer]["score"], -layer)),
    }


def _take(source: Path, predictions: Path) -> None:
    """Make the target's rows those of one hidden state."""
    predictions.mkdir(parents=True, exist_ok=True)
    for path in predictions.iterdir():
        path.unlink()
    for path in source.iterdir():
        shutil.copyfile(path, predictions / path.name)
