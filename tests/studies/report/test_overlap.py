"""A number of an arm that has trained on the target's own data is marked wherever it stands, once explained a part."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.studies.claims.claims_file import Claims
from ds_stilts.studies.claims.text import claims_text
from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.contrast_part import contrasts_part
from ds_stilts.studies.report.document import Fold, Part, Table, Text
from ds_stilts.studies.report.language_parts import kinds_part, languages_part
from ds_stilts.studies.report.overlap import FOOTNOTE, mark_of, remark_of
from ds_stilts.studies.report.record_parts import claims_part
from ds_stilts.studies.report.summary import StudyReport, summarise
from tests.studies.planted import plant, planted_study

FEW = {"score_languages": ["aa", "bb", "cc"]}
HELPS = {"against": "none", "predicted": {"sign": "positive"}}
CONTRASTS = {
    "all": {"arm": "nli", **HELPS},
    "elsewhere": {"arm": "nli", "of": {"targets": ["synth_choice"]}, **HELPS},
    "minus": {"arm": "nli", "of": {"targets": ["synth_choice"]}, "minus": {"targets": ["synth_nli"]}, **HELPS},
    "against": {"arm": "qa", "against": "nli"},
    "other": {"arm": "qa", **HELPS},
}


def report_of(folder: Path, targets: dict[str, Any], contrasts: dict[str, Any]) -> StudyReport:
    """Of a study in which the arm "nli" has trained on the data of the target synth_nli."""
    study = planted_study(
        targets=targets,
        contrasts=contrasts,
        arms={
            "none": {"role": "baseline"},
            "qa": {"intermediate": {"tasks": {"synth_qa": {"max_examples": 60}}}},
            "nli": {"intermediate": {"tasks": {"synth_nli": {"max_examples": 60}}}},
        },
        seeds__intermediate=[1, 2],
        statistics__resamples=200,
    )
    entry = {"text": "It helps.", "parts": {name: one for name, one in contrasts.items() if "predicted" in one}}
    values = {"claims": "mine", "title": "A paper", "version": "v1", "statistics": {"resamples": 200}}
    return summarise(
        read_evidence(plant(folder, study, items=12)), Claims.model_validate({**values, "entries": {"A": entry}})
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> StudyReport:
    targets = {"synth_nli": FEW, "synth_choice": FEW}
    return report_of(tmp_path_factory.mktemp("overlap") / "study", targets, CONTRASTS)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> StudyReport:
    """The overlapping target is the only one."""
    folder = tmp_path_factory.mktemp("overlap") / "alone"
    return report_of(folder, {"synth_nli": FEW}, {"all": CONTRASTS["all"]})


def table(part: Part, id: str) -> Table:
    blocks = [inner for block in part.blocks for inner in (block.blocks if isinstance(block, Fold) else (block,))]
    return next(block for block in blocks if isinstance(block, Table) and block.id == id)


def marked(found: Table) -> set[tuple[str, str]]:
    """Row and column of each cell that is marked."""
    return {
        (row[0].text, column)
        for row in found.rows
        for column, cell in zip(found.head, row, strict=False)
        if cell.text.endswith("†")
    }


def footnotes(part: Part) -> int:
    return sum(isinstance(block, Text) and block.text.startswith(FOOTNOTE) for block in part.blocks)


def test_contrasts_that_hold_such_a_target_are_marked_and_say_which(report: StudyReport) -> None:
    part = contrasts_part(report)
    assert {row for row, _ in marked(table(part, "contrasts-table"))} == {"all", "minus", "against"}
    assert footnotes(part) == 1
    remarks = {row[0].text: row[-1].text for row in table(part, "contrasts-table").rows}
    assert "trained on a target's own training data before: nli / synth_nli (identical: synth_nli)" in remarks["all"]
    assert "†" not in remarks["other"] and "†" not in remarks["elsewhere"]


def test_claims_say_it_in_their_remarks(report: StudyReport) -> None:
    (claim,) = report.claims
    assert {name for name, one in claim.parts.items() if "† trained on" in one.why} == {"all", "minus"}
    assert {row for row, _ in marked(table(claims_part(report), "parts-table"))} == {"A / all", "A / minus"}
    values = {
        "claims": "mine",
        "title": "A paper",
        "version": "v1",
        "entries": {"A": {"text": "x", "structure": "families"}},
    }
    text = " ".join(claims_text(Claims.model_validate(values), report.claims).split())
    assert text.count("nli / synth_nli (identical: synth_nli)") == 2


def test_a_language_is_marked_where_its_mean_holds_such_a_target(report: StudyReport, alone: StudyReport) -> None:
    part = languages_part(report)
    assert not marked(table(part, "map")), "the other target has every language, and is the mean"
    first, second = (marked(table(part, f"map-{place}")) for place in (1, 2))
    assert {column for _, column in first} == {"nli"} and len(first) == 3 and not second
    assert footnotes(part) == 1
    columns = {column for _, column in marked(table(languages_part(alone), "map"))}
    assert columns == {"nli"}
    assert {column for _, column in marked(table(kinds_part(alone), "kinds-1"))} == {"nli"}
    assert footnotes(kinds_part(alone)) == 1 and footnotes(kinds_part(report)) == 0


def test_a_mark_is_for_either_arm_and_any_of_the_targets() -> None:
    found = {("nli", "xnli"): "identical: mnli"}
    assert mark_of(found, ["nli", "none"], ["xnli", "panx"]) == mark_of(found, ["qa", "nli"], ["xnli"]) == "†"
    assert mark_of(found, ["qa", "none"], ["xnli"]) == mark_of(found, ["nli"], ["panx"]) == ""
    assert remark_of(found, [("qa", "xnli")]) == ""
    assert remark_of(found, [("nli", "xnli"), ("nli", "xnli")]).endswith("before: nli / xnli (identical: mnli)")
