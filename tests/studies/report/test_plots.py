"""Drawings: what is where, in words and shapes beside colours, at any number of points."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from ds_stilts.studies.report.plots import WIDTH, Bar, forest_svg, scatter_svg, steps_svg
from ds_stilts.studies.report.typology import Line


def bar(verdict: str, estimate: float = 2.0, **more: object) -> Bar:
    values = {"label": f"one <&> {verdict}", "interval": (1.0, 3.0), "band": None, "dots": (1.5, 2.5), **more}
    return Bar(verdict=verdict, estimate=estimate, **values)  # type: ignore[arg-type]


def test_verdicts_differ_in_shape_not_only_in_colour() -> None:
    marks = {}
    for verdict in ("CONFIRMED", "REFUTED", "INCONCLUSIVE", "ESTIMATE"):
        root = ElementTree.fromstring(forest_svg([bar(verdict)], label="x", unit="points"))
        (mark,) = [one for one in root.iter() if "mark" in one.get("class", "").split()]
        marks[verdict] = mark.tag, mark.get("class")
    assert len({tag for tag, _ in marks.values()}) == 3  # circle, square, diamond
    assert marks["CONFIRMED"] == ("circle", "mark good") and marks["INCONCLUSIVE"] == ("circle", "mark open")


def test_zero_lies_in_the_frame_and_estimates_between_their_ends() -> None:
    root = ElementTree.fromstring(forest_svg([bar("CONFIRMED", band=(0.5, 4.0))], label="x", unit="points"))
    (zero,) = [one for one in root.iter() if "zero" in one.get("class", "").split()]
    (mark,) = [one for one in root.iter() if one.get("class") == "mark good"]
    (whisker,) = [one for one in root.iter() if one.get("class") == "whisker"]
    low, high = map(float, re.findall(r"M([\d.]+) \d+H([\d.]+)", whisker.get("d", ""))[0])
    assert float(zero.get("x1", "")) < low < float(mark.get("cx", "")) < high < WIDTH


@pytest.mark.parametrize("count", [1, 40])
def test_languages_are_drawn_at_their_distance_and_crowded_names_do_not_collide(count: int) -> None:
    languages = {f"l{place}": (place % 5 / 4, float(place % 3)) for place in range(count)}
    line = Line(x=(0.0, 1.0), y=(0.0, 1.0), low=(-1.0, 0.0), high=(1.0, 2.0)) if count > 1 else None
    svg = scatter_svg(languages, line, across=(0.0, 1.0), span=(-1.0, 2.0), under="distance", label="x <&>")
    root = ElementTree.fromstring(svg)
    assert len([one for one in root.iter() if one.get("class") == "dot-0"]) == count
    names = [one for one in root.iter("text") if (one.text or "").startswith("l")]
    spots = [(float(one.get("x", "")), float(one.get("y", ""))) for one in names]
    assert names and all(
        abs(a[0] - b[0]) > 15 or abs(a[1] - b[1]) > 10 for place, a in enumerate(spots) for b in spots[:place]
    )


def test_a_long_name_stays_in_the_frame_and_a_line_needs_no_band() -> None:
    dots = {"a_long_name_of_an_arm": (1.0, 0.0), "near": (0.0, 1.0)}
    line = Line(x=(0.0, 1.0), y=(1.0, 0.0))
    svg = scatter_svg(dots, line, across=(0.0, 1.0), span=(0.0, 1.0), under="distance", label="x")
    root = ElementTree.fromstring(svg)
    names = {one.text: float(one.get("x", "")) for one in root.iter("text") if one.get("class") == "name"}
    (right,) = [float(one.get("cx", "")) for one in root.iter("circle") if float(one.get("cx", "")) > WIDTH / 2]
    assert names["a_long_name_of_an_arm"] + 6 * len("a_long_name_of_an_arm") < right, "it stands left of its dot"
    assert not [one for one in root.iter() if one.get("class") == "area"]


def test_lines_go_over_the_steps_and_names_at_their_ends_do_not_collide() -> None:
    lines = {"0": ((10, 1.0), (20, 0.5)), "<6>": ((10, 0.9), (20, 0.5)), "12": ((20, 0.51),)}
    root = ElementTree.fromstring(steps_svg(lines, span=(0.5, 1.0), unit="step", label="x <&>"))
    dots = [one for one in root.iter("circle") if one.get("class") == "dot-0"]
    (x_first, y_first), (x_last, y_last) = ((float(one.get("cx", "")), float(one.get("cy", ""))) for one in dots)
    assert x_first < x_last < WIDTH and y_first < y_last, "steps go right, and less is lower"
    names = {one.text: float(one.get("y", "")) for one in root.iter("text") if one.get("class") == "name"}
    assert set(names) == set(lines)
    heights = sorted(names.values())
    assert all(low - high >= 11 for high, low in pairwise(heights))
    assert names["12"] < names["0"], "from the top down as the lines end"


def test_a_phase_of_one_look_has_dots_and_a_flat_line_a_frame() -> None:
    root = ElementTree.fromstring(steps_svg({"3": ((7, 0.0),)}, span=(0.0, 0.0), unit="step", label="x"))
    (dot,) = root.iter("circle")
    assert 0 < float(dot.get("cx", "")) < WIDTH and (dot[0].text or "") == "3 at step 7: 0.000"
