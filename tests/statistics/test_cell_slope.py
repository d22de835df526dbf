"""Slope of gains in a property of arm and target: found exactly, beside what arms and targets add, and honest."""

from itertools import permutations, product

import numpy as np
import pytest
import statsmodels.api as sm

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.cell_slope import cell_slope
from tests.statistics.bands import SIMULATIONS, at_most, in_band

ARMS, TARGETS = ("a", "b", "c", "d"), ("x", "y", "z")
CELLS = list(product(ARMS, TARGETS))


def distances(seed: int = 0, arms: tuple[str, ...] = ARMS) -> dict[tuple[str, str], float]:
    draw = np.random.default_rng(seed)
    return {cell: float(draw.uniform(0, 0.7)) for cell in product(arms, TARGETS)}


def test_it_finds_the_slope_beside_the_effects_that_are_taken_off() -> None:
    values = distances()
    of_arm, of_target = {"a": 3.0, "b": -2.0, "c": 9.0, "d": 0.0}, {"x": 1.0, "y": -7.0, "z": 2.0}
    both = np.array([[of_arm[a] + of_target[t] - 12 * values[a, t] + s for a, t in CELLS] for s in (0.0, 1.0)])
    found = cell_slope(both, CELLS, values, arms_too=True)
    assert found.estimate == pytest.approx(-12) and (found.arms, found.cells) == (4, 12)
    assert found.over_seeds is not None and found.over_seeds.estimate == pytest.approx(-12)
    only = np.array([[of_target[t] - 12 * values[a, t] for a, t in CELLS]])
    single = cell_slope(only, CELLS, values, arms_too=False)
    assert single.estimate == pytest.approx(-12) and single.over_seeds is None
    assert cell_slope(both, CELLS, values, arms_too=False).estimate != pytest.approx(-12, abs=0.5)


@pytest.mark.parametrize("arms_too", [False, True])
def test_it_is_least_squares_with_indicators_also_where_cells_are_missing(arms_too: bool) -> None:
    values, cells = distances(1), CELLS[1:]  # (a, x) was not scored
    gains = np.random.default_rng(2).normal(size=(6, len(cells)))
    columns = [[values[cell] for cell in cells], *([t == one for _, t in cells] for one in TARGETS)]
    columns += [[a == one for a, _ in cells] for one in ARMS[1:]] if arms_too else []
    design = np.array(columns, float).T
    expected = [float(sm.OLS(own, design).fit().params[0]) for own in gains]
    found = cell_slope(gains, cells, values, arms_too=arms_too)
    assert found.estimate == pytest.approx(np.mean(expected)) and found.over_seeds is not None
    assert found.over_seeds.se == pytest.approx(np.std(expected, ddof=1) / 6**0.5)


def test_p_is_the_share_of_orders_of_the_arms_that_are_as_steep() -> None:
    values = distances(3)
    gains = np.random.default_rng(4).normal(size=(1, 12))
    found = cell_slope(gains, CELLS, values, arms_too=False)

    def slope(order: tuple[str, ...]) -> float:
        moved = np.array([values[order[ARMS.index(a)], t] for a, t in CELLS]).reshape(4, 3)
        centred = moved - moved.mean(axis=0)
        return float((centred * gains.reshape(4, 3)).sum() / (centred**2).sum())

    slopes = np.abs([slope(order) for order in permutations(ARMS)])
    assert found.p == pytest.approx((slopes >= abs(found.estimate) - 1e-12).mean()) and found.least_p >= 1 / 24


def test_with_many_arms_random_orders_are_looked_at_and_what_was_seen_counts_as_one() -> None:
    arms = tuple("abcdefgh")
    values, cells = distances(5, arms), list(product(arms, TARGETS))
    gains = np.array([[-20 * values[cell] for cell in cells]])
    found = cell_slope(gains, cells, values, arms_too=False)
    assert found.p == found.least_p == 1 / 10_000 and "random 9,999 orders" in found.method


def test_arms_that_have_nothing_to_do_with_their_distances_are_seldom_found_steep() -> None:
    """Arms that differ a lot, alike in all targets, which least squares over dots would take for certainty."""
    arms, draw = tuple("abcde"), np.random.default_rng(6)
    cells = list(product(arms, TARGETS))
    found = 0
    for _ in range(SIMULATIONS):
        near = {arm: draw.uniform() for arm in arms}
        values = {(arm, target): near[arm] + 0.05 * draw.uniform() for arm, target in cells}
        own = {arm: 5 * draw.normal() for arm in arms}
        gains = np.array([[own[a] + draw.normal() for a, _ in cells] for _ in range(3)])
        found += cell_slope(gains, cells, values, arms_too=False).p <= 0.05
    assert at_most(found, 0.05)


def test_the_interval_over_seeds_holds_the_truth_of_these_cells() -> None:
    draw, values = np.random.default_rng(7), distances(8)
    holds = 0
    for _ in range(SIMULATIONS):
        gains = np.array([[-5 * values[cell] + 2 * draw.normal() for cell in CELLS] for _ in range(6)])
        interval = cell_slope(gains, CELLS, values, arms_too=True).over_seeds.interval  # type: ignore[union-attr]
        holds += interval[0] < -5 < interval[1]  # type: ignore[index]
    assert in_band(holds, 0.95)


@pytest.mark.parametrize(
    ("cells", "values", "arms_too", "said"),
    [
        ([("a", "x"), ("b", "x")], {}, False, "2 arm\\(s\\) to compare; a slope within targets takes 3"),
        (
            [("a", "x"), ("b", "x"), ("c", "x")],
            {},
            True,
            "1 target; whether an arm does better",
        ),
        (CELLS, dict.fromkeys(CELLS, 0.3), False, "arms do not differ in it"),
        (CELLS, {(a, t): ARMS.index(a) + TARGETS.index(t) for a, t in CELLS}, True, "arms do not differ in it"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(
    cells: list[tuple[str, str]], values: dict[tuple[str, str], float], arms_too: bool, said: str
) -> None:
    values = values or distances()
    with pytest.raises(StatisticsError, match=said):
        cell_slope(np.zeros((2, len(cells))), cells, values, arms_too=arms_too)
