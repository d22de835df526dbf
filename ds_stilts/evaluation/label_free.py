"""What a model's predictions say of it without any label: how undecided they are, and whether languages agree.

Entropy: of the distribution that each prediction is drawn from, the mean over decisions (`ds_stilts.formats.entropy`).
Agreement: in how many items of one id the prediction is that for the pivot language, which the model was trained in,
beyond what two that say each answer as often would have by chance (Cohen 1960, kappa): a model that answers all items
alike, as one does that has not learned yet, agrees with itself in all of them. It needs items that are translations,
and predictions that do not depend on the language.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    """Cohen's kappa in percent; None without a pivot, or without a common item."""


def label_free(predictions: Mapping[str, Prediction], pivot: Mapping[str, Prediction] | None, task: Task) -> LabelFree:
    """The figures of one language.

    Args:
        predictions: of each item, by its id; at least one.
        pivot: those for the pivot language; None: there is none.
    """
    pairs = [(predictions[id].prediction, pivot[id].prediction) for id in predictions if id in pivot] if pivot else []
    return LabelFree(entropy=mean_entropy(predictions.values(), task), agreement=100 * kappa(pairs) if pairs else None)


def kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Agreement of two beyond chance, -1 to 1: (share of equal answers - that by chance) / (1 - that by chance), with
    chance by how often each of the two gives each answer. 0 where both always give the same one.

    Args:
        pairs: the two answers to each item; at least one.
    """
    same = fmean(one == other for one, other in pairs)
    ours, theirs = (Counter(column) for column in zip(*pairs, strict=True))
    by_chance = sum(ours[answer] * theirs[answer] for answer in ours) / len(pairs) ** 2
    return (same - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0


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
