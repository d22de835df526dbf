"""Numbers that are not finite: all ranks skip the same step, and stop after three in a row.

A loss that is not finite poisons its own gradient, so that one bad rank makes the global gradient norm NaN. DeepSpeed
(ZeRO 1 to 3, and bf16 at stage 0) sees the same norm on every rank and drops the step: no parameter, master or moment
changes, and the next backward pass writes over the gradients. No collective is added for it. Plain fp32 at stage 0
checks nothing; there the reduced gradients, equal on all ranks, are looked at here.

The data goes on to the next step, and so does the learning rate: it stays a function of the step number.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ds_stilts.data.steps import Slot, TaskData
from ds_stilts.engine.telemetry import say
from ds_stilts.engine.world import World
from ds_stilts.errors import UserError, in_common

IN_A_ROW = 3
"""Skipped steps after which training stops: one is a bad batch, three are a model that has left the finite numbers."""


class NumericsError(UserError):
    """Training that cannot go on as the recipe has it, because its numbers are not finite."""


class Guard:
    """Steps the engine, or finds that the step was skipped.

    Args:
        folder: of the phase; gets `nonfinite/step-K-rank-R.json`, one a rank for each skipped step.
        phase: its label.
    """

    def __init__(self, engine: Any, folder: Path, phase: str, world: World) -> None:
        self._engine, self._folder, self._phase, self._world = engine, folder, phase, world
        self._unchecked = not engine.zero_optimization() and not engine.bfloat16_enabled()
        self._in_a_row = 0
        self.grad_norm = math.nan
        """Of the last applied step, before clipping."""

    def poison(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss, bit-equal if it is finite, else with a gradient of NaN; does not wait for the device."""
        return loss * torch.where(torch.isfinite(loss.detach()), 1.0, math.nan)

    def step(self) -> bool:
        """`engine.step()` at the end of a global step; False on all ranks if the step was skipped."""
        applied = self._drop_if_bad() if self._unchecked else True
        self._engine.step()
        if not self._unchecked:
            applied = bool(self._engine.was_step_applied())
            if not applied and self._engine.lr_scheduler is not None:
                self._engine.lr_scheduler.step()  # DeepSpeed leaves it where it was
        if applied:
            self._in_a_row = 0
            self.grad_norm = float(self._engine.get_global_grad_norm() or 0.0)
        return applied

    def skipped(
        self,
        step: int,
        micro_batches: Sequence[Sequence[Slot]],
        losses: Sequence[torch.Tensor],
        names: Sequence[str],
        tasks: Mapping[str, TaskData],
    ) -> None:
        """Write down what a skipped step held, on every rank.

        Args:
            micro_batches: this rank's items of the step.
            losses: of each of these micro-batches, the loss and the unit losses of each of `names`, [1 + tasks].

        Raises:
            NumericsError: on all ranks, if it was the third in a row.
        """
        self._in_a_row += 1
        folder = self._folder / "nonfinite"
        folder.mkdir(parents=True, exist_ok=True)
        held = [
            {
                "losses": {name: str(value) for name, value in zip(["loss", *names], own.tolist(), strict=True)},
                "items": [_identity(slot, tasks[slot.task]) for slot in slots],
            }
            for slots, own in zip(micro_batches, losses, strict=True)
        ]
        path = folder / f"step-{step + 1}-rank-{self._world.rank}.json"
        path.write_text(json.dumps({"step": step + 1, "micro_batches": held}), encoding="utf-8")
        if self._world.is_main:
            say(f"{self._phase}  step {step + 1} skipped: its loss or gradient was not finite; its examples: {folder}")
        if self._in_a_row >= IN_A_ROW:
            raise in_common(
                NumericsError(
                    f"{self._phase}: loss or gradient were not finite in {IN_A_ROW} steps in a row, "
                    f"{step + 2 - IN_A_ROW} to {step + 1}; none of them was applied, and checkpoints from before are "
                    f"kept. Look at the examples in {folder}, or lower `lr`, or train in fp32 if this is bf16"
                )
            )

    def _drop_if_bad(self) -> bool:
        parameters = [p for p in self._engine.module.parameters() if p.grad is not None]
        # By norms, as DeepSpeed looks at the other stages: looking at each element takes a tenth of a small step.
        norms = [torch.linalg.vector_norm(p.grad) for p in parameters]
        finite = bool(torch.stack(norms).isfinite().all())
        if not finite:
            for parameter in parameters:
                parameter.grad = None  # an optimizer passes over a parameter without gradient
        return finite


def _identity(slot: Slot, data: TaskData) -> dict[str, Any]:
    """Which example an item comes from: its number among those of the task's splits and languages, in file order."""
    first = int(data.prepared.item_starts[slot.item])
    return {"task": slot.task, "item": slot.item, "example": int(data.prepared.example[first])}
