"""Gains over the amount in which arms differ: means of arms, the same languages for all, a shape where there is one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds_stilts.studies.claims.claims_file import PHANG2020, load_claims
from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.scaling_part import scaling_part
from ds_stilts.studies.report.summary import StudyReport, summarise
from ds_stilts.studies.study import Study
from tests.studies.planted import plant, planted_study

GAINS = {"zero": 1.0, "one_a": 3.0, "one_b": 5.0, "three": 7.0}
SCALING: dict[str, Any] = {
    "amount": "languages beside the source",
    "against": "none",
    "arms": {0: ["zero"], 1: ["one_a", "one_b"], 3: ["three"]},
    "of": {"near <1>": {"languages": ["bb"]}, "far": {"targets": ["synth_nli"], "languages": ["cc"]}},
}


def grows_near(arm: str, target: str, language: str) -> float:
    """As planted in bb, nothing in cc."""
    return GAINS.get(arm, 0.0) if language == "bb" else 0.0


def scaled_study(**changes: Any) -> Study:
    phase = {"intermediate": {"tasks": {"synth_qa": {"max_examples": 60}}}}
    shape = {
        "arms": {"none": {"role": "baseline"}, **dict.fromkeys(GAINS, phase)},
        "targets": {name: {"score_languages": ["aa", "bb", "cc"]} for name in ("synth_nli", "synth_choice")},
        "contrasts": {"helps": {"arm": "three", "against": "none"}},
        "statistics__resamples": 200,
        "scaling": {"number": SCALING},
    }
    return planted_study(**{**shape, **changes})


def reported(folder: Path, study: Study, **how: Any) -> StudyReport:
    return summarise(
        read_evidence(plant(folder, study, grows_near, items=300, seed_sd=0.3, **how)), load_claims(PHANG2020)
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> StudyReport:
    return reported(tmp_path_factory.mktemp("scaling") / "study", scaled_study())


def test_an_amount_has_the_mean_of_its_arms_over_the_named_languages(report: StudyReport) -> None:
    near, far = report.scaling["number"].lines.values()
    one = near.amounts[1]
    arms = [near.arms["one_a"].estimate, near.arms["one_b"].estimate]
    assert one.estimate == pytest.approx(np.mean(arms)) and one.found is not None and one.found.interval is not None  # type: ignore[arg-type]
    assert one.found.interval[0] < 4 < one.found.interval[1]
    assert list(near.amounts) == [0, 1, 3] and len(one.seeds) == 6
    assert near.shape is not None and near.shape.per_doubling.interval is not None
    low, high = near.shape.per_doubling.interval
    assert low < 3 < high and low > 0, "1, 4 and 7 points at 0, 1 and 2 doublings"
    assert far.shape is not None and far.shape.per_doubling.interval is not None
    assert far.shape.per_doubling.interval[0] < 0 < far.shape.per_doubling.interval[1]


def test_the_part_shows_each_line_and_says_where_nothing_falls(report: StudyReport) -> None:
    part = scaling_part(report)
    assert part is not None
    figures, _, gains, shapes, *_ = part.blocks
    svg = figures.figures[0].svg  # type: ignore[union-attr]
    assert "near &lt;1&gt;" in svg and svg.count('class="dot-0"') == 3 and svg.count('class="seed"') == 4
    assert [row[0].text for row in gains.rows] == ["0", "1", "3"] and gains.rows[1][0].sub == ("one_a, one_b",)  # type: ignore[union-attr]
    assert [row[0].text for row in shapes.rows] == ["near <1>", "far"]  # type: ignore[union-attr]
    assert shapes.rows[0][-2].text == "none falls"  # type: ignore[union-attr]


def test_a_study_that_asks_for_none_has_no_such_part(planted: Path) -> None:
    assert scaling_part(summarise(read_evidence(planted), load_claims(PHANG2020))) is None


def test_an_arm_that_is_not_finished_leaves_its_amount_open_and_the_line_without_shape(tmp_path: Path) -> None:
    found = reported(tmp_path / "study", scaled_study(), skip=lambda cell: cell.arm == "three")
    near = found.scaling["number"].lines["near <1>"]
    assert near.amounts[3].estimate is None and near.amounts[1].estimate is not None and near.shape is None
    assert near.note == "no shape before all arms have finished a seed; not yet: three"
    assert scaling_part(found) is not None
