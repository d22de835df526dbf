"""The loss of one packed micro-batch: encoder, heads in one fixed order, each task's loss with its global weight."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import nn

from ds_stilts.data.batch import PackedBatch
from ds_stilts.engine.agreement import GradientSketches
from ds_stilts.engine.gradients import TaskGradients
from ds_stilts.formats import get_format
from ds_stilts.models.encoder import Layer
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.tasks.task import Task


class Objective(nn.Module):
    """What the engine trains.

    Args:
        model: encoder and heads.
        tasks: the tasks of the phase; those naming one head share it.
    """

    def __init__(self, model: MultiTaskModel, tasks: list[Task]) -> None:
        super().__init__()
        self.model = model
        self._tasks = sorted(tasks, key=lambda task: (task.head, task.name))
        self.names = sorted(task.name for task in tasks)
        self.gradients = TaskGradients(self.names)
        self.sketches: GradientSketches | None = None
        """What compares the tasks' gradients; None: nothing."""

    def forward(
        self, batch: PackedBatch, coefficients: Mapping[str, float] | None, layer: Layer = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Weighted loss of a micro-batch (fp32 scalar) and each task's summed unit losses (detached).

        Without coefficients it scores: the states [T, D] at `layer`, and each head's logits for its rows. Training and
        scoring share this one entry because ZeRO-3 starts fetching parameters at the engine's root module only.

        Every task's loss is computed in every micro-batch, from zero rows if it is absent: its head must run and must
        get a gradient on every rank, or ZeRO-3 re-applies a stale one.
        """
        rows: dict[str, torch.Tensor] = {}
        for task in self._tasks:
            if task.name in batch.tasks:
                own = batch.tasks[task.name].rows
                rows[task.head] = torch.cat([rows[task.head], own]) if task.head in rows else own
        watch = partial(self.gradients.watch, rows={name: own.rows for name, own in batch.tasks.items()})
        if self.sketches:
            self.sketches.begin(batch.tasks_of_tokens(self.names))
        states, logits = self.model(batch.ids, batch.packing, rows, batch.types, layer, watch)
        if coefficients is None:
            return states, logits
        total: torch.Tensor = torch.zeros((), device=batch.ids.device)
        sums, read = {}, dict.fromkeys(logits, 0)
        empty = torch.zeros(0, dtype=torch.long)
        for task in self._tasks:
            present = batch.tasks.get(task.name)
            count = len(present.rows) if present else 0
            own_logits = logits[task.head][read[task.head] : read[task.head] + count]
            read[task.head] += count
            loss = get_format(task.format).loss(
                own_logits,
                present.targets if present else empty.to(batch.ids.device),
                present.rows_per_sequence if present else empty,
                task,
            )
            total = total + coefficients[task.name] * loss
            sums[task.name] = loss.detach()
        return total, sums
