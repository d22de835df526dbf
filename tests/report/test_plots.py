"""Curves become well-formed SVG that stays inside its frame."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.report.curves import Curve
from ds_stilts.report.plots import HEIGHT, WIDTH, curve_svg, legend, num_beyond_frame, ticks


def curve(losses: list[float], tasks: dict[str, list[float]] | None = None) -> Curve:
    return Curve(
        phase="start",
        loss=tuple((10 * i, loss) for i, loss in enumerate(losses)),
        task_losses={name: tuple((10 * i, y) for i, y in enumerate(values)) for name, values in (tasks or {}).items()},
        tokens_per_s=None,
        num_not_finite=0,
        num_unreadable=0,
    )


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=60))
def test_every_point_lies_inside_the_frame(losses: list[float]) -> None:
    root = ET.fromstring(curve_svg(curve(losses), label="loss"))
    for path in root.iter("path"):
        for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.attrib["d"]):
            assert 0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT


def test_one_line_a_task_with_escaped_names() -> None:
    drawn = curve([2.0, 1.0], {"<script>": [2.0, 1.0], "b": [3.0, 1.0]})
    svg = curve_svg(drawn, label='a "quoted" <label>')
    assert "<script>" not in svg
    assert ET.fromstring(svg).attrib["aria-label"] == 'a "quoted" <label>'
    assert legend(drawn) == [(0, "<script>"), (1, "b")]
    assert legend(curve([1.0], {"only": [1.0]})) == [(0, "loss")]


def test_a_curve_without_a_finite_loss_draws_nothing() -> None:
    assert curve_svg(curve([]), label="") == ""


def test_a_single_spike_leaves_the_frame_and_is_counted() -> None:
    spiky = curve([2.0] * 150 + [5000.0] + [1.0] * 149)
    assert num_beyond_frame(spiky) == 1
    assert num_beyond_frame(curve([2.0, 1.0, 3.0])) == 0


def test_tasks_are_drawn_even_when_every_total_was_not_finite() -> None:
    ET.fromstring(curve_svg(curve([], {"a": [2.0, 1.0], "b": [3.0, 1.0]}), label=""))


def test_ticks_by_hand() -> None:
    assert ticks(0.0, 10.0, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(1.02, 1.27, 5) == [1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_enclose_the_range(low: float, span: float) -> None:
    found = ticks(low, low + span, 5)
    slack = 1e-6 * max(1.0, abs(low), span)
    assert found[0] <= low + slack and found[-1] >= low + span - slack
    assert 2 <= len(found) <= 9
