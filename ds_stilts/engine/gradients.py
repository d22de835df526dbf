"""How hard each task pulls: the norm of its own gradient where the tasks meet.

That is at the states which the heads (or, in text-to-text, the output matrix) read. There every row belongs to one
task, so one backward pass has all tasks' gradients apart, which at the encoder's parameters are one sum. Sener & Koltun
2018 (Multi-Task Learning as Multi-Objective Optimization, section 3.3) use the same gradients for the same reason; they
bound those at the shared parameters.
"""

from collections.abc import Mapping

import torch


class TaskGradients:
    """Sums of squares since the last `take`.

    Args:
        names: the tasks.
    """

    def __init__(self, names: list[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._squares: torch.Tensor | None = None

    def watch(self, states: torch.Tensor, rows: Mapping[str, torch.Tensor]) -> None:
        """Take the gradient of these states when the backward pass comes by; nothing waits for the device.

        Args:
            states: [T, D].
            rows: int64 [N] by task: the states that its loss reads.
        """
        if not states.requires_grad:
            return

        def add(gradient: torch.Tensor) -> None:
            squares = gradient.detach().float().square().sum(dim=1)
            if self._squares is None:
                self._squares = squares.new_zeros(len(self._places))
            for name, own in rows.items():
                self._squares[self._places[name]] += squares[own].sum()

        states.register_hook(add)

    def take(self, device: torch.device) -> torch.Tensor:
        """fp32 [tasks] in the order of the names, of all backward passes since the last call."""
        squares, self._squares = self._squares, None
        return torch.zeros(len(self._places), device=device) if squares is None else squares
