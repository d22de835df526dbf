"""How far tasks' gradients agreed, from lines written by hand; and that the page shows these numbers."""

import html
import re
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.gradients import gradient_cosines
from ds_stilts.studies.report.write import write_study_report
from tests.studies.planted import log

PAIRS = {"mnli": {"mnli": 0.9, "qqp": -0.2}, "qqp": {"qqp": 0.5}}


def line(step: int, **pairs: float) -> dict[str, Any]:
    """A log line with the cosines of one layer; `qqp=x` changes that of mnli and qqp."""
    own = {**PAIRS["mnli"], **pairs}
    return {"step": step, "loss": 1.0, "cosines": {"2": {"mnli": own, "qqp": PAIRS["qqp"]}}}


@pytest.fixture
def logged(small: Path) -> Path:
    """Three log lines of one seed of the arm qa, and one of another."""
    first, second = (run / "arms" / "qa" for run in sorted((small / "runs" / "shared").iterdir()))
    log(first, line(10, qqp=0.1), line(20, qqp=0.2), {"step": 20, "validation": {"value": 3.0}}, line(30, qqp=-0.6))
    lone = {"step": 30, "loss": 1.0, "cosines": {"1": {"mnli": {"mnli": 0.4}}, "2": {"mnli": {"mnli": 0.1}}}}
    log(second, lone)
    return small


def test_cosines_are_means_over_lines_and_seeds_and_halves_go_by_steps(logged: Path) -> None:
    (one,) = gradient_cosines(read_evidence(logged))
    assert (one.stage, one.seeds, one.lines, one.layers) == ("arms/qa", 2, 4, (1, 2))
    both = one.pairs["mnli", "qqp"]
    assert set(both) == {2}, "the lone task has no pair, and the first layer has one task"
    found = both[2]
    assert (found.whole, found.first_half, found.second_half) == pytest.approx((-0.1, 0.1, -0.2))
    own = one.pairs["mnli", "mnli"]
    assert own[2].whole == pytest.approx((3 * 0.9 + 0.1) / 4) and own[1].whole == 0.4
    assert own[1].first_half is None and own[1].second_half == 0.4


def test_nothing_is_shown_where_nothing_was_logged(little: Path) -> None:
    assert gradient_cosines(read_evidence(little)) == ()


def test_page_and_markdown_show_the_cosines_with_their_halves(logged: Path) -> None:
    write_study_report(logged)
    page = html.unescape((logged / "report" / "report.html").read_text(encoding="utf-8"))
    markdown = (logged / "report" / "report.md").read_text(encoding="utf-8")
    assert 'id="gradients"' in page and "arms/qa: cosine by layer, mean over 4 log lines of 2 seeds" in page
    assert "−0.10 [+0.10 → −0.20]" in markdown and "+0.40 [– → +0.40]" in markdown
    assert re.search(r"^\| mnli, qqp +\| +– \| +−0\.10", markdown, re.MULTILINE)
