"""What the steps since the last log line add up to: the loss, each task's unit losses, units and gradient, tokens,
skipped steps.

Kept on the device, so that a step does not wait for it; the loop sums it over ranks.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ds_stilts.data.steps import StepShare, TaskData


class Window:
    """One log interval of one rank.

    Args:
        device: where losses are computed.
    """

    def __init__(self, tasks: Mapping[str, TaskData], device: torch.device) -> None:
        self._tasks, self.names = tasks, sorted(tasks)
        self.sums = torch.zeros(1 + 3 * len(self.names), dtype=torch.float64, device=device)
        """The loss, then unit losses of each of `names`, units of each, and squared gradient norms of each."""
        self.halves: torch.Tensor | None = None
        """Sketches of the tasks' gradients (`ds_stilts.engine.agreement`), of the even and of the odd steps."""
        self.num_tokens = self._num_applied = self._num_skipped = 0
        self.waited_s = 0.0
        """How long this rank's steps waited for their batches."""
        self._num_items = dict.fromkeys(self.names, 0)

    def losses(self, loss: torch.Tensor, sums: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """One micro-batch's loss and unit losses of each of `names`, [1 + tasks] in fp64."""
        return torch.stack([loss.detach(), *(sums[name] for name in self.names)]).double()

    def add(
        self,
        share: StepShare,
        losses: list[torch.Tensor],
        squares: torch.Tensor,
        *,
        applied: bool,
    ) -> None:
        """One step; of a skipped one only that it was, and what it held.

        Args:
            share: this rank's part of it.
            losses: of each micro-batch, see `losses`.
            squares: [tasks], this rank's part of the squared gradient norm of each of `names`.
        """
        self.num_tokens += share.num_tokens
        for name, count in share.num_items.items():
            self._num_items[name] += count
        self._num_applied += applied
        self._num_skipped += not applied
        if not applied:
            return
        units = dict.fromkeys(self.names, 0)
        for slots in share.micro_batches:
            for slot in slots:
                units[slot.task] += int(self._tasks[slot.task].units[slot.item])
        counts = torch.tensor(list(units.values()), dtype=torch.float64, device=self.sums.device)
        self.sums += torch.cat([torch.stack(losses).sum(0), counts, squares.double()])

    def add_sketches(self, step: int, sketches: torch.Tensor, *, applied: bool) -> None:
        """This rank's part of one step's, [layers, tasks, side, side]; of a skipped step nothing counts."""
        if not applied:
            return
        if self.halves is None:
            self.halves = torch.zeros(2, *sketches.shape, device=sketches.device)
        self.halves[step % 2] += sketches

    def values(self, totals: Sequence[float]) -> dict[str, Any]:
        """For the log: "loss" (NaN if every step was skipped), by task "losses" and "grad_norms" (see
        `ds_stilts.engine.gradients`; root mean square over the steps), "items" by task, "skipped" steps, "data_wait_s".

        Args:
            totals: `sums` over all ranks.
        """
        count, steps = len(self.names), self._num_applied
        unit_sums, units, squares = (totals[1 + i * count : 1 + (i + 1) * count] for i in range(3))
        seen = [(i, name) for i, name in enumerate(self.names) if units[i] > 0]
        return {
            "loss": totals[0] / steps if steps else math.nan,
            "losses": {name: unit_sums[i] / units[i] for i, name in seen},
            "grad_norms": {name: math.sqrt(squares[i] / steps) for i, name in seen},
            "items": dict(self._num_items),
            "skipped": self._num_skipped,
            "data_wait_s": round(self.waited_s, 4),
        }
