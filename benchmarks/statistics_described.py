"""Rows of `statistics_simulations.py`: what reports tell beside their verdicts, and what a run's own report tells."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.simulation_rows import ALARMS, COVERS, Row, found, holds
from ds_stilts.statistics.bootstrap import Tally, interval, resampled
from ds_stilts.statistics.cell_slope import Cell, cell_slope
from ds_stilts.statistics.scaling_shape import ScalingShape, scaling_shape


def cell_slopes() -> Iterator[Row]:
    """Arms that gain alike in all targets, and have nothing to do with their distances but what is planted."""
    cells = [(arm, target) for arm in "abcde" for target in "xyz"]

    def world(draw: np.random.Generator, num_seeds: int, slope: float) -> tuple[np.ndarray, dict[Cell, float]]:
        arms = {arm: (draw.uniform(), 5 * draw.normal()) for arm in "abcde"}
        distances = {cell: arms[cell[0]][0] + 0.3 * draw.uniform() for cell in cells}
        gains_C = np.array([arms[cell[0]][1] + slope * distances[cell] for cell in cells])
        return gains_C + draw.normal(size=(num_seeds, len(cells))), distances

    def covers(draw: np.random.Generator, num_seeds: int) -> float:
        over_seeds = cell_slope(*_with_cells(world(draw, num_seeds, -5.0), cells), arms_too=True).over_seeds
        return holds(over_seeds, -5.0) if over_seeds else 0.0

    def alarms(draw: np.random.Generator, arms_too: bool) -> float:
        return float(cell_slope(*_with_cells(world(draw, 6, 0.0), cells), arms_too=arms_too).p <= 0.05)

    for size in (6, 10):
        yield Row(
            method="cell slope, over seeds", case=f"5 arms that differ, 3 targets, {size} seeds", what="covers",
            band=COVERS, trial=partial(covers, num_seeds=size),
        )  # fmt: skip
    for within, arms_too in (("targets", False), ("targets and arms", True)):
        yield Row(
            method="cell slope, arms shuffled", case=f"within {within}, 5 arms that differ, no slope",
            what="false alarms", band=ALARMS, trial=partial(alarms, arms_too=arms_too),
        )  # fmt: skip


def _with_cells(
    made: tuple[np.ndarray, dict[Cell, float]], cells: list[Cell]
) -> tuple[np.ndarray, list[Cell], dict[Cell, float]]:
    return made[0], cells, made[1]


def scaling() -> Iterator[Row]:
    """Amounts as in S1: none, and arms of 1 to 8 languages."""
    amounts_A = np.array([0, 1, 1, 1, 2, 2, 2, 4, 4, 4, 8], float)
    places_A = np.log2(1 + amounts_A)

    def shape(draw: np.random.Generator, num_seeds: int, slope: float) -> ScalingShape:
        return scaling_shape(slope * places_A + draw.normal(size=(num_seeds, len(amounts_A))), amounts_A)

    for size in (6, 10):
        yield Row(
            method="scaling, a doubling", case=f"11 arms of 5 amounts, {size} seeds", what="covers", band=COVERS,
            trial=lambda draw, n=size: holds(shape(draw, n, 2.0).per_doubling, 2.0),
        )  # fmt: skip
        yield Row(
            method="scaling, a fall", case=f"11 arms that do not differ, {size} seeds", what="any false alarm",
            band=ALARMS, trial=lambda draw, n=size: found(shape(draw, n, 0.0).fall.adjusted_p),
        )  # fmt: skip


def one_run() -> Iterator[Row]:
    """A run's score over its test items: accuracy, and F1 of chunks, of which a sentence has none to five."""

    def accuracy(draw: np.random.Generator, num_items: int, right: float) -> float:
        over = (draw.random((num_items, 1, 1)) < right).astype(float)
        return _holds(Tally(ids=np.arange(num_items), over=over, under=np.ones_like(over)), 100 * right, draw)

    def f1(draw: np.random.Generator, num_items: int) -> float:
        """Of a gold chunk .7 is found, and so many besides: 2·.7 / (1 + .7 + .2) of them all."""
        gold = draw.integers(0, 6, num_items)
        right, wrong = draw.binomial(gold, 0.7), draw.binomial(gold, 0.2)
        over, under = (side.astype(float).reshape(-1, 1, 1) for side in (2 * right, gold + right + wrong))
        return _holds(Tally(ids=np.arange(num_items), over=over, under=under), 100 * 1.4 / 1.9, draw)

    for num_items, right in ((100, 0.7), (1000, 0.7), (1000, 0.97)):
        yield Row(
            method="one run, over items", case=f"accuracy {right:.0%}, {num_items:,} items", what="covers",
            band=COVERS, trial=partial(accuracy, num_items=num_items, right=right),
        )  # fmt: skip
    for num_items in (100, 1000):
        yield Row(
            method="one run, over items", case=f"F1 of chunks, {num_items:,} sentences", what="covers", band=COVERS,
            trial=partial(f1, num_items=num_items),
        )  # fmt: skip
    yield Row(
        method="one run, over items", case="limit: accuracy 97%, 100 items", what="covers", band=None,
        trial=partial(accuracy, num_items=100, right=0.97),
    )  # fmt: skip


def _holds(tally: Tally, truth: float, draw: np.random.Generator) -> float:
    ends = interval(resampled([tally], seed=int(draw.integers(1 << 30)), resamples=500)[:, 0])
    return float(ends is not None and ends[0] <= truth <= ends[1])
