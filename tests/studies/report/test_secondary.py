"""Secondary measures: gap of transfer and calibration are what the rows give by hand, and say what they lack."""

import json
from pathlib import Path

import numpy as np
import pytest

from ds_stilts.statistics.estimate import paired_contrast
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.report.estimates import answer
from ds_stilts.studies.report.gains import compare
from ds_stilts.studies.report.secondary import Secondary, question_secondary, secondary
from ds_stilts.studies.report.write import write_study_report
from tests.studies.planted import Confidence, plant, planted_study

CHOICE = "synth_choice"
SEEDS = (1, 2, 3)


def source_gains(arm: str, target: str, language: str) -> float:
    """Question answering helps the source language alone."""
    return 12.0 if (arm, language) == ("qa", "aa") else 0.0


def too_sure(arm: str, target: str, language: str) -> float | None:
    """One target's rows have no confidence."""
    return None if target == CHOICE else 0.99 if arm == "qa" else 0.9


def planted_rows(
    folder: Path, confidence: Confidence = too_sure, languages: tuple[str, ...] = ("aa", "bb", "cc")
) -> Path:
    targets = {name: {"score_languages": list(languages)} for name in ("synth_nli", CHOICE)}
    study = planted_study(targets=targets, seeds={"intermediate": list(SEEDS)}, statistics__resamples=200)
    return plant(folder, study, source_gains, items=120, seed_sd=0.5, confidence=confidence)


def measured(evidence: Evidence) -> Secondary:
    compared = compare(evidence)
    questions = question_secondary(evidence, compared)
    return secondary(evidence, questions, answer(evidence, questions.to_answer(evidence)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_rows(tmp_path_factory.mktemp("secondary") / "study")


@pytest.fixture(scope="module")
def evidence(folder: Path) -> Evidence:
    return read_evidence(folder)


def test_the_gap_is_the_source_language_minus_the_mean_of_the_others(evidence: Evidence) -> None:
    found = measured(evidence)

    def of_seed(name: str, seed: int) -> float:
        value = {
            (target, code): evidence.value(name, target, seed, code)
            for target in ("synth_nli", CHOICE)
            for code in ("aa", "bb", "cc")
        }
        return float(np.mean([value[t, "aa"] - (value[t, "bb"] + value[t, "cc"]) / 2 for t in ("synth_nli", CHOICE)]))

    by_hand = {name: np.array([of_seed(name, seed) for seed in SEEDS]) for name in evidence.study.arms}
    for name, own in by_hand.items():
        assert found.gap[name].level == pytest.approx(own.mean())
    change = found.gap["qa"].change
    assert change is not None and change.found is not None and change.found.interval is not None
    assert change.per_seed == pytest.approx(by_hand["qa"] - by_hand["none"])
    assert change.found.method.startswith("multi-bootstrap")
    assert change.found.interval[0] < 12 < change.found.interval[1] and change.found.interval[0] > 0
    assert found.gap["none"].change is None and found.gap_targets == ("synth_nli", CHOICE)
    source, others = found.source["qa"].change, found.others["qa"].change
    assert source is not None and others is not None and source.estimate is not None and others.estimate is not None
    assert change.estimate == pytest.approx(source.estimate - others.estimate)


def test_a_model_that_is_surer_than_right_has_the_difference_as_its_error(evidence: Evidence) -> None:
    """All rows of a cell lie in one bin: the error is the confidence minus the accuracy."""
    found, sure = measured(evidence), {"qa": 99.0, "none": 90.0}
    own = {
        (name, code): np.array([sure[name] - evidence.value(name, "synth_nli", seed, code) for seed in SEEDS])
        for name in sure
        for code in ("aa", "bb", "cc")
    }
    assert found.calibrated_targets == ("synth_nli",)
    for (name, code), errors in own.items():
        assert found.by_language[code, name].level == pytest.approx(errors.mean(), abs=1e-4), "confidences are float32"
    ours, theirs = ((own[name, "bb"] + own[name, "cc"]) / 2 for name in ("qa", "none"))
    change, expected = found.calibration["qa"].change, paired_contrast(ours, theirs)
    assert found.calibration["qa"].level == pytest.approx(ours.mean(), abs=1e-4), "over zero-shot languages"
    assert (
        change is not None
        and change.found is not None
        and change.estimate == pytest.approx(expected.estimate, abs=1e-4)
    )
    assert change.found.interval == pytest.approx(expected.interval, abs=1e-3)
    assert change.note.startswith("over seeds only")


def test_what_no_rows_are_of_is_left_out(tmp_path: Path) -> None:
    bare = planted_rows(tmp_path / "study", lambda arm, target, language: None, ("bb", "cc"))
    found = measured(read_evidence(bare))
    assert found.gap_targets == found.calibrated_targets == () and not found.by_language
    assert found.gap["qa"].level is found.calibration["qa"].level is None


def test_page_markdown_and_json_show_them_as_descriptive(folder: Path) -> None:
    page, markdown, values = (path.read_text(encoding="utf-8") for path in write_study_report(folder))
    found = json.loads(values)["secondary"]
    for text in (page, markdown):
        assert f"{found['gap']['qa']['level']:.2f}" in text and f"{found['calibration']['qa']['level']:.2f}" in text
        assert f"+{found['gap']['qa']['change']['estimate']:.2f}" in text
        assert "These measures are descriptive: no verdict rests on them" in text
        assert "Over synth_nli." in text, "the target whose rows have a confidence"
    assert set(found["by_language"]) == {f"{code} / {name}" for code in ("aa", "bb", "cc") for name in found["gap"]}
