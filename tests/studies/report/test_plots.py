"""Drawings: what is where, in words and shapes beside colours, at any number of points."""

import re
from xml.etree import ElementTree

import pytest

from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.report.plots import WIDTH, Bar, distance_svg, forest_svg
from ds_stilts.studies.report.typology import Line, OverLanguages


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
    found = OverLanguages(
        fact="distance", languages=languages, slope=None, permutation=None, line=line, finding=Finding(estimate=None),
        unknown=(), notes=(),
    )  # fmt: skip
    root = ElementTree.fromstring(distance_svg(found, span=(-1.0, 2.0), label="x <&>"))
    assert len([one for one in root.iter() if one.get("class") == "dot-0"]) == count
    names = [one for one in root.iter("text") if (one.text or "").startswith("l")]
    spots = [(float(one.get("x", "")), float(one.get("y", ""))) for one in names]
    assert names and all(
        abs(a[0] - b[0]) > 15 or abs(a[1] - b[1]) > 10 for place, a in enumerate(spots) for b in spots[:place]
    )
