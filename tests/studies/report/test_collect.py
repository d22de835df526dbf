"""Evidence comes from rows: stored scores are not believed, damage is told, and target seeds are averaged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from ds_stilts.errors import DataError
from ds_stilts.studies.cells import STUDY, all_cells, read_study
from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.write import write_study_report
from ds_stilts.studies.status import status_text, study_status
from ds_stilts.studies.study import Study
from tests.studies.planted import plant, planted_study

Copy = Callable[..., tuple[Path, Study]]


def test_a_value_is_that_of_its_rows_whatever_is_stored(copied: Copy) -> None:
    folder, study = copied()
    before = read_evidence(folder)
    assert before.problems == ()
    path = all_cells(study, folder)[0].folder / "scores.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "score": 99.0, "languages": {}}))
    after = read_evidence(folder)
    assert after.value("none", "synth_nli", 1, "bb") == before.value("none", "synth_nli", 1, "bb")
    said = f"the stored score 99.00 is not that of its rows, {stored['score']:.2f}, which is reported"
    assert after.problems == (f"none, synth_nli, seed 1: {said}",)


def test_a_stored_score_of_one_language_is_held_against_its_rows_too(copied: Copy) -> None:
    folder, study = copied()
    path = all_cells(study, folder)[0].folder / "scores.json"
    stored = json.loads(path.read_text())
    was = stored["languages"]["bb"]["metrics"]["accuracy"]
    stored["languages"]["bb"]["metrics"]["accuracy"] = 99.0
    path.write_text(json.dumps(stored))
    said = f"the stored score 99.00 in bb is not that of its rows, {was:.2f}, which is reported"
    assert read_evidence(folder).problems == (f"none, synth_nli, seed 1: {said}",)


@pytest.mark.parametrize("text", ['{"format": "sent', "{}", "[]"])
def test_damaged_scores_are_told_by_report_and_status_and_the_rest_counts(
    little: Path, tmp_path: Path, text: str
) -> None:
    folder = Path(shutil.copytree(little, tmp_path / "study", symlinks=True))
    path = next(cell for cell in all_cells(read_study(folder), folder) if cell.arm == "qa").folder / "scores.json"
    path.write_text(text)
    found = read_evidence(folder)
    (problem,) = found.problems
    assert problem.startswith(f"qa, synth_nli, seed 1 is left out: {path} is damaged (") and found.seeds(
        "qa", "synth_nli"
    ) == {2}
    assert "is damaged (" in write_study_report(folder)[1].read_text(encoding="utf-8")
    status = study_status(folder)
    assert [one["arm"] for one in status["damaged"]] == ["qa"]
    assert f"damaged: qa, synth_nli, seed 1: {path} is damaged (" in status_text(status)


def test_damaged_rows_of_the_language_that_is_looked_at_for_collapse_are_told(little: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(little, tmp_path / "study", symlinks=True))
    rows = all_cells(read_study(folder), folder)[0].folder / "predictions" / "aa-0.parquet"
    rows.write_bytes(rows.read_bytes()[:100])
    assert "synth_nli, seed 1 is left out: " in write_study_report(folder)[1].read_text(encoding="utf-8")
    (damaged,) = study_status(folder)["damaged"]
    assert "scores or rows are damaged" in damaged["why"]


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_damaged_rows_are_left_out_and_told(copied: Copy, damage: str) -> None:
    folder, study = copied()
    rows = all_cells(study, folder)[0].folder / "predictions"
    if damage == "cut":
        path = rows / "bb-0.parquet"
        path.write_bytes(path.read_bytes()[:100])
    else:
        for path in rows.glob("*"):
            path.unlink()
    found = read_evidence(folder)
    assert found.seeds("none", "synth_nli") == {2, 3, 4, 5, 6} and found.seeds("none", "synth_choice") == set(
        range(1, 7)
    )
    (problem,) = found.problems
    assert problem.startswith("none, synth_nli, seed 1 is left out: ")


def test_target_seeds_are_averaged_within_their_intermediate_seed(tmp_path: Path) -> None:
    study = planted_study(
        seeds={"intermediate": [1, 2], "targets_each": 2}, targets={"synth_nli": {"score_languages": ["aa", "bb"]}}
    )
    folder = plant(tmp_path / "study", study, items=60, skip=lambda cell: cell.arm == "qa" and cell.seed.label == "2.2")
    found = read_evidence(folder)
    assert found.seeds("none", "synth_nli") == {1, 2}
    assert found.seeds("qa", "synth_nli") == {1}, "an intermediate seed counts when all its target seeds are there"
    pair = found.scored["none", "synth_nli"][1]
    mean = float(np.mean([one.values["bb"] for one in pair]))
    sums = found.tally("none", "synth_nli", 1, "bb")
    assert pair[0].values["bb"] != pair[1].values["bb"]
    assert found.value("none", "synth_nli", 1, "bb") == pytest.approx(mean)
    assert sums is not None and sums.value() == pytest.approx(mean)


def test_a_folder_without_a_study_or_without_scores_is_a_sentence(tmp_path: Path, copied: Copy) -> None:
    with pytest.raises(DataError, match="holds no study"):
        read_evidence(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    study = planted_study()
    (empty / STUDY).write_text(yaml.safe_dump(study.model_dump(mode="json")))
    with pytest.raises(DataError, match="has no scored target of study 'small'"):
        read_evidence(empty)
