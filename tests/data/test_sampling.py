"""How often each task is drawn, by every rule, and how that changes over a phase."""

import numpy as np
import pytest

from ds_stilts.data.sampling import mean_shares, phase_length, shares
from ds_stilts.errors import RecipeError
from ds_stilts.recipe import TaskUse, Training

SIZES = {"a": 100, "b": 400, "c": 800}


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
    found = shares(SIZES, training, 5)
    assert found.tolist() == [pytest.approx(expected)] * 5


def test_fixed_shares_win_over_the_rule() -> None:
    uses = {"a": TaskUse(share=3), "b": TaskUse(share=1)}
    assert shares({"a": 1, "b": 1000}, Training(tasks=uses), 2).tolist() == [[0.75, 0.25]] * 2


def test_annealed_shares_go_from_proportional_to_nearly_even() -> None:
    found = shares(SIZES, Training(mixing="annealed", anneal=0.8), 1000)
    assert found[0] == pytest.approx([1 / 13, 4 / 13, 8 / 13])
    last = np.array([100, 400, 800]) ** (1 - 0.8 * 0.999)
    assert found[-1] == pytest.approx(last / last.sum())
    assert (np.diff(found[:, 2]) < 0).all() and (np.diff(found[:, 0]) > 0).all()


def test_a_sequence_gives_each_task_its_time_in_order() -> None:
    found = shares(SIZES, Training(mixing="sequence"), 130)
    assert [found[:, task].sum() for task in range(3)] == [10, 40, 80]
    assert found.argmax(axis=1).tolist() == [0] * 10 + [1] * 40 + [2] * 80


def test_shares_may_be_expressions_of_t_and_numbers_beside_them() -> None:
    uses = {"a": TaskUse(share="2 * t"), "b": TaskUse(share=1)}
    assert shares({"a": 1, "b": 1}, Training(tasks=uses), 2).tolist() == [[0.0, 1.0], [0.5, 0.5]]


def test_the_mean_share_is_that_of_all_items_that_are_drawn() -> None:
    uses = {"a": TaskUse(share="t < 0.3"), "b": TaskUse(share="t >= 0.3")}
    found = mean_shares({"a": 10, "b": 10}, Training(tasks=uses, steps=100), 100)
    assert found == pytest.approx({"a": 0.3, "b": 0.7})


def test_a_step_at_which_nothing_could_be_drawn_is_named() -> None:
    """Between the points at which a recipe is checked."""
    uses = {"a": TaskUse(share="(t - 0.00025) ** 2")}
    with pytest.raises(RecipeError, match=r"the shares of a are all 0 at t = 0.00025"):
        shares({"a": 1}, Training(tasks=uses), 4000)


def test_a_phase_is_as_long_as_its_epochs_take() -> None:
    assert phase_length(Training(steps=7), SIZES, {}) == 7
    assert phase_length(Training(epochs=2, batch_examples=100), SIZES, {}) == 26
    assert phase_length(Training(epochs=1, batch_examples=100, mixing="capped", cap=400), SIZES, {}) == 9


def test_an_epoch_of_steps_by_tokens_is_as_many_tokens_as_the_items_have() -> None:
    tokens = {"a": 10.0, "b": 30.0, "c": 2.5}  # of 100, 400 and 800 items: 1,000 + 12,000 + 2,000
    assert phase_length(Training(epochs=1, batch_tokens=1000), SIZES, tokens) == 15
    assert phase_length(Training(epochs=2, batch_tokens=1400), SIZES, tokens) == 22  # 21.4
    assert phase_length(Training(epochs=1, batch_tokens=1000, mixing="capped", cap=200), SIZES, tokens) == 8  # 7.5
    assert phase_length(Training(steps=7, batch_tokens=1000), SIZES, tokens) == 7
