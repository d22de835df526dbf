"""Which items form global step k: a pure function of (seed, k, items per step) and of the recipe's sampling.

Slot s = k·B + j of the run draws its task by a counter-based generator (Philox, keyed by the seed); the n-th draw of a
task takes item n mod size of that task's epoch n // size, whose order is a permutation keyed by (seed, task, epoch). So
every item of a task is seen once before any is seen twice, on any number of ranks, from any step on.
"""

from collections.abc import Mapping

import numpy as np

_TASK_STREAM, _EPOCH_STREAM, _MASK_STREAM = 1, 2, 3
_SLOTS_AT_ONCE = 1 << 20


def generator(seed: int, *stream: int) -> np.random.Generator:
    """A Philox generator for one purpose: equal arguments give equal draws on every machine."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, *stream))))


def mask_generator(seed: int, step: int, slot: int) -> np.random.Generator:
    """The generator that masks the item in `slot` of `step` (masked LM)."""
    return generator(seed, _MASK_STREAM, step, slot)


class Mixture:
    """The order of a training run, drawn at once: six bytes a slot.

    Args:
        sizes: items per task, in a fixed order.
        shares: fp64 [num_steps, tasks], probabilities of the same tasks at each step.
        seed: the run's seed.
        batch: items per step, B.
        one_task: all slots of a step have the task of its first one.
    """

    def __init__(
        self, *, sizes: Mapping[str, int], shares: np.ndarray, seed: int, batch: int, one_task: bool = False
    ) -> None:
        self.names, self.num_steps = list(sizes), len(shares)
        self._batch = batch
        self._tasks = _draw_tasks(shares, generator(seed, _TASK_STREAM), batch, one_task)
        self._items: np.ndarray = np.empty(len(self._tasks), np.int32)
        for task, size in enumerate(sizes.values()):
            slots = np.flatnonzero(self._tasks == task)
            for epoch in range(-(-len(slots) // size)):
                own = slots[epoch * size : (epoch + 1) * size]
                self._items[own] = generator(seed, _EPOCH_STREAM, task, epoch).permutation(size)[: len(own)]

    def step(self, k: int) -> list[tuple[str, int]]:
        """(task, item) of each slot of global step k."""
        slots = slice(k * self._batch, (k + 1) * self._batch)
        tasks, items = self._tasks[slots].tolist(), self._items[slots].tolist()
        return [(self.names[task], item) for task, item in zip(tasks, items, strict=True)]

    def sums(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the items of each step add up to, int64 [num_steps].

        Args:
            values: by task, int64 [items].
        """
        of_slot: np.ndarray = np.empty(len(self._tasks), np.int64)
        for task, name in enumerate(self.names):
            slots = np.flatnonzero(self._tasks == task)
            of_slot[slots] = values[name][self._items[slots]]
        return of_slot.reshape(self.num_steps, self._batch).sum(axis=1)


def _draw_tasks(shares: np.ndarray, drawing: np.random.Generator, batch: int, one_task: bool) -> np.ndarray:
    """The task of each slot, int16 [num_steps · batch]."""
    tasks: np.ndarray = np.empty((len(shares), batch), np.int16)
    at_once = max(1, _SLOTS_AT_ONCE // batch)
    for first in range(0, len(shares), at_once):
        edges = np.cumsum(shares[first : first + at_once], axis=1)
        uniform = drawing.random((len(edges), batch))
        if one_task:
            uniform = np.broadcast_to(uniform[:, :1], uniform.shape)
        passed = np.zeros(uniform.shape, np.int16)
        for edge in (edges / edges[:, -1:]).T[:-1]:  # all but the last, which rounding might let a draw pass
            passed += uniform >= edge[:, None]
        tasks[first : first + at_once] = passed
    return tasks.reshape(-1)
