"""Which examples each round trains on, and in which order each way takes them.

Every round has its own steps of one pool, which is drawn from the mixture once, as a run draws it. `mixed` and
`by_task` are the same examples: as they were drawn, and with batches of one task. `grouped` is what the Trainer's
sampler makes of the whole pool, since it sorts by length inside long stretches of it only; a round takes batches of all
lengths from there. `ungrouped` is the same examples as `grouped`, in random order.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from ds_stilts.bench.job import Job
from ds_stilts.bench.variants import Order
from ds_stilts.data.mixture import Mixture, generator
from ds_stilts.data.steps import StepPlanner, TaskData

Item = tuple[str, int]
"""Task and number of the item."""
Batch = list[Item]

POOL_EXAMPLES, POOL_BATCHES = 2048, 200
"""At least so many of both: the Trainer's sampler sorts stretches of 50 batches, or of a quarter of the examples if
that is less, and leaves more padding then."""
_WHOLE_STEP = 1 << 30
"""Tokens: every step is one micro-batch, as it is for the others."""
_BY_TASK_STREAM, _UNGROUPED_STREAM = 41, 42


class Slices:
    """The batches of every round.

    Args:
        tasks: prepared items of each task.
    """

    def __init__(self, job: Job, tasks: Mapping[str, TaskData]) -> None:
        self._job, self._tasks = job, tasks
        num_steps = max(job.rounds * job.steps, -(-POOL_EXAMPLES // job.batch), POOL_BATCHES)
        shares = np.array([job.source.shares[name] for name in tasks])
        self._pool = Mixture(
            sizes={name: data.prepared.num_items for name, data in tasks.items()},
            shares=np.broadcast_to(shares, (num_steps, len(shares))),
            seed=job.seed,
            batch=job.batch,
        )

    def batches(self, order: Order, number: int) -> list[Batch]:
        """The batches of round `number`."""
        if order in ("grouped", "ungrouped"):
            grouped = [self._grouped[place] for place in self._places(number)]
            return grouped if order == "grouped" else self._shuffled(grouped, number)
        first = number * self._job.steps
        mixed = [self._pool.step(k) for k in range(first, first + self._job.steps)]
        return mixed if order == "mixed" else self._by_task(mixed, number)

    def tokens(self, batches: list[Batch]) -> int:
        """Real tokens of some batches."""
        return sum(int(self._tasks[name].tokens[item]) for batch in batches for name, item in batch)

    def tokens_squared(self, batches: list[Batch]) -> int:
        """Σ n² over their sequences of n tokens: what attention costs in proportion to."""
        total = 0
        for name, item in (item for batch in batches for item in batch):
            prepared = self._tasks[name].prepared
            first, last = prepared.item_starts[item], prepared.item_starts[item + 1]
            total += int((prepared.ids.lengths[first:last].astype(np.int64) ** 2).sum())
        return total

    def planner(self, batches: list[Batch]) -> StepPlanner:
        """What cuts these batches into steps of one micro-batch for the loops of ours."""
        return StepPlanner(
            mixture=_Given(batches),
            tasks=self._tasks,
            world_size=1,
            micro_batch_tokens=_WHOLE_STEP,
        )

    @cached_property
    def _grouped(self) -> list[Batch]:
        """The pool as `train_sampling_strategy="group_by_length"` orders it; a multiple choice is as long as its
        longest choice."""
        import torch
        from transformers.trainer_pt_utils import get_length_grouped_indices

        items = [item for k in range(self._pool.num_steps) for item in self._pool.step(k)]
        drawing = torch.Generator().manual_seed(self._job.seed)
        order = get_length_grouped_indices([*map(self._longest, items)], self._job.batch, generator=drawing)
        return _cut([items[place] for place in order], self._job.batch)

    def _places(self, number: int) -> list[int]:
        """Which of the grouped batches a round takes: evenly spread over their lengths, in no round the same."""
        by_length = sorted(
            range(len(self._grouped)), key=lambda place: max(map(self._longest, self._grouped[place])), reverse=True
        )
        strides = np.arange(self._job.steps) + (number + 0.5) / self._job.rounds
        return sorted(by_length[int(at)] for at in strides * len(by_length) / self._job.steps)

    def _longest(self, item: Item) -> int:
        prepared = self._tasks[item[0]].prepared
        return int(prepared.ids.lengths[prepared.item_starts[item[1]] : prepared.item_starts[item[1] + 1]].max())

    def _by_task(self, mixed: list[Batch], number: int) -> list[Batch]:
        items = [item for batch in mixed for item in batch]
        of_one = [_cut([item for item in items if item[0] == name], self._job.batch) for name in self._tasks]
        cut = [batch for batches in of_one for batch in batches]
        return [cut[place] for place in generator(self._job.seed, _BY_TASK_STREAM, number).permutation(len(cut))]

    def _shuffled(self, batches: list[Batch], number: int) -> list[Batch]:
        items = [item for batch in batches for item in batch]
        order = generator(self._job.seed, _UNGROUPED_STREAM, number).permutation(len(items))
        return _cut([items[place] for place in order], self._job.batch)


class _Given(Mixture):
    """An order that is given instead of drawn."""

    def __init__(self, batches: list[Batch]) -> None:
        self._batches, self.num_steps = batches, len(batches)

    @property
    def fewest(self) -> int:
        return min(map(len, self._batches))

    def step(self, k: int) -> Batch:
        return self._batches[k]

    def sums(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.array([sum(int(values[name][item]) for name, item in batch) for batch in self._batches])


def _cut(items: list[Item], size: int) -> list[Batch]:
    return [items[first : first + size] for first in range(0, len(items), size)]
