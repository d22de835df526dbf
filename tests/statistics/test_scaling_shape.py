"""The shape of gains over an amount: what a doubling adds, which shape foretells arms best, and whether gains fall."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.scaling_shape import scaling_shape
from tests.statistics.bands import SIMULATIONS, at_most, in_band

AMOUNTS = np.array([0.0, 1, 1, 1, 2, 2, 2, 4, 4, 4, 8])
PLACES = np.log2(1 + AMOUNTS)


@pytest.fixture(autouse=True, scope="module")
def garbage() -> Iterator[None]:
    """statsmodels' `multipletests` collects garbage in every call: 60 ms among all that a test run holds."""
    gc.freeze()
    yield
    gc.unfreeze()


def noisy(middle: np.ndarray, seed: int, *, seeds: int = 6, sd: float = 1.0) -> np.ndarray:
    return middle + sd * np.random.default_rng(seed).normal(size=(seeds, len(middle)))


def test_what_a_doubling_adds_is_the_slope_and_its_interval_holds_the_truth() -> None:
    exact = scaling_shape(np.stack([3 + 2 * PLACES, 4 + 2 * PLACES]), AMOUNTS)
    assert exact.per_doubling.estimate == pytest.approx(2) and (exact.arms, exact.amounts) == (11, 5)
    assert exact.errors["line"] == pytest.approx(0, abs=1e-9) and exact.errors["constant"] == pytest.approx(
        _left_out_mean(3.5 + 2 * PLACES)
    )
    holds = 0
    for seed in range(SIMULATIONS):
        interval = scaling_shape(noisy(2 * PLACES, seed), AMOUNTS).per_doubling.interval
        holds += interval is not None and interval[0] < 2 < interval[1]
    assert in_band(holds, 0.95)


def _left_out_mean(gains: np.ndarray) -> float:
    means = [np.delete(gains, place).mean() for place in range(len(gains))]
    return float(np.mean((np.array(means) - gains) ** 2)) ** 0.5


@pytest.mark.parametrize(
    ("middle", "best"),
    [
        (np.full(11, 3.0), "constant"),
        (4 * PLACES, "line"),
        (8 * PLACES - 14 * np.maximum(0, PLACES - np.log2(3)), "broken line"),
    ],
)
def test_the_shape_that_was_planted_foretells_arms_best(middle: np.ndarray, best: str) -> None:
    wins = 0
    for seed in range(20):
        errors = scaling_shape(noisy(middle, seed), AMOUNTS).errors
        wins += min(errors, key=lambda name: errors[name] or 0.0) == best
    assert wins >= 14


def test_a_rise_and_fall_is_found_where_it_is() -> None:
    rises_and_falls = np.array([0.0, 4, 4, 4, 9, 9, 9, 6, 6, 6, 1])
    fall = scaling_shape(noisy(rises_and_falls, 1, sd=0.5), AMOUNTS).fall
    assert (fall.start, fall.end) == (2, 8) and fall.change.estimate == pytest.approx(-8, abs=1)
    assert fall.adjusted_p is not None and fall.adjusted_p < 0.001


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_a_fall_is_seldom_found_where_there_is_none(slope: float) -> None:
    found = 0
    for seed in range(SIMULATIONS):
        p = scaling_shape(noisy(slope * PLACES, seed), AMOUNTS).fall.adjusted_p
        found += p is not None and p < 0.05
    assert at_most(found, 0.05)


def test_a_shape_that_few_other_arms_cannot_make_has_no_error() -> None:
    shape = scaling_shape(noisy(np.array([0.0, 1, 2]), 3), np.array([0.0, 1, 4]))
    assert shape.errors["broken line"] is None and shape.errors["line"] is not None
    four = scaling_shape(noisy(np.array([0.0, 1, 2, 3]), 3), np.array([0.0, 1, 2, 4]))
    assert four.errors["broken line"] is not None


@pytest.mark.parametrize(
    ("gains", "amounts", "said"),
    [
        (np.zeros((6, 3)), [0, 1, 1], "2 different amount"),
        (np.zeros((1, 3)), [0, 1, 2], "one seed shows no spread"),
    ],
)
def test_what_has_no_shape_is_a_sentence(gains: np.ndarray, amounts: list[float], said: str) -> None:
    with pytest.raises(StatisticsError, match=said):
        scaling_shape(gains, np.array(amounts, float))


def test_gains_that_do_not_vary_over_seeds_have_no_p() -> None:
    shape = scaling_shape(np.tile([0.0, 2.0, 1.0], (3, 1)), np.array([0.0, 1, 2]))
    assert shape.fall.adjusted_p is None and (shape.fall.start, shape.fall.end) == (1, 2)
    assert shape.per_doubling.interval is None
