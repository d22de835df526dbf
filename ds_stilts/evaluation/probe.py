"""How translations lie together in the model as it stands: retrieval and geometry by hidden state, of part of a set.

The first queries of each language that have a gold sentence are searched for among these gold sentences only, in the
direction in which the task is scored (Tatoeba: from English). The figures so depend on how many there are and compare
with those of other steps, not with the task's score. Nothing is written, and no gradient flows.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch

from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.evaluation.embedding import gathered_vectors
from ds_stilts.evaluation.geometry import geometry
from ds_stilts.evaluation.harness import deal_unit, validation_turns
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.formats import get_format
from ds_stilts.formats.embedding import Embedding, gold_pairs
from ds_stilts.recipe import Evaluation
from ds_stilts.tasks.examples import BitextExample, Example

FIGURES = ("accuracy", "alignment", "uniformity")
"""Accuracy at rank 1 in percent; the others as in `geometry`, over both sides together, where lower is better."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What a probe has found."""

    task: str
    layers: tuple[int, ...]
    languages: Mapping[str, Mapping[str, Sequence[float]]]
    """By language and figure, in the order of `layers`."""
    examples: Mapping[str, int]
    """By language, how many queries there were."""

    def mean(self, figure: str) -> list[float]:
        """Over languages, in the order of `layers`."""
        columns = zip(*(own[figure] for own in self.languages.values()), strict=True)
        return [fmean(column) for column in columns]

    def shown(self) -> dict[str, Any]:
        """For the record of a validation."""
        return {
            "task": self.task,
            "layers": list(self.layers),
            **{figure: self.mean(figure) for figure in FIGURES},
            "languages": {
                language: {"examples": self.examples[language], **{name: list(own[name]) for name in FIGURES}}
                for language, own in self.languages.items()
            },
        }

    def points(self) -> dict[str, float]:
        """For curves."""
        return {
            f"probe/{figure}/layer_{layer}": value
            for figure in FIGURES
            for layer, value in zip(self.layers, self.mean(figure), strict=True)
        }

    def said(self) -> str:
        """For the progress line."""
        accuracy = self.mean("accuracy")
        best = max(range(len(accuracy)), key=accuracy.__getitem__)
        return f"{self.task} {accuracy[best]:.1f} at hidden state {self.layers[best]}"


class AlignmentProbe:
    """Embeds and searches the same sentences at each call.

    Args:
        work: the languages of one retrieval task.
        examples: all raw examples of each.
        num_queries: how many queries of each language at most.
    """

    def __init__(
        self, work: Sequence[LanguageWork], examples: Sequence[list[Example]], pooling: Pooling, num_queries: int
    ) -> None:
        self._pooling = pooling
        self._parts = [(unit, own, _chosen(own, num_queries)) for unit, own in zip(work, examples, strict=True)]

    def measure(self, model: Callable[..., Any], evaluation: Evaluation, world: World, stop: StopSource) -> Probed:
        """Embed and search; a collective that gives all ranks the same.

        Args:
            model: an engine or module over an objective, in evaluation mode; it may be partitioned.

        Raises:
            CheckpointError: a vector is not finite.
            StoppedCleanly: a stop was asked for, on all ranks after the same batch.
        """
        found: dict[str, dict[str, list[float]]] = {}
        for unit, examples, places in self._parts:
            others = frozenset(range(len(examples))) - set(places)
            batches = validation_turns(unit, deal_unit(unit, evaluation, world, others), world, stop)
            own = [examples[place] for place in places]
            columns: dict[str, list[float]] = {figure: [] for figure in FIGURES}
            for _, gathered in gathered_vectors(model, unit, batches, examples, self._pooling, world):
                vectors = {place: row for part, matrix in gathered for place, row in zip(part, matrix, strict=True)}
                vectors_ND = torch.from_numpy(np.stack([vectors[place] for place in places])).to(world.device)
                for figure, value in _figures(unit, own, vectors_ND).items():
                    columns[figure].append(value)
            found[unit.key.language] = columns
        return Probed(
            task=self._parts[0][0].key.task.name,
            layers=self._pooling.layers,
            languages=found,
            examples={unit.key.language: len(places) // 2 for unit, _, places in self._parts},
        )


def _chosen(examples: Sequence[Example], num_queries: int) -> list[int]:
    """Places of the first so many queries with a gold sentence of their own, and of these sentences, in file order."""
    pairs: dict[int, int] = {}
    for query, sentence in gold_pairs(examples, range(len(examples))):
        if len(pairs) < num_queries and sentence not in pairs.values():
            pairs[query] = sentence
    return sorted([*pairs, *pairs.values()])


def _figures(unit: LanguageWork, examples: list[Example], vectors_ND: torch.Tensor) -> dict[str, float]:
    form = get_format(unit.key.task.format)
    assert isinstance(form, Embedding)
    predictions = form.match(examples, vectors_ND)
    rows = [
        {"gold": query.match, "prediction": json.loads(predictions[place].prediction)}
        for place, query in enumerate(examples)
        if isinstance(query, BitextExample) and query.side == "query"
    ]
    whole = range(len(examples))
    lies = geometry(vectors_ND, whole, gold_pairs(examples, whole))
    assert lies.alignment is not None and lies.uniformity is not None
    accuracy = form.score(rows, unit.key.task, unit.key.language)["accuracy"]
    return {"accuracy": accuracy, "alignment": lies.alignment, "uniformity": lies.uniformity}
