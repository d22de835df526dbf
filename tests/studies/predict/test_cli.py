"""`ds-stilts study predict`, as a user types it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from tests.studies.planted import plant
from tests.studies.predict.places import CHANGES
from tests.studies.worlds import values, write


def predict(*words: object) -> Result:
    return CliRunner().invoke(app, ["study", "predict", *map(str, words)])


def shape(**changes: Any) -> dict[str, Any]:
    return values(**{**CHANGES, **changes})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path, shape())


def test_a_study_is_predicted_for_people_and_for_programs(
    file: Path, ranked: Study, store: Store, tmp_path: Path
) -> None:
    out = plant(tmp_path / "out", ranked, lambda arm, *_: 6.0 if arm == "qa" else 0.0, items=60)
    options = [file, "--out", out, "--store", store.root, "--examples", "16", "--seed", "3"]
    shown = predict(*options)
    assert shown.exit_code == 0 and "Regret@1" in shown.stdout and "random choice" in shown.stdout, shown.output
    assert "reading 16 of" in shown.stderr and "reading" not in shown.stdout
    told = json.loads(predict(*options, "--json").stdout)
    assert told["examples"] == 16 and told["seed"] == 3 and told["layers"] == [1, 2]
    assert told["targets"]["synth_nli"]["truth"]["predictors"]["embedding"]["regret"].keys() == {"1", "3"}
    fewer = json.loads(predict(*options, "--json", "--arm", "nli", "--arm", "shuffled", "--layer", "2").stdout)
    assert list(fewer["arms"]) == ["nli", "shuffled"] and fewer["layers"] == [2]
    same = [fewer["targets"]["synth_nli"]["arms"][arm]["embedding"] for arm in ("nli", "shuffled")]
    assert same[0] == same[1]  # its texts are those of nli


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--arm", "nil"], "error: --arm: there is no arm 'nil' (did you mean 'nli'?)"),
        (["--arm", "none"], "error: --arm: 'none' has no intermediate phase"),
        (["--layer", "7"], "error: --layer: the start model has layers 1 to 2, and no layer 7"),
        (["--set", "arms.qa.intermediate.tasks={synth_qx: {}}"], "synth_qx"),
    ],
)
def test_a_slip_of_the_pen_is_one_sentence_and_exit_code_2(
    file: Path, store: Store, tmp_path: Path, words: list[str], said: str
) -> None:
    answer = predict(file, "--out", tmp_path / "out", "--store", store.root, *words)
    assert answer.exit_code == 2 and said in answer.stderr, answer.output
    assert len([line for line in answer.stderr.splitlines() if not line.startswith("reading")]) == 1
    assert answer.stdout == "" and not (tmp_path / "out").exists()


def test_a_plan_shows_what_pruning_by_the_prediction_would_save(
    file: Path, ranked: Study, store: Store, tmp_path: Path
) -> None:
    out = plant(tmp_path / "out", ranked, lambda arm, *_: 6.0 if arm == "qa" else 0.0, items=20)
    plan = ["study", "plan", str(file), "--out", str(out), "--store", str(store.root), "--prune"]
    answer = CliRunner().invoke(app, [*plan, "regret1", "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    for own in found["pruned"]["predictors"].values():
        assert {target: len(arms) for target, arms in own["kept"].items()} == dict.fromkeys(ranked.targets, 1)
        assert 0 < own["saved"]["device_hours"] < found["cost"]["device_hours"] and own["regret"]["mean"] >= 0
    assert list(found["pruned"]["predictors"]) == ["embedding", "gradient"]
    slip = CliRunner().invoke(app, [*plan, "best"])
    assert slip.exit_code == 2 and "--prune: 'best' is no way to prune" in slip.stderr and slip.stdout == ""


def test_a_start_model_that_is_not_there_is_asked_for(file: Path, small_world: None, tmp_path: Path) -> None:
    answer = predict(file, "--out", tmp_path / "out")
    assert answer.exit_code == 2 and "`ds-stilts study run small` with the same options" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_data_that_are_not_there_are_asked_for(start_model: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    shared = {"base": {"start": {"model": str(start_model)}, "training": {"steps": 2}}, "budget": None}
    arms = {"none": {"role": "baseline"}, "mnli": {"intermediate": {"tasks": {"mnli": {}}}}}
    real = shape(**shared, arms=arms, targets={"xnli": {}}, contrasts={"c": {"arm": "mnli", "against": "none"}})
    words = [write(tmp_path, real), "--out", tmp_path / "out"]
    nowhere = predict(*words)
    assert nowhere.exit_code == 2 and "say where they are with --data-root DIR" in nowhere.stderr
    empty = predict(*words, "--data-root", tmp_path / "data")
    assert empty.exit_code == 2 and "is missing: task 'mnli'" in empty.stderr
    no_folder = predict(*words, "--data-root", tmp_path / "dta")
    assert no_folder.exit_code == 2 and "there is no folder" in no_folder.stderr
