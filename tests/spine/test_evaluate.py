"""Scoring again: the same scores from the saved model, by hand and through the rank entry, without training again."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.spine.official import PROGRAM, RECIPE, ds_stilts, write_data, write_model

pytestmark = pytest.mark.spine

STAGE = "targets/none/xnli"
RANK_ENTRY = [sys.executable, "-m", "ds_stilts.evaluate", "--recipe"]


Place = tuple[Path, str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder with a finished run of one target, and what the run said."""
    place = tmp_path_factory.mktemp("evaluate")
    write_model(place / "model")
    write_data(place / "data")
    recipe = RECIPE.replace("MODEL", "./model").replace("  qa: {tasks: {squad_v1: {}}}\n", "")
    (place / "tiny.yaml").write_text(recipe)
    answer = ds_stilts("run", "tiny.yaml", "--data-root", "data", cwd=place)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "runs/tiny/report/report.html\n"
    return place, answer.stderr


def test_only_our_own_lines_reach_the_terminal(finished: Place) -> None:
    stages = ("start", STAGE)
    ours = [*(f"[{n}/2] {stage}" for n, stage in enumerate(stages, start=1)), *(f"{stage}  " for stage in stages)]

    assert [line for line in finished[1].splitlines() if not line.startswith((*ours, "tokenising ", "done in "))] == []


@pytest.mark.parametrize("program", [[*PROGRAM, "evaluate"], RANK_ENTRY], ids=["ds-stilts", "rank entry"])
def test_a_target_scored_again_has_the_same_scores_from_the_same_model(finished: Place, program: list[str]) -> None:
    place, _ = finished
    target = place / "runs" / "tiny" / STAGE
    before = _scores(target)
    trained = {path: path.stat().st_mtime_ns for path in [*(target / "model").iterdir(), target / "metrics.jsonl"]}
    (target / "scores.json").write_text("{}")
    (target / "predictions" / "de-0.parquet").write_bytes(b"of another run")
    answer = ds_stilts("tiny.yaml", "--data-root", "data", "--stage", STAGE, cwd=place, program=program)

    assert answer.returncode == 0, answer.stderr
    assert _scores(target) == before
    assert set(before["languages"]) == {"en", "de"}
    assert {path: path.stat().st_mtime_ns for path in trained} == trained, "it was trained again"
    assert (target / "DONE").is_file()
    assert ds_stilts("report", "runs/tiny", cwd=place).returncode == 0


def test_a_target_can_be_trained_now_and_scored_later_with_the_same_scores(finished: Place) -> None:
    place, _ = finished
    arguments = ("tiny.yaml", "--data-root", "data", "--out", "runs/apart")
    trained = ds_stilts(*arguments, "--no-scoring", cwd=place, program=[*RANK_ENTRY[:2], "ds_stilts.train", "--recipe"])
    assert trained.returncode == 0, trained.stderr
    target = place / "runs" / "apart" / STAGE
    weights = (target / "model" / "model.safetensors").read_bytes()
    assert not (target / "scores.json").exists() and not (target / "DONE").exists()
    record = json.loads((place / "runs" / "apart" / "run.json").read_text())
    assert not record["finished"]
    assert all(row["trained"] for row in record["stages"]), "what slurm/train.sbatch looks for"

    scored = ds_stilts(*arguments, "--stage", STAGE, cwd=place, program=RANK_ENTRY)
    assert scored.returncode == 0, scored.stderr
    assert (target / "model" / "model.safetensors").read_bytes() == weights
    assert (target / "DONE").is_file()
    values = {language: row["metrics"] for language, row in _scores(target)["languages"].items()}
    whole = _scores(place / "runs" / "tiny" / STAGE)["languages"]
    assert values == {language: row["metrics"] for language, row in whole.items()}


def _scores(target: Path) -> dict[str, Any]:
    scores: dict[str, Any] = json.loads((target / "scores.json").read_text())
    return scores
