"""The loss of one packed micro-batch of text-to-text sequences: each task's target tokens with its global weight."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ds_stilts.data.batch import PackedBatch
from ds_stilts.engine.agreement import GradientSketches
from ds_stilts.engine.gradients import TaskGradients
from ds_stilts.models.seq2seq import PackedSeq2Seq, Writing
from ds_stilts.tasks.task import Task


class TextObjective(nn.Module):
    """What the engine trains where the model writes text: `Objective` without heads.

    Args:
        model: encoder, decoder and output matrix, which all tasks share.
        tasks: the tasks of the phase.
    """

    def __init__(self, model: PackedSeq2Seq, tasks: list[Task]) -> None:
        super().__init__()
        self.model = model
        self._tasks = sorted(tasks, key=lambda task: task.name)
        self.names = [task.name for task in self._tasks]
        self.gradients = TaskGradients(self.names)
        self.sketches: GradientSketches | None = None
        """What compares the tasks' gradients; None: nothing."""

    def forward(
        self, batch: PackedBatch | Writing, coefficients: Mapping[str, float] | None, more: Any = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Weighted loss of a micro-batch (fp32 scalar) and each task's summed token losses (detached).

        Without coefficients it scores: the states [T, D] at layer `more`; and where the batch has targets, under
        "losses", their tokens' fp32 [U], or under "logits" those [targets, among] that the targets ask for. For a
        `Writing` it gives, under "logits", those [S, vocabulary] of its next step, after the tokens `more`. All share
        this one entry because ZeRO-3 starts fetching parameters at the engine's root module only.

        A micro-batch has at least one item, so every parameter takes part on every rank.
        """
        if isinstance(batch, Writing):
            return batch.sources_TD, {"logits": self.model.next_logits(batch, more)}
        if self.sketches:
            self.sketches.begin(batch.tasks_of_tokens(self.names))
        states = self.model.encoder(batch.ids, batch.packing, layer=more)
        if batch.targets is None:
            return states, {}
        written_UD = self.model.target_states(states, batch.targets.ids, batch.targets.pairing)
        if batch.targets.among:
            last_ND = written_UD[batch.targets.last_rows().to(written_UD.device)]
            return states, {"logits": self.model.logits_of(last_ND, list(batch.targets.among))}
        self.gradients.watch(written_UD, {name: own.rows for name, own in batch.tasks.items()})
        losses_U = self.model.losses(written_UD, batch.targets.ids)
        if coefficients is None:
            return states, {"losses": losses_U}
        total: torch.Tensor = losses_U.sum() * 0.0
        sums = {}
        for task in self._tasks:
            own = batch.tasks.get(task.name)
            loss = losses_U[own.rows].sum() if own else losses_U.new_zeros(())
            total = total + coefficients[task.name] * loss
            sums[task.name] = loss.detach()
        return total, sums
