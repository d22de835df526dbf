"""Losses on two ranks equal plain PyTorch's for every ZeRO stage, precision and kind of offloading."""

import pytest

from tests.distributed.matrix import CELLS, CI_CELLS, SUBJECTS, Cell, run_cell, tolerance

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    ("subject", "cell"),
    [
        pytest.param(s, c, marks=[] if c in CI_CELLS[s] else pytest.mark.slow, id=f"{s}-{c.name}")
        for s in SUBJECTS
        for c in CELLS
    ],
)
def test_the_losses_of_a_cell_are_those_of_plain_pytorch(subject: str, cell: Cell) -> None:
    outcome = run_cell(subject, cell)
    assert outcome.losses <= tolerance(subject, cell)
    assert outcome.moved > 50 * tolerance(subject, cell), "training must show far above the tolerance"
    assert (outcome.released > 0) == cell.config.startswith("zero3"), "parameters must really have been let go"
    assert (outcome.doubled > 0) == ("hpz" in cell.config), "the second partition must really be used"


def test_every_test_run_trains_each_precision_without_zero_and_with_each_kind_of_offloading() -> None:
    cells = {cell for chosen in CI_CELLS.values() for cell in chosen}
    assert {cell.dtype for cell in cells} == {"fp32", "bf16"}
    assert {"zero0", "zero2_offload", "zero3_offload_params", "zero3_hpz"} <= {cell.config for cell in cells}
    assert CI_CELLS.keys() == SUBJECTS.keys() and all(CI_CELLS.values())
