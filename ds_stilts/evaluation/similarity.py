"""What a task looks like to a model that has not learned it, as two vectors, and how alike those of two tasks are.

The text embedding is TextEmb (Vu et al. 2020, Exploring and Predicting Transferability across NLP Tasks, EMNLP,
arXiv:2005.00770; used by Poth et al. 2021, arXiv:2104.08247): of each sequence the mean of its last hidden states over
all tokens, special ones too, and then the mean over sequences. The gradient is that of the task's mean loss with
respect to the last matrix of some layers, as sketches (`ds_stilts.engine.agreement`). It is a crude stand-in for
TaskEmb (ibid.), the diagonal of the Fisher information after the task was learned: nothing is learned here, so the
gradient depends on the fresh head that it comes through, and tasks with heads of different kinds agree in little.

One process, no engine: nothing is stepped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ds_stilts.data.batch import Masking, scoring_batch, training_batch
from ds_stilts.data.mixture import generator
from ds_stilts.data.prepared import Prepared
from ds_stilts.data.steps import Slot, TaskData
from ds_stilts.engine.agreement import GradientSketches
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.text_objective import TextObjective
from ds_stilts.errors import CheckpointError
from ds_stilts.models.depth import last_matrix, layers_of
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.t5_encoder import PackedT5Encoder

_EXAMPLE_STREAM = 23
_ONE = "task"
"""The name that sketches know the task by: there is one at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskVectors:
    """One task, seen by one model."""

    embedding_D: torch.Tensor
    """fp64 [D]."""
    sketches: torch.Tensor
    """fp64 [layers, side · side], of all examples."""
    agreement: float
    """Similarity of the gradients of the two halves of the examples, as that of two tasks: how much of a gradient is
    the task's direction, and not the luck of which examples were drawn. That of two tasks is noise where theirs are."""


class TaskReader:
    """Makes the vectors of one task after another with one encoder.

    Of the encoder only the watched matrices have gradients from now on, so that the backward pass ends at the lowest.

    Args:
        encoder: with values; it is in evaluation mode, and on `device`, once a task was read.
        layers: numbers of the layers, 1 the lowest, whose last matrix is watched.
    """

    def __init__(
        self, encoder: PackedEncoder | PackedT5Encoder, layers: Sequence[int], device: torch.device | str = "cpu"
    ) -> None:
        self._encoder, self._device = encoder, torch.device(device)
        stack = layers_of(encoder)
        self._watched = {number: last_matrix(stack[number - 1]) for number in layers}
        self._sketches = GradientSketches([_ONE], self._watched)

    def read(
        self, objective: Objective | TextObjective, data: TaskData, items: Sequence[int], masking: Masking, budget: int
    ) -> TaskVectors:
        """The vectors of some items of a task.

        Args:
            objective: of this encoder and this task alone, with the head that the gradient comes through.
            items: places among the task's items, in an order that says nothing: the first half is held against the
                second. The mask of running text is keyed by the place in this list.
            budget: tokens of a forward pass at most; a longer item has one of its own.

        Raises:
            CheckpointError: the model's states or gradients are not finite.
        """
        objective.to(self._device).eval().requires_grad_(False)
        for matrix in self._watched.values():
            matrix.weight.requires_grad_(True)
        middle = (len(items) + 1) // 2
        halves = [
            [[first + place for place in batch] for batch in cut([int(data.tokens[item]) for item in own], budget)]
            for first, own in ((0, items[:middle]), (middle, items[middle:]))
        ]
        embedding_D = self._embedding(data, [[items[place] for place in batch] for half in halves for batch in half])
        units = max(1, int(data.units[list(items)].sum()))
        sketches = torch.stack([self._gradient(objective, data, items, half, masking, units) for half in halves])
        if not (embedding_D.isfinite().all() and sketches.isfinite().all()):
            raise CheckpointError(
                f"task '{data.task.name}': the start model's states or gradients are not finite; look at its weights"
            )
        return TaskVectors(
            embedding_D=embedding_D, sketches=sketches.sum(dim=0), agreement=_mean_cosine(sketches[0], sketches[1])
        )

    @torch.no_grad()
    def _embedding(self, data: TaskData, batches: Sequence[Sequence[int]]) -> torch.Tensor:
        total_D, count = torch.zeros(self._encoder.hidden_size, dtype=torch.float64), 0
        for items in batches:
            sequences = [index for item in items for index in _sequences(data.prepared, item)]
            batch = scoring_batch(data.task.name, data.prepared, sequences).to(self._device)
            states_TD = self._encoder(batch.ids, batch.packing, batch.types).double()
            for own_TD in states_TD.split(batch.packing.lengths):
                total_D += own_TD.mean(dim=0).cpu()
            count += len(sequences)
        return total_D / count

    def _gradient(
        self,
        objective: Objective | TextObjective,
        data: TaskData,
        items: Sequence[int],
        batches: Sequence[Sequence[int]],
        masking: Masking,
        units: int,
    ) -> torch.Tensor:
        """Sketches [layers, side · side] of the summed losses over `units`; batches hold places among `items`."""
        name = data.task.name
        objective.sketches = self._sketches
        for places in batches:
            slots = [Slot(name, items[place], place) for place in places]
            batch = training_batch(slots, {name: data}, 0, masking).to(self._device)
            loss, _ = objective(batch, {name: 1 / units})
            loss.backward()
        for matrix in self._watched.values():
            matrix.weight.grad = None
        return self._sketches.take(self._device)[:, 0].flatten(1).double().cpu()


def draw(num_items: int, examples: int, seed: int) -> list[int]:
    """Which items are read: `examples` of them in a random order, or all where there are fewer.

    The same of every task of one size, so that two that share their texts are not made to differ by the draw.
    """
    order = generator(seed, _EXAMPLE_STREAM).permutation(num_items)
    return [int(item) for item in order[:examples]]


def cut(tokens: Sequence[int], budget: int) -> list[list[int]]:
    """Places of items in batches of at most `budget` tokens, or of one item; the longest first."""
    batches: list[list[int]] = []
    load = 0
    for place in sorted(range(len(tokens)), key=lambda place: (-tokens[place], place)):
        if not batches or load + tokens[place] > budget:
            batches.append([])
            load = 0
        batches[-1].append(place)
        load += tokens[place]
    return batches


def embedding_similarity(ours: TaskVectors, theirs: TaskVectors) -> float:
    """Cosine of the two text embeddings."""
    return _cosine(ours.embedding_D, theirs.embedding_D)


def gradient_similarity(ours: TaskVectors, theirs: TaskVectors) -> float:
    """Cosine of the two gradients at each watched layer, the mean over layers; 0 where one has none."""
    return _mean_cosine(ours.sketches, theirs.sketches)


def _mean_cosine(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float(np.mean([_cosine(*pair) for pair in zip(ours, theirs, strict=True)]))


def _cosine(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    norms = float(ours.norm() * theirs.norm())
    return float(ours @ theirs) / norms if norms else 0.0


def _sequences(prepared: Prepared, item: int) -> range:
    return range(int(prepared.item_starts[item]), int(prepared.item_starts[item + 1]))
