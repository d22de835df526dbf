"""What a model's predictions say of it without any label: how undecided they are, and whether languages agree.

Entropy: of the distribution that each prediction is drawn from, the mean over decisions (`ds_stilts.formats.entropy`).
Agreement: in how many items of one id the prediction is that for the pivot language, which the model was trained in. It
needs items that are translations, and predictions that do not depend on the language.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from ds_stilts.formats.base import Prediction
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class LabelFree:
    """Figures of one language."""

    entropy: float
    """In nats."""
    agreement: float | None
    """In percent; None without a pivot, or without a common item."""


def label_free(predictions: Mapping[str, Prediction], pivot: Mapping[str, Prediction] | None, task: Task) -> LabelFree:
    """The figures of one language.

    Args:
        predictions: of each item, by its id; at least one.
        pivot: those for the pivot language; None: there is none.
    """
    common = [id for id in predictions if id in pivot] if pivot is not None else []
    same = [pivot is not None and predictions[id].prediction == pivot[id].prediction for id in common]
    return LabelFree(entropy=mean_entropy(predictions.values(), task), agreement=100 * fmean(same) if same else None)


def mean_entropy(predictions: Iterable[Prediction], task: Task) -> float:
    """Mean over decisions, in nats: over words for tagging, else over examples."""
    total = decisions = 0.0
    for prediction in predictions:
        number = len(json.loads(prediction.prediction)) if task.format == "tagging" else 1
        if number:
            assert prediction.entropy is not None, f"{task.name} has no distribution"
            total += number * prediction.entropy
            decisions += number
    return total / decisions if decisions else 0.0
