"""Steps cut into micro-batches: the same items on any number of ranks, the loss weights, the token budget."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.data.mixture import Mixture
from ds_stilts.data.sampling import shares
from ds_stilts.data.steps import Slot, StepPlanner, StepShare, TaskData, task_data
from ds_stilts.errors import RecipeError
from ds_stilts.recipe import TaskUse, Training
from tests.small import prepared, task

NUM_STEPS = 4


def pairs(lengths: list[int], name: str = "nli", loss_weight: float = 1.0) -> TaskData:
    training = Training(tasks={name: TaskUse(loss_weight=loss_weight)})
    return task_data(task(name), prepared([[0] * length for length in lengths]), training, frozenset())


def planner(data: dict[str, TaskData], *, batch: int, world_size: int, budget: int = 40) -> StepPlanner:
    sizes = {name: item.prepared.num_items for name, item in data.items()}
    mixture = Mixture(sizes=sizes, shares=shares(sizes, Training(), NUM_STEPS), seed=3, batch=batch)
    return StepPlanner(mixture=mixture, tasks=data, world_size=world_size, micro_batch_tokens=budget)


def all_shares(made: StepPlanner, step: int, world_size: int) -> list[StepShare]:
    return [made.share(step, rank) for rank in range(world_size)]


def slots_of(parts: list[StepShare]) -> Counter[Slot]:
    return Counter(slot for part in parts for batch in part.micro_batches for slot in batch)


LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


@settings(deadline=None, max_examples=10)
@given(LENGTHS, LENGTHS)
def test_every_world_size_trains_on_the_same_items_with_the_same_weights(first, second) -> None:
    data = {"nli": pairs(first), "paws": pairs(second, "paws")}
    alone = planner(data, batch=64, world_size=1)
    for world_size in (2, 4, 64):
        many = planner(data, batch=64, world_size=world_size)
        for step in range(NUM_STEPS):
            parts, whole = all_shares(many, step, world_size), alone.share(step, 0)
            assert slots_of(parts) == slots_of([whole])
            assert {tuple(part.coefficients.items()) for part in parts} == {tuple(whole.coefficients.items())}
            assert {part.num_tokens for part in parts} == {whole.num_tokens}


@settings(deadline=None, max_examples=30)
@given(LENGTHS, st.integers(1, 8), st.integers(8, 60))
def test_the_token_budget_is_kept_up_to_one_item_and_no_micro_batch_is_empty(lengths, world_size, budget) -> None:
    data = {"nli": pairs(lengths)}
    made = planner(data, batch=16, world_size=world_size, budget=budget)
    for step in range(NUM_STEPS):
        for part in all_shares(made, step, world_size):
            assert len(part.micro_batches) == made.accumulation
            for batch in part.micro_batches:
                assert batch, "an empty micro-batch"
                tokens = [lengths[slot.item] for slot in batch]
                alone = made.accumulation == 16 // world_size  # cannot be cut any finer
                assert sum(tokens) <= budget + max(lengths) or alone


def test_accumulation_is_no_larger_than_the_budget_asks_for() -> None:
    data = {"nli": pairs([10] * 20)}
    assert planner(data, batch=8, world_size=1, budget=80).accumulation == 1
    assert planner(data, batch=8, world_size=1, budget=79).accumulation == 2
    assert planner(data, batch=8, world_size=2, budget=40).accumulation == 1
    assert planner(data, batch=8, world_size=2, budget=20).accumulation == 2
    assert planner(data, batch=8, world_size=4, budget=1).accumulation == 2


def test_ranks_get_nearly_the_same_number_of_tokens() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 60, 300).tolist()
    made = planner({"nli": pairs(lengths)}, batch=128, world_size=4, budget=512)
    for step in range(NUM_STEPS):
        loads = [
            sum(lengths[slot.item] for batch in part.micro_batches for slot in batch)
            for part in all_shares(made, step, 4)
        ]
        assert max(loads) <= 1.05 * min(loads)


def test_the_weight_of_a_loss_unit_is_the_formula_by_hand() -> None:
    """w_t · n_t / (N · units of t): 3 words of 2 tagged sentences and 1 pair, of which N = 3."""
    training = Training(tasks={"pos": TaskUse(loss_weight=0.5), "nli": TaskUse(loss_weight=2.0)})
    tags = prepared([[0, 5, 6, 2], [0, 7, 2]], rows=[[1, 2], [1]], targets=[[1, 0], [2]])
    pair = prepared([[0, 5, 2]])
    data = {
        "pos": task_data(task("pos", "tagging", labels=("a", "b", "c")), tags, training, frozenset()),
        "nli": task_data(task("nli", labels=("x",)), pair, training, frozenset()),
        "absent": pairs([3], "absent"),
    }

    class Fixed(Mixture):
        fewest = 3

        def __init__(self) -> None: ...

        def step(self, k: int) -> list[tuple[str, int]]:
            return [("pos", 0), ("nli", 0), ("pos", 1)]

        def sums(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
            return np.array([10])

    made = StepPlanner(mixture=Fixed(), tasks=data, world_size=1, micro_batch_tokens=100)
    share = made.share(0, 0)
    assert share.coefficients == pytest.approx({"pos": 0.5 * 2 / (3 * 3), "nli": 2.0 * 1 / (3 * 1), "absent": 0.0})
    assert share.num_tokens == 10
    assert share.num_items == {"pos": 2, "nli": 1, "absent": 0}
    assert slots_of([share]) == Counter([Slot("pos", 0, 0), Slot("nli", 0, 1), Slot("pos", 1, 2)])


def test_units_are_what_the_reference_averages_over() -> None:
    training = Training(masking=0.15)
    ids = [[0, *range(5, 25), 2], [0, 5, 2], [0, 2], [0, 5, 6, 2]]
    text = task_data(
        task("text", "masked_lm"), prepared(ids, rows=[[]] * 4, targets=[[]] * 4), training, frozenset({0, 2})
    )
    assert text.units.tolist() == [3, 1, 0, 1]  # 15 % of 20; at least one; nothing to predict; one of two
    assert text.tokens.tolist() == [22, 3, 2, 4]
    spans = prepared([[0, 5, 2], [0, 6, 2]], rows=[[0, 1], [0, 1]], targets=[[0, 1], [1, 1]])
    assert task_data(task("qa", "span_qa"), spans, training, frozenset()).units.tolist() == [1, 1]
    choices = prepared([[0, 5, 2], [0, 6, 7, 2]] * 2, targets=[[1], [], [0], []], per_item=2)
    choice = task_data(task("copa", "multiple_choice", num_choices=2), choices, training, frozenset())
    assert (choice.units.tolist(), choice.tokens.tolist()) == ([1, 1], [7, 7])


def test_more_ranks_than_examples_is_refused_with_both_numbers() -> None:
    with pytest.raises(
        RecipeError, match=r"a step has 4 items, but there are 8 ranks.*raise batch_examples or batch_tokens"
    ):
        planner({"nli": pairs([5] * 10)}, batch=4, world_size=8)
