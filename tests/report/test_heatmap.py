"""Colours say what the numbers say, and stay readable."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.report.collect import read_run
from ds_stilts.report.heatmap import (
    DIVERGING,
    SEQUENTIAL,
    TEXT,
    difference_limit,
    diverging_step,
    heat_maps,
    sequential_step,
)
from ds_stilts.report.verdict import summarise


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.1."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_on_every_cell_has_contrast_of_at_least_4_5(mode: str) -> None:
    for background in (*DIVERGING[mode], *SEQUENTIAL[mode]):
        dark, light = sorted((luminance(background), luminance(TEXT[mode])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, background


@given(st.floats(-200, 200), st.floats(0.5, 100))
def test_diverging_steps_are_symmetric_and_signed(value: float, limit: float) -> None:
    step = diverging_step(value, limit)
    assert 0 <= step <= 8
    assert diverging_step(-value, limit) == 8 - step
    assert step == 4 or (step > 4) == (value > 0)


def test_steps_by_hand() -> None:
    assert [diverging_step(value, 9.0) for value in (-9, -2, -0.9, 0, 0.9, 1.1, 9, 50)] == [0, 3, 4, 4, 4, 5, 8, 8]
    assert [sequential_step(value) for value in (0, 16, 17, 50, 99, 100)] == [0, 0, 1, 3, 5, 5]


def test_limit_ignores_a_single_outlier() -> None:
    assert difference_limit([1.0] * 99 + [60.0]) == 1.0
    assert difference_limit([]) == 0.5


def test_maps_hold_every_difference_once_and_holes_stay_empty(small_run: Path) -> None:
    maps = heat_maps(summarise(read_run(small_run)))
    assert [(item.kind, item.arm) for item in maps] == [("difference", "nli"), ("score", "none"), ("score", "nli")]
    rows = {row.language.code: row for _, rows in maps[0].groups for row in rows}
    assert [tile.value for tile in rows["en"].tiles] == [2.0, 3.0, 5.0]
    assert [tile.value for tile in rows["th"].tiles] == [-6.0, None, None]
    assert rows["th"].tiles[1].step is None
    assert rows["en"].mean.value == pytest.approx(2.5), "paws overlaps and stays out of the mean"


def test_a_language_that_cannot_be_compared_keeps_its_row(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "nli", "xnli", lambda values: values["languages"]["th"].update(checksum="xxh3:other"))
    rows = {row.language.code: row for _, rows in heat_maps(summarise(read_run(small_run)))[0].groups for row in rows}
    assert [tile.value for tile in rows["th"].tiles] == [None, None, None]


def test_rows_are_grouped_by_word_order_then_name(full_run: Path) -> None:
    groups = heat_maps(summarise(read_run(full_run)))[0].groups
    orders = [order for order, _ in groups]
    assert orders[:3] == ["SVO", "SOV", "VSO"]
    for order, rows in groups:
        names = [row.language.name for row in rows]
        assert names == sorted(names)
        assert {row.language.word_order for row in rows} == {order}
