"""Which examples a round holds: the same for every variant, in the order that each one's way has."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ds_stilts.bench.job import Job
from ds_stilts.bench.model import read_items
from ds_stilts.bench.slices import POOL_BATCHES, POOL_EXAMPLES, Batch, Slices
from ds_stilts.data.steps import TaskData
from ds_stilts.models.loading import load_tokenizer


@pytest.fixture(scope="module")
def data(job: Job) -> dict[str, TaskData]:
    return read_items(job, load_tokenizer(str(job.model)))


@pytest.fixture(scope="module")
def slices(job: Job, data: dict[str, TaskData]) -> Slices:
    return Slices(job, data)


def items(batches: list[Batch]) -> list[tuple[str, int]]:
    return [item for batch in batches for item in batch]


def lengths(data: dict[str, TaskData], item: tuple[str, int]) -> np.ndarray:
    prepared = data[item[0]].prepared
    return prepared.ids.lengths[prepared.item_starts[item[1]] : prepared.item_starts[item[1] + 1]]


def test_batches_by_task_hold_the_mixed_examples_and_one_task_each(job: Job, slices: Slices) -> None:
    for number in range(job.rounds):
        mixed, by_task = slices.batches("mixed", number), slices.batches("by_task", number)
        assert [len(batch) for batch in mixed] == [job.batch] * job.steps
        assert Counter(items(mixed)) == Counter(items(by_task))
        assert all(len({name for name, _ in batch}) == 1 and len(batch) <= job.batch for batch in by_task)
    assert any(len({name for name, _ in batch}) > 1 for batch in slices.batches("mixed", 0))


def test_rounds_hold_other_examples(slices: Slices) -> None:
    for order in ("mixed", "grouped"):
        assert not Counter(items(slices.batches(order, 0))) & Counter(items(slices.batches(order, 1)))  # type: ignore[arg-type]


def test_ungrouped_batches_hold_the_grouped_examples(job: Job, slices: Slices) -> None:
    grouped, ungrouped = slices.batches("grouped", 1), slices.batches("ungrouped", 1)
    assert Counter(items(grouped)) == Counter(items(ungrouped)) and items(grouped) != items(ungrouped)
    assert [len(batch) for batch in ungrouped] == [job.batch] * job.steps


def test_a_round_takes_grouped_batches_of_all_lengths(job: Job, slices: Slices, data: dict[str, TaskData]) -> None:
    pool = slices._grouped
    assert len(items(pool)) >= POOL_EXAMPLES

    def longest(batch: Batch) -> int:
        return max(int(lengths(data, item).max()) for item in batch)

    for number in range(job.rounds):
        taken = sorted(longest(batch) for batch in slices.batches("grouped", number))
        thirds = np.quantile([longest(batch) for batch in pool], [0, 1 / 3, 2 / 3, 1])
        assert all(low <= value <= high for low, value, high in zip(thirds[:-1], taken, thirds[1:], strict=True))


def test_large_batches_have_a_pool_that_the_sampler_can_sort(job: Job, data: dict[str, TaskData]) -> None:
    assert len(Slices(replace(job, batch=32), data)._grouped) >= POOL_BATCHES == 4 * 50


def test_the_sampler_sorts_by_length(slices: Slices, data: dict[str, TaskData]) -> None:
    def range_of(batch: Batch) -> int:
        own = [int(lengths(data, item).max()) for item in batch]
        return max(own) - min(own)

    mixed = np.mean([range_of(batch) for number in (0, 1) for batch in slices.batches("mixed", number)])
    assert np.mean([range_of(batch) for batch in slices._grouped]) < mixed / 10


def test_tokens_and_their_squares_are_those_of_every_sequence(slices: Slices, data: dict[str, TaskData]) -> None:
    choice = ("synth_choice", 3)
    own = lengths(data, choice)
    assert len(own) == 4
    assert slices.tokens([[choice]]) == own.sum()
    assert slices.tokens_squared([[choice], [choice]]) == 2 * (own.astype(int) ** 2).sum()


def test_the_planner_deals_each_batch_as_one_micro_batch(slices: Slices) -> None:
    batches = slices.batches("by_task", 0)
    planner = slices.planner(batches)
    assert planner.accumulation == 1
    for k, batch in enumerate(batches):
        share = planner.share(k, 0)
        (slots,) = share.micro_batches
        assert {(slot.task, slot.item) for slot in slots} == set(batch)
        assert share.num_tokens == slices.tokens([batch])
