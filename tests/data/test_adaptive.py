"""Shares that follow validations: the formula, an order that is a function of their history, and batches ahead."""

import threading
from typing import Any

import numpy as np
import pytest
import torch

from ds_stilts.data.adaptive import AdaptiveMixture, adaptive_shares
from ds_stilts.data.prefetch import Prefetch
from ds_stilts.data.steps import StepPlanner
from tests.distributed import tiny

LENGTHS = {"a": np.arange(3, 20), "b": np.full(30, 11)}
GOALS = {"a": 100.0, "b": 100.0}


def adaptive(*, by_tokens: bool = False, seed: int = 1, **changes: Any) -> AdaptiveMixture:
    return AdaptiveMixture(
        sizes={name: len(own) for name, own in LENGTHS.items()}, seed=seed, batch=60 if by_tokens else 6, longest=19,
        goals=GOALS, lengths=LENGTHS if by_tokens else None, **{"every": 10, "total_steps": 45, **changes},
    )  # fmt: skip


def test_a_task_is_drawn_in_proportion_to_what_it_lacks_of_its_goal() -> None:
    assert adaptive_shares({"a": 70.0, "b": 90.0}, GOALS) == pytest.approx({"a": 0.75, "b": 0.25})
    assert adaptive_shares({"a": 70.0, "b": 70.0}, {"a": 75.0, "b": 90.0}) == pytest.approx({"a": 0.2, "b": 0.8})


def test_a_task_that_has_reached_its_goal_is_still_drawn() -> None:
    assert adaptive_shares({"a": 95.0, "b": 61.0}, {"a": 90.0, "b": 80.0}) == pytest.approx({"a": 0.05, "b": 0.95})
    assert adaptive_shares({"a": 100.0, "b": 100.0}, GOALS) == {"a": 0.5, "b": 0.5}


def test_steps_are_known_up_to_the_next_validation_and_uniform_before_the_first() -> None:
    made = adaptive()
    assert made.num_steps == 10
    for values, known in (({"a": 0.0, "b": 100.0}, 20), ({"a": 99.0, "b": 0.0}, 30), (GOALS, 40), (GOALS, 45)):
        made.follow(values)
        assert made.num_steps == known
    made.follow(GOALS)  # after the last step
    assert made.num_steps == 45 and len(made.history) == 5
    counts = [sum(name == "a" for k in range(first, first + 10) for name, _ in made.step(k)) for first in (0, 10, 20)]
    assert 20 <= counts[0] <= 40 and counts[1] >= 57 and counts[2] <= 3


@pytest.mark.parametrize("by_tokens", [False, True])
@pytest.mark.parametrize("one_task", [False, True])
def test_the_order_is_a_function_of_seed_and_history(by_tokens: bool, one_task: bool) -> None:
    kept: dict[str, Any] = {"by_tokens": by_tokens, "one_task": one_task}
    first, again, other, later = (adaptive(**kept) for _ in range(4))
    for made, second in ((first, 90.0), (again, 90.0), (other, 10.0)):
        made.follow({"a": 20.0, "b": 50.0})
        made.follow({"a": second, "b": 50.0})
    later.restore(first.history)
    steps = [[made.step(k) for k in range(30)] for made in (first, again, other, later)]
    assert steps[0] == steps[1] == steps[3]
    assert steps[0][:20] == steps[2][:20] and steps[0][20:] != steps[2][20:]
    assert steps[0] != [adaptive(seed=2, **kept).step(k) for k in range(10)]


@pytest.mark.parametrize("values", [{"a": 100.0, "b": 0.0}, {"a": 0.0, "b": 100.0}])
@pytest.mark.parametrize("by_tokens", [False, True])
def test_no_step_has_more_tokens_or_fewer_items_than_was_counted_with_at_the_start(values, by_tokens) -> None:
    made = adaptive(by_tokens=by_tokens)
    most, fewest = made.most_tokens(LENGTHS), made.fewest
    for _ in range(4):
        made.follow(values)
    assert made.sums(LENGTHS).max() <= most + (19 if by_tokens else 0)
    assert min(len(made.step(k)) for k in range(45)) >= fewest == (3 if by_tokens else 6)


def tiny_order(every: int) -> tuple[AdaptiveMixture, StepPlanner, dict[str, Any]]:
    tasks = tiny.data()
    order = AdaptiveMixture(
        sizes={name: one.prepared.num_items for name, one in tasks.items()}, seed=9, batch=6, longest=90,
        goals=dict.fromkeys(tasks, 100.0), every=every, total_steps=12,
    )  # fmt: skip
    return order, StepPlanner(mixture=order, tasks=tasks, world_size=1, micro_batch_tokens=200), tasks


def ahead(planner: StepPlanner, tasks: dict[str, Any], steps: range) -> Prefetch:
    return Prefetch(planner, tasks, tiny.MASKING, rank=0, steps=steps, device=torch.device("cpu"))


def test_no_batch_is_made_ahead_of_the_validation_that_its_shares_follow() -> None:
    """Nothing that was made has to be thrown away, and the steps after it are those of its shares."""
    order, planner, tasks = tiny_order(every=4)
    values = {"choice": 99.0, "nli": 99.0, "pos": 0.0, "qa": 99.0, "text": 99.0}
    prefetch = ahead(planner, tasks, range(12))
    steps = iter(prefetch)
    found = [next(steps) for _ in range(4)]
    assert not prefetch._ready.qsize()
    order.follow(values)
    found += [next(steps) for _ in range(4)]
    order.follow(values)
    found += list(steps)
    prefetch.close()
    again, same_planner, _ = tiny_order(every=4)
    again.restore(order.history)
    assert [step.share for step in found] == [same_planner.share(k, 0) for k in range(12)]
    assert sum(step.share.num_items["pos"] for step in found[4:]) > 40  # of 48

    resumed = ahead(same_planner, tasks, range(6, 12))  # between two validations
    assert [step.share for step in resumed] == [step.share for step in found[6:]]
    resumed.close()


def test_a_thread_that_waits_for_a_validation_ends_when_the_phase_does() -> None:
    _, planner, tasks = tiny_order(every=4)
    prefetch = ahead(planner, tasks, range(12))
    for _, step in zip(range(4), prefetch, strict=False):
        assert step.number < 4
    closing = threading.Thread(target=prefetch.close)
    closing.start()
    closing.join(timeout=10)
    assert not closing.is_alive()
