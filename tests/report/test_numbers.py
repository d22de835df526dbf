"""Rounding and signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.report.numbers import count, duration, points, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.234, "+1.23"), (-0.35, "−0.35"), (-0.001, "0.00"), (0.001, "0.00"), (0.0, "0.00"), (None, "–")],
)
def test_signs(value: float | None, text: str) -> None:
    assert signed(value) == text


def test_points_and_counts() -> None:
    assert points(45.2) == "45.20" and points(None) == "–"
    assert count(1, "target") == "1 target" and count(7000, "example") == "7,000 examples"


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.12, "8.1 s"), (723, "12 min 03 s"), (12000, "3 h 20 min"), (None, "–")]
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(-100, 100))
def test_a_difference_and_its_opposite_look_alike(value: float) -> None:
    swap = str.maketrans("+−", "−+")
    assert signed(value).translate(swap) == signed(-value)
