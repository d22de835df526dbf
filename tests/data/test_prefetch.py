"""Batches made ahead: the same as made on the spot, from any step on; errors and an early end get through."""

import threading
from typing import Any

import pytest
import torch

from ds_stilts.data.batch import training_batch
from ds_stilts.data.prefetch import Prefetch, Step
from tests.distributed import tiny

CPU = torch.device("cpu")


def made(first: int, last: int, rank: int = 0, world_size: int = 2, planner: Any = None) -> Prefetch:
    tasks = tiny.data()
    planner = planner or tiny.planner(tasks, world_size)
    return Prefetch(planner, tasks, tiny.MASKING, rank=rank, steps=range(first, last), device=CPU)


def equal(one: Step, two: Step) -> bool:
    return one.number == two.number and all(
        torch.equal(a.ids, b.ids) and all(torch.equal(a.tasks[n].rows, b.tasks[n].rows) for n in a.tasks)
        for a, b in zip(one.batches, two.batches, strict=True)
    )


@pytest.mark.parametrize("rank", [0, 1])
def test_they_are_what_would_be_made_on_the_spot(rank: int) -> None:
    tasks, prefetch = tiny.data(), made(0, 6, rank)
    planner = tiny.planner(tasks, 2)
    for number, step in enumerate(prefetch):
        share = planner.share(number, rank)
        batches = [training_batch(slots, tasks, number, tiny.MASKING) for slots in share.micro_batches]
        assert equal(step, Step(number, share, batches))
    assert number == 5
    prefetch.close()


def test_a_run_that_is_gone_on_with_gets_what_the_unbroken_one_got() -> None:
    whole, rest = made(0, 6), made(4, 6)
    assert all(equal(one, two) for one, two in zip(list(whole)[4:], rest, strict=True))
    whole.close()
    rest.close()


class Broken:
    """A planner that cannot plan step 2."""

    def __init__(self) -> None:
        self.planner = tiny.planner(tiny.data(), 2)
        self.knows = self.planner.knows

    def share(self, number: int, rank: int) -> Any:
        if number == 2:
            raise ValueError("step 2 cannot be planned")
        return self.planner.share(number, rank)


def test_an_error_is_raised_where_its_step_is_asked_for() -> None:
    prefetch = made(0, 6, planner=Broken())
    seen = []
    with pytest.raises(ValueError, match="step 2 cannot be planned"):
        for step in prefetch:
            seen.append(step.number)
    assert seen == [0, 1]
    prefetch.close()


def test_closing_early_leaves_no_thread() -> None:
    prefetch = made(0, 12)
    next(iter(prefetch))
    prefetch.close()
    assert "batches" not in {thread.name for thread in threading.enumerate()}
