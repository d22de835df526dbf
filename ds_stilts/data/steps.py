"""What each rank does in global step k: its micro-batches, and the weight of each loss unit.

The loss of a step over all ranks and micro-batches is
    L = Σ_t w_t · (n_t / N) · (Σ unit losses of t) / (units of t),
n_t items of task t among N, units = what the reference averages over; all counts global to the step. Since every rank
knows which items form the step, it knows all counts without asking the others.
"""

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ds_stilts.data.mixture import Mixture
from ds_stilts.data.prepared import Prepared
from ds_stilts.errors import RecipeError
from ds_stilts.formats import get_format
from ds_stilts.formats.masked_lm import num_masked
from ds_stilts.formats.text_to_text.span_corruption import corrupted_lengths
from ds_stilts.recipe import Training
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """One task of a mixture with its prepared training items."""

    task: Task
    prepared: Prepared
    loss_weight: float
    units: np.ndarray
    """int64 [items]: loss units of each item."""
    tokens: np.ndarray
    """int64 [items]: tokens of each item, with those of its text target."""
    sentinels: tuple[int, ...] | None = None
    """None: heads learn it. Otherwise it is learned as text, and running text is corrupted with these ids."""


@dataclass(frozen=True)
class Slot:
    """One item of a step: which task and item, and its place in the step (which keys its mask)."""

    task: str
    item: int
    place: int


@dataclass(frozen=True)
class StepShare:
    """One rank's part of a step."""

    micro_batches: list[list[Slot]]
    coefficients: dict[str, float]
    """Factor of each task's summed unit losses: w_t · n_t / (N · units of t); 0 for a task that is not in the step."""
    num_tokens: int
    """Tokens of the whole step, over all ranks."""
    num_items: dict[str, int]
    """Items of each task in the whole step."""


def task_data(
    task: Task,
    prepared: Prepared,
    training: Training,
    special_ids: frozenset[int],
    sentinels: tuple[int, ...] | None = None,
) -> TaskData:
    """Count tokens and loss units of every item once.

    Args:
        special_ids: token ids that masked LM never predicts.
        sentinels: see `TaskData`.
    """
    starts = prepared.item_starts
    units: np.ndarray
    tokens = np.add.reduceat(prepared.ids.lengths, starts[:-1]) if prepared.num_items else np.zeros(0, np.int64)
    if sentinels is not None:  # an item is one sequence, a unit is a token of its target
        lengths: np.ndarray = np.stack([tokens, prepared.targets.lengths])
        if task.format == "masked_lm":
            pairs = [corrupted_lengths(int(n) - 1, training.masking, len(sentinels)) for n in tokens]
            lengths = np.array(pairs, np.int64).reshape(-1, 2).T
        tokens, units = lengths.sum(axis=0), lengths[1].astype(np.int64)
    elif task.format == "masked_lm":
        counts = prepared.ids.count(lambda ids: ~np.isin(ids, list(special_ids)))
        units = np.array([num_masked(int(n), training.masking) for n in counts], np.int64)
    else:
        per_item = np.add.reduceat(prepared.targets.lengths, starts[:-1]) if prepared.num_items else tokens
        units = per_item // get_format(task.format).targets_per_unit
    use = training.tasks.get(task.name)
    return TaskData(
        task=task,
        prepared=prepared,
        loss_weight=use.loss_weight if use else 1.0,
        units=units,
        tokens=tokens,
        sentinels=sentinels,
    )


def accumulation_for(step_tokens: float, items: int, world_size: int, micro_batch_tokens: int) -> int:
    """Micro-batches of a rank with which a step of `step_tokens` tokens keeps to the budget, as far as its `items`
    can be shared out."""
    wanted = math.ceil(step_tokens / (world_size * micro_batch_tokens))
    return max(1, min(wanted, items // world_size))


class StepPlanner:
    """Cuts global steps into micro-batches for a number of ranks.

    The number of micro-batches per rank, `accumulation`, is the same for every step and rank: the smallest with which
    no step exceeds the token budget by more than its longest item.

    Raises:
        RecipeError: a step has fewer items than there are ranks.
    """

    def __init__(
        self,
        *,
        mixture: Mixture,
        tasks: Mapping[str, TaskData],
        world_size: int,
        micro_batch_tokens: int,
    ) -> None:
        self._mixture, self._tasks, self._world_size = mixture, tasks, world_size
        fewest = mixture.fewest
        if fewest < world_size:
            raise RecipeError(
                f"a step has {fewest} items, but there are {world_size} ranks, each of which needs one in every step; "
                "raise batch_examples or batch_tokens, or start fewer processes"
            )
        most = mixture.most_tokens({name: data.tokens for name, data in tasks.items()})
        self.accumulation = accumulation_for(most, fewest, world_size, micro_batch_tokens)

    def knows(self, k: int) -> bool:
        """Whether step k is drawn already; one after the next validation may not be."""
        return k < self._mixture.num_steps

    def share(self, k: int, rank: int) -> StepShare:
        """Rank `rank`'s part of step k."""
        micro_batches = self.deal(k)
        slots = [slot for own in micro_batches for slot in own]
        coefficients, num_items = {}, {}
        for name, data in self._tasks.items():
            items = [slot.item for slot in slots if slot.task == name]
            num_items[name] = len(items)
            units = int(data.units[items].sum()) if items else 0
            coefficients[name] = data.loss_weight * len(items) / (len(slots) * units) if units else 0.0
        first = rank * self.accumulation
        return StepShare(
            micro_batches=micro_batches[first : first + self.accumulation],
            coefficients=coefficients,
            num_tokens=sum(self._tokens(slot) for slot in slots),
            num_items=num_items,
        )

    def drawn(self, steps: int) -> dict[str, int]:
        """What the first so many steps hold over all ranks: "items", and "tokens"."""
        tokens = {name: data.tokens for name, data in self._tasks.items()}
        of_steps = [int(tokens[name][item]) for k in range(steps) for name, item in self._mixture.step(k)]
        return {"items": len(of_steps), "tokens": sum(of_steps)}

    def _tokens(self, slot: Slot) -> int:
        return int(self._tasks[slot.task].tokens[slot.item])

    def deal(self, k: int) -> list[list[Slot]]:
        """The micro-batches of step k over all ranks, rank by rank: longest first into the lightest; none stays empty
        since there are at least as many items."""
        slots = [Slot(name, item, place) for place, (name, item) in enumerate(self._mixture.step(k))]
        bins: list[list[Slot]] = [[] for _ in range(self._world_size * self.accumulation)]
        lightest = [(0, 0, index) for index in range(len(bins))]  # a heap of (tokens, items, micro-batch)
        for slot in sorted(slots, key=lambda slot: (-self._tokens(slot), slot.place)):
            tokens, items, index = lightest[0]
            bins[index].append(slot)
            heapq.heapreplace(lightest, (tokens + self._tokens(slot), items + 1, index))
        return bins
