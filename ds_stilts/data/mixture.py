"""Which items form global step k: a pure function of (seed, k, batch) and of the recipe's sampling.

A run is a row of slots. Each draws its task by a counter-based generator (Philox, keyed by the seed); the n-th draw of
a task takes item n mod size of that task's epoch n // size, whose order is a permutation keyed by (seed, task, epoch).
So every item of a task is seen once before any is seen twice, on any number of ranks, from any step on.

Steps are cut from the row by items, B slots a step, or by tokens: step k has the slots whose first token lies in
[k·B, (k+1)·B) of the prefix sum over their lengths. So a step is off B by less than an item at either end, and the
difference never adds up.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

_TASK_STREAM, _EPOCH_STREAM, _MASK_STREAM, _STEP_STREAM = 1, 2, 3, 4
_SLOTS_AT_ONCE = 1 << 20


def generator(seed: int, *stream: int) -> np.random.Generator:
    """A Philox generator for one purpose: equal arguments give equal draws on every machine."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, *stream))))


def mask_generator(seed: int, step: int, slot: int) -> np.random.Generator:
    """The generator that masks the item in `slot` of `step` (masked LM)."""
    return generator(seed, _MASK_STREAM, step, slot)


class Mixture:
    """The order of a training run, drawn at once or piece by piece: six bytes a slot.

    Args:
        sizes: items per task, in a fixed order.
        shares: fp64 [num_steps, tasks], probabilities of the same tasks at each step; `extend` draws further ones.
        seed: the run's seed.
        batch: B, items per step; tokens per step where `lengths` are given.
        lengths: by task, int64 [items]: tokens of each item, none longer than a step.
        one_task: all slots of a step have one task.
    """

    batch_tokens: int | None = None
    """Tokens of a step, up to an item more or less; None: it has so many items."""

    def __init__(
        self,
        *,
        sizes: Mapping[str, int],
        shares: np.ndarray,
        seed: int,
        batch: int,
        lengths: Mapping[str, np.ndarray] | None = None,
        one_task: bool = False,
    ) -> None:
        self.names, self.num_steps = list(sizes), 0
        self._sizes, self._seed, self._batch, self._one_task = list(sizes.values()), seed, batch, one_task
        self._lengths = [lengths[name] for name in sizes] if lengths is not None else None
        self.batch_tokens = batch if lengths is not None else None
        self._drawing, self._step_drawing = generator(seed, _TASK_STREAM), generator(seed, _STEP_STREAM)
        self._drawn: np.ndarray = np.zeros(len(sizes), np.int64)
        self._epochs: dict[int, tuple[int, np.ndarray]] = {}
        self._tokens = 0
        self._unused: np.ndarray = np.zeros(0)
        self._tasks: np.ndarray = np.zeros(0, np.int16)
        self._items: np.ndarray = np.zeros(0, np.int32)
        self._starts: np.ndarray = np.zeros(1, np.int64)
        self.extend(shares)

    def extend(self, shares: np.ndarray) -> None:
        """Draw further steps; in how many pieces does not show in the order.

        Args:
            shares: fp64 [steps, tasks].
        """
        edges = np.cumsum(shares, axis=1)
        edges /= edges[:, -1:]
        tasks, items, starts = self._by_items(edges) if self._lengths is None else self._by_tokens(edges)
        self._starts = np.concatenate([self._starts, self._starts[-1] + starts[1:]])
        self._tasks, self._items = np.concatenate([self._tasks, tasks]), np.concatenate([self._items, items])
        self.num_steps += len(shares)  # last: a thread that makes batches ahead may be reading

    def step(self, k: int) -> list[tuple[str, int]]:
        """(task, item) of each slot of global step k."""
        slots = slice(self._starts[k], self._starts[k + 1])
        tasks, items = self._tasks[slots].tolist(), self._items[slots].tolist()
        return [(self.names[task], item) for task, item in zip(tasks, items, strict=True)]

    @property
    def fewest(self) -> int:
        """Items of the step that has the fewest."""
        return int(np.diff(self._starts).min(initial=self._starts[-1]))

    def most_tokens(self, tokens: Mapping[str, np.ndarray]) -> int:
        """Tokens of the step that has the most; where steps are cut by tokens, up to an item more.

        Args:
            tokens: by task, int64 [items].
        """
        return self.batch_tokens or int(self.sums(tokens).max(initial=0))

    def sums(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the items of each step add up to, int64 [num_steps].

        Args:
            values: by task, int64 [items].
        """
        of_slot = _of_slot([values[name] for name in self.names], self._tasks, self._items)
        before = np.concatenate([[0], np.cumsum(of_slot)])
        return before[self._starts[1:]] - before[self._starts[:-1]]

    def _by_items(self, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tasks and items of the slots of further steps, and where those steps begin and the last one ends."""
        batch = self._batch
        tasks: np.ndarray = np.empty((len(edges), batch), np.int16)
        at_once = max(1, _SLOTS_AT_ONCE // batch)
        for first in range(0, len(edges), at_once):
            own = edges[first : first + at_once]
            uniform = self._drawing.random((len(own), batch))
            if self._one_task:
                uniform = np.broadcast_to(uniform[:, :1], uniform.shape)
            tasks[first : first + at_once] = _passed(uniform, own.T[:, :, None])
        slots = tasks.reshape(-1)
        items = self._next_items(slots)
        self._drawn += np.bincount(slots, minlength=len(self._sizes))
        return slots, items, np.arange(len(edges) + 1) * batch

    def _by_tokens(self, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `_by_items`; stretches of steps with the same shares are drawn together."""
        assert self._lengths is not None
        if self._one_task:
            tasks_of_steps = _passed(self._step_drawing.random(len(edges)), edges.T)
            edges = np.cumsum(np.eye(edges.shape[1])[tasks_of_steps], axis=1)
        means = np.array([lengths.mean() if len(lengths) else 1.0 for lengths in self._lengths])
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        changes: np.ndarray = np.flatnonzero((edges[1:] != edges[:-1]).any(axis=1)) + 1
        for first, last in pairwise([0, *changes.tolist(), len(edges)]):
            end = (self.num_steps + last) * self._batch
            mean = float(np.diff(edges[first], prepend=0.0) @ means)
            while self._tokens < end:
                uniform = self._uniform(min(_SLOTS_AT_ONCE, int((end - self._tokens) / mean) + 1))
                tasks = _passed(uniform, edges[first])
                items = self._next_items(tasks)
                behind = self._tokens + np.cumsum(_of_slot(self._lengths, tasks, items))
                begins = np.concatenate([[self._tokens], behind[:-1]])
                kept = int(np.searchsorted(begins, end))
                found.append((tasks[:kept], items[:kept], begins[:kept]))
                self._tokens, self._unused = int(behind[kept - 1]), self._unused[kept:]
                self._drawn += np.bincount(tasks[:kept], minlength=len(self._sizes))
        tasks, items, begins = (np.concatenate(parts) for parts in zip(*found, strict=True))
        steps: np.ndarray = np.arange(self.num_steps, self.num_steps + len(edges)) * self._batch
        return tasks, items, np.append(np.searchsorted(begins, steps), len(begins))

    def _uniform(self, count: int) -> np.ndarray:
        """The next numbers of the slots' generator; those of slots that are not kept come again."""
        if len(self._unused) < count:
            self._unused = np.concatenate([self._unused, self._drawing.random(count - len(self._unused))])
        return self._unused[:count]

    def _next_items(self, tasks: np.ndarray) -> np.ndarray:
        """int32 [slots]: the items that slots of these tasks take next."""
        items: np.ndarray = np.empty(len(tasks), np.int32)
        for task, size in enumerate(self._sizes):
            slots = np.flatnonzero(tasks == task)
            first = int(self._drawn[task])
            for epoch in range(first // size, -(-(first + len(slots)) // size)):
                begin, end = max(first, epoch * size), min(first + len(slots), (epoch + 1) * size)
                items[slots[begin - first : end - first]] = self._epoch(task, epoch)[
                    begin - epoch * size : end - epoch * size
                ]
        return items

    def _epoch(self, task: int, epoch: int) -> np.ndarray:
        """The order of a task's items in one of its epochs; the latest asked for is kept."""
        if task not in self._epochs or self._epochs[task][0] != epoch:
            order = generator(self._seed, _EPOCH_STREAM, task, epoch).permutation(self._sizes[task]).astype(np.int32)
            self._epochs[task] = epoch, order
        return self._epochs[task][1]


def _passed(uniform: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The task that each number falls to, int16.

    Args:
        edges: [tasks, …], the upper end of each task's interval; of the last one's, 1, nothing is asked, which rounding
            might let a number pass.
    """
    passed = np.zeros(uniform.shape, np.int16)
    for edge in edges[:-1]:
        passed += uniform >= edge
    return passed


def _of_slot(values: list[np.ndarray], tasks: np.ndarray, items: np.ndarray) -> np.ndarray:
    """int64 [slots]: each slot's entry of its task's `values`."""
    of_slot: np.ndarray = np.empty(len(tasks), np.int64)
    for task, own in enumerate(values):
        slots = np.flatnonzero(tasks == task)
        of_slot[slots] = own[items[slots]]
    return of_slot
