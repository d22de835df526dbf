"""The order of the data: a pure function of (seed, step, items per step)."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.data.mixture import Mixture, generator, mask_generator, shares
from ds_stilts.recipe import TaskUse, Training

SIZES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 12), min_size=1)


def mixture(
    sizes: dict[str, int], *, seed: int = 1, batch: int = 4, num_steps: int = 30, rule: str = "uniform"
) -> Mixture:
    probabilities = shares(sizes, Training(mixing=rule, steps=num_steps))
    return Mixture(sizes=sizes, probabilities=probabilities, seed=seed, batch=batch, num_steps=num_steps)


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


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (Training(mixing="proportional"), [1 / 13, 4 / 13, 8 / 13]),
        (Training(mixing="uniform"), [1 / 3, 1 / 3, 1 / 3]),
        (Training(mixing="capped", cap=400), [1 / 9, 4 / 9, 4 / 9]),
        (Training(mixing="temperature", temperature=2.0), [1 / (3 + 8**0.5), 2 / (3 + 8**0.5), 8**0.5 / (3 + 8**0.5)]),
        (Training(mixing="temperature", temperature=1.0), [1 / 13, 4 / 13, 8 / 13]),
    ],
)
def test_each_rule_gives_its_shares(training: Training, expected: list[float]) -> None:
    found = shares({"a": 100, "b": 400, "c": 800}, training)
    assert list(found.values()) == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)


def test_fixed_shares_win_over_the_rule() -> None:
    uses = {"a": TaskUse(share=3), "b": TaskUse(share=1)}
    assert shares({"a": 1, "b": 1000}, Training(tasks=uses, mixing="proportional")) == {"a": 0.75, "b": 0.25}


def test_streams_do_not_meet() -> None:
    """Masks of different steps, slots and seeds, and other purposes, draw different numbers."""
    made = [mask_generator(1, 0, 0), mask_generator(1, 0, 1), mask_generator(1, 1, 0), mask_generator(2, 0, 0)]
    made += [generator(1, 1), generator(1, 2)]
    draws = [tuple(g.integers(0, 2**60, 4)) for g in made]
    assert len(set(draws)) == len(draws)
    assert np.array_equal(mask_generator(1, 2, 3).random(5), mask_generator(1, 2, 3).random(5))
