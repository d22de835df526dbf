"""Steps cut by tokens: the boundaries of a prefix sum over lengths in drawing order, and no rank's state in them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.data.mixture import Mixture, generator
from ds_stilts.data.sampling import shares
from ds_stilts.data.steps import StepPlanner
from ds_stilts.errors import RecipeError
from ds_stilts.recipe import TaskUse, Training
from tests.data.test_steps import all_shares, pairs, slots_of

LENGTHS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(st.integers(1, 30), min_size=1, max_size=12), min_size=1
)
Step = list[tuple[str, int]]


def mixture(
    lengths: dict[str, list[int]], *, seed: int = 1, batch: int = 60, num_steps: int = 25, one_task: bool = False,
    **training: Any,
) -> Mixture:  # fmt: skip
    sizes = {name: len(own) for name, own in lengths.items()}
    return Mixture(
        sizes=sizes,
        shares=shares(sizes, Training(mixing="uniform", steps=num_steps, **training), num_steps),
        seed=seed,
        batch=batch,
        lengths={name: np.array(own) for name, own in lengths.items()},
        one_task=one_task,
    )


def steps(made: Mixture) -> list[Step]:
    return [made.step(k) for k in range(made.num_steps)]


def slot_by_slot(lengths: dict[str, list[int]], drawn: np.ndarray, seed: int, batch: int) -> list[Step]:
    """The rule as it is said: a slot belongs to the step in whose tokens it begins, and draws by that step's shares."""
    names, uniform = list(lengths), generator(seed, 1)
    counts, begin, found = dict.fromkeys(names, 0), 0, [[] for _ in drawn]  # type: ignore[var-annotated]
    while begin < batch * len(drawn):
        step = begin // batch
        edges = np.cumsum(drawn[step]) / drawn[step].sum()
        task = min(int((uniform.random() >= edges).sum()), len(names) - 1)
        epoch, place = divmod(counts[names[task]], len(lengths[names[task]]))
        item = int(generator(seed, 2, task, epoch).permutation(len(lengths[names[task]]))[place])
        counts[names[task]] += 1
        found[step].append((names[task], item))
        begin += lengths[names[task]][item]
    return found


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(0, 2**31), st.integers(30, 200), st.booleans())
def test_a_slot_belongs_to_the_step_in_whose_tokens_it_begins(lengths, seed, batch, over_time) -> None:
    uses = {name: TaskUse(share="1 - t" if place == 0 else "0.1 + t") for place, name in enumerate(lengths)}
    training = {"tasks": uses} if over_time and len(uses) > 1 else {}
    made = mixture(lengths, seed=seed, batch=batch, **training)
    sizes = {name: len(own) for name, own in lengths.items()}
    drawn = shares(sizes, Training(mixing="uniform", steps=25, **training), 25)
    assert steps(made) == slot_by_slot(lengths, drawn, seed, batch)


@settings(deadline=None)
@given(LENGTHS, st.integers(30, 200), st.booleans())
def test_steps_are_off_their_tokens_by_less_than_an_item_and_never_drift(lengths, batch, one_task) -> None:
    made = mixture(lengths, batch=batch, one_task=one_task)
    tokens = [sum(lengths[name][item] for name, item in step) for step in steps(made)]
    assert all(abs(total - batch) < 30 for total in tokens)
    assert all(0 <= done - batch * k < 30 for k, done in enumerate(np.cumsum(tokens), start=1))
    assert made.sums({name: np.array(own) for name, own in lengths.items()}).tolist() == tokens
    assert made.fewest == min(map(len, steps(made))) >= 1


@settings(deadline=None)
@given(LENGTHS, st.integers(30, 200), st.booleans())
def test_every_item_is_seen_once_before_any_is_seen_twice(lengths, batch, one_task) -> None:
    drawn: dict[str, list[int]] = {name: [] for name in lengths}
    for step in steps(mixture(lengths, batch=batch, one_task=one_task)):
        for name, item in step:
            drawn[name].append(item)
    for name, items in drawn.items():
        for first in range(0, len(items), len(lengths[name])):
            epoch = items[first : first + len(lengths[name])]
            assert len(set(epoch)) == len(epoch)


def test_a_step_of_one_task_has_one_task_and_the_shares_hold_over_steps() -> None:
    made = mixture({"a": [5] * 50, "b": [25] * 70}, one_task=True, batch=100, num_steps=1000)
    of_step = [{name for name, _ in step} for step in steps(made)]
    assert all(len(names) == 1 for names in of_step)
    assert sum(names == {"a"} for names in of_step) / 1000 == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("lengths", [None, {"a": np.arange(1, 8), "b": np.full(30, 11)}])
