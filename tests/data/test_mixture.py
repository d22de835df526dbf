"""The order of the data: a pure function of (seed, step, items per step)."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.data.mixture import Mixture, generator, mask_generator
from ds_stilts.data.sampling import shares
from ds_stilts.recipe import TaskUse, Training

SIZES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 12), min_size=1)


def mixture(
    sizes: dict[str, int], *, seed: int = 1, batch: int = 4, num_steps: int = 30, rule: str = "uniform"
) -> Mixture:
    drawn = shares(sizes, Training(mixing=rule, steps=num_steps), num_steps)
    return Mixture(sizes=sizes, shares=drawn, seed=seed, batch=batch)


def order(made: Mixture, steps: range) -> list[list[tuple[str, int]]]:
    return [made.step(k) for k in steps]


@settings(deadline=None)
@given(SIZES, st.integers(0, 2**31), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_step_does_not_depend_on_which_steps_were_asked_before(sizes, seed, batch, random) -> None:
    first = mixture(sizes, seed=seed, batch=batch)
    steps = list(range(30))
    random.shuffle(steps)
    second = mixture(sizes, seed=seed, batch=batch)
    assert {k: second.step(k) for k in steps[:10]} == {k: first.step(k) for k in steps[:10]}


@settings(deadline=None)
@given(SIZES, st.integers(0, 2**31), st.integers(1, 9))
def test_every_item_is_seen_once_before_any_is_seen_twice(sizes, seed, batch) -> None:
    drawn: dict[str, list[int]] = {name: [] for name in sizes}
    for step in order(mixture(sizes, seed=seed, batch=batch), range(30)):
        assert len(step) == batch
        for name, item in step:
            drawn[name].append(item)
    for name, items in drawn.items():
        for epoch in range(0, len(items) - sizes[name] + 1, sizes[name]):
            assert sorted(items[epoch : epoch + sizes[name]]) == list(range(sizes[name]))
        rest = items[len(items) // sizes[name] * sizes[name] :]
        assert len(set(rest)) == len(rest)


def test_epochs_are_shuffled_anew_and_seeds_differ() -> None:
    items = [item for step in order(mixture({"a": 40}, batch=40), range(3)) for _, item in step]
    epochs = [items[:40], items[40:80], items[80:]]
    assert all(sorted(epoch) == list(range(40)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != list(range(40))
    other = [item for step in order(mixture({"a": 40}, batch=40, seed=2), range(3)) for _, item in step]
    assert items != other


def test_a_longer_run_begins_with_the_same_steps() -> None:
    sizes = {"a": 7, "b": 30}
    long, short = mixture(sizes, num_steps=30), mixture(sizes, num_steps=10)
    assert order(long, range(10)) == order(short, range(10))


def test_the_order_is_the_same_on_every_machine() -> None:
    """Written down once; a change of it makes every unfinished run impossible to continue."""
    assert order(mixture({"a": 5, "b": 8}, batch=5), range(3)) == [
        [("b", 4), ("a", 3), ("b", 7), ("a", 4), ("b", 1)],
        [("a", 0), ("a", 1), ("a", 2), ("b", 2), ("a", 4)],
        [("a", 0), ("b", 6), ("a", 2), ("b", 3), ("a", 3)],
    ]


def test_tasks_come_in_their_shares() -> None:
    sizes = {"big": 900, "small": 100}
    counts = Counter(
        name for step in order(mixture(sizes, rule="proportional", batch=200), range(30)) for name, _ in step
    )
    assert counts["big"] / 6000 == pytest.approx(0.9, abs=0.015)


def test_shares_that_change_are_followed() -> None:
    uses = {"a": TaskUse(share="1 - t"), "b": TaskUse(share="t")}
    sizes = {"a": 50, "b": 50}
    made = Mixture(sizes=sizes, shares=shares(sizes, Training(tasks=uses), 100), seed=3, batch=100)
    counts = [sum(name == "b" for name, _ in made.step(k)) for k in range(100)]
    assert counts[0] == 0 and np.corrcoef(counts, range(100))[0, 1] > 0.95
    assert sum(counts[:50]) / 5000 == pytest.approx(0.25, abs=0.03)
    assert sum(counts[50:]) / 5000 == pytest.approx(0.75, abs=0.03)


def test_a_task_that_is_never_drawn_at_a_time_is_not_drawn() -> None:
    """However the draws fall: a probability of exactly 0 at either end of the interval."""
    sizes = {"a": 10, "b": 10, "c": 10}
    fixed = np.tile([0.0, 1.0, 0.0], (500, 1))
    made = Mixture(sizes=sizes, shares=fixed, seed=3, batch=20)
    assert {name for k in range(500) for name, _ in made.step(k)} == {"b"}


def test_a_step_of_one_task_has_one_task_and_the_shares_hold_over_steps() -> None:
    sizes = {"a": 300, "b": 100}
    drawn = shares(sizes, Training(), 2000)
    made = Mixture(sizes=sizes, shares=drawn, seed=3, batch=4, one_task=True)
    steps = [{name for name, _ in made.step(k)} for k in range(2000)]
    assert all(len(names) == 1 for names in steps)
    assert sum(names == {"a"} for names in steps) / 2000 == pytest.approx(0.75, abs=0.03)
    items = [item for k in range(2000) for name, item in made.step(k) if name == "b"]
    assert sorted(items[:100]) == list(range(100)), "every item once before any is seen twice"


def test_sums_are_those_of_each_steps_items() -> None:
    made = mixture({"a": 7, "b": 30}, batch=5)
    values = {"a": np.arange(7) * 10, "b": np.arange(30) + 1}
    assert made.sums(values).tolist() == [sum(int(values[n][i]) for n, i in step) for step in order(made, range(30))]


def test_streams_do_not_meet() -> None:
    """Masks of different steps, slots and seeds, and other purposes, draw different numbers."""
    made = [mask_generator(1, 0, 0), mask_generator(1, 0, 1), mask_generator(1, 1, 0), mask_generator(2, 0, 0)]
    made += [generator(1, 1), generator(1, 2)]
    draws = [tuple(g.integers(0, 2**60, 4)) for g in made]
    assert len(set(draws)) == len(draws)
    assert np.array_equal(mask_generator(1, 2, 3).random(5), mask_generator(1, 2, 3).random(5))