@pytest.mark.parametrize("one_task", [False, True])
def test_drawing_in_pieces_gives_the_order_of_drawing_at_once(lengths: Any, one_task: bool) -> None:
    sizes, batch = {"a": 7, "b": 30}, 5 if lengths is None else 40
    drawn = shares(sizes, Training(mixing="annealed"), 40)
    kept = {"sizes": sizes, "seed": 3, "batch": batch, "lengths": lengths, "one_task": one_task}
    whole = Mixture(shares=drawn, **kept)
    for cuts in ([20], [1, 2, 39]):
        pieces = np.split(drawn, cuts)
        made = Mixture(shares=pieces[0], **kept)
        for piece in pieces[1:]:
            made.extend(piece)
        assert steps(made) == steps(whole)


def test_the_order_is_the_same_on_every_machine() -> None:
    """Written down once; a change of it makes every unfinished run impossible to continue."""
    made = mixture({"a": [9, 3, 8, 5, 2], "b": [4, 4, 7, 1, 9, 6, 2, 8]}, batch=20, num_steps=3)
    assert steps(made) == ORDER


ORDER = [
    [("b", 4), ("a", 3), ("b", 7)],
    [("a", 4), ("b", 1), ("a", 0), ("a", 1)],
    [("a", 2), ("b", 2), ("a", 4), ("a", 0)],
]
"""The draws of `test_mixture`; the lengths are 9 5 8, 2 4 9 3 and 8 7 2 9, and 22 and 40 tokens lie before a step."""


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_every_world_size_trains_on_the_same_items_with_the_same_weights(first, second) -> None:
    data = {"nli": pairs(first), "paws": pairs(second, "paws", loss_weight=0.5)}
    order = mixture({"nli": first, "paws": second}, batch=64 * 30, num_steps=4)
    alone = StepPlanner(mixture=order, tasks=data, world_size=1, micro_batch_tokens=200)
    for world_size in (2, 4, 64):
        many = StepPlanner(mixture=order, tasks=data, world_size=world_size, micro_batch_tokens=200)
        for step in range(4):
            parts, whole = all_shares(many, step, world_size), alone.share(step, 0)
            assert slots_of(parts) == slots_of([whole])
            assert {tuple(part.coefficients.items()) for part in parts} == {tuple(whole.coefficients.items())}
            assert {part.num_tokens for part in parts} == {whole.num_tokens}
            assert {len(part.micro_batches) for part in parts} == {many.accumulation}
            assert all(batch for part in parts for batch in part.micro_batches)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 4), st.integers(30, 90))
def test_the_token_budget_is_kept_up_to_one_item(lengths, world_size, budget) -> None:
    made = StepPlanner(
        mixture=mixture({"nli": lengths}, batch=360, num_steps=6),
        tasks={"nli": pairs(lengths)}, world_size=world_size, micro_batch_tokens=budget,
    )  # fmt: skip
    for step in range(6):
        loads = [sum(lengths[slot.item] for slot in slots) for slots in made.deal(step)]
        assert min(loads) > 0
        assert max(loads) <= budget + max(lengths) or made.accumulation == 360 // max(lengths) // world_size


def test_a_step_of_whole_budgets_is_cut_into_just_as_many_and_fills_them() -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 500).tolist()
    made = StepPlanner(
        mixture=mixture({"nli": lengths}, batch=4 * 2048, num_steps=10),
        tasks={"nli": pairs(lengths)}, world_size=2, micro_batch_tokens=2048,
    )  # fmt: skip
    assert made.accumulation == 2
    loads = [sum(lengths[slot.item] for slot in slots) for step in range(10) for slots in made.deal(step)]
    assert np.mean(loads) / 2048 == pytest.approx(1.0, abs=0.01) and min(loads) / 2048 > 0.98


def test_more_ranks_than_items_of_some_step_are_refused() -> None:
    order = mixture({"nli": [30] * 9 + [1] * 40}, batch=60, num_steps=40)
    assert order.fewest < 4
    with pytest.raises(RecipeError, match=rf"a step has {order.fewest} items, but there are 4 ranks"):
        StepPlanner(
            mixture=order, tasks={"nli": pairs([30] * 9 + [1] * 40)}, world_size=4, micro_batch_tokens=99
        )  # fmt: skip
