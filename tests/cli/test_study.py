"""`ds-stilts study` from outside: what a plan prints, and bad input in one sentence with exit code 2."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app
from tests.studies.worlds import STUDY, values, write


def study(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["study", *[str(argument) for argument in arguments]])


def test_a_plan_is_printed_for_people_and_for_programs(tmp_path: Path) -> None:
    file = write(tmp_path, STUDY)
    shown = study("plan", file, "--out", tmp_path / "out")
    assert shown.exit_code == 0 and "17 stages" in shown.stdout, shown.output
    told = json.loads(study("plan", file, "--out", tmp_path / "out", "--json", "--set", "seeds.targets_each=2").stdout)
    assert told["runs"] == 4 and told["stages"]["arms"] == 4
    assert not (tmp_path / "out").exists()


CONTRAST = {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}, "confirmatory": True}


@pytest.mark.parametrize("verb", ["plan", "lock", "run"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"contrasts__qa_helps__arm": "qqa"}, "there is no arm 'qqa' (did you mean 'qa'?)"),
        (
            {"arms__qa__intermediate": {"tasks": {"synth_qa": {"languages": ["aa", "bb"]}}}},
            "arm 'qa' has seen labels in 'bb' when it is scored on 'synth_qa_low'",
        ),
        (
            {"arms__shuffled__intermediate": {"tasks": {"synth_qa:shuffled": {}}, "steps": 5}},
            "arms 'shuffled' and 'qa' differ by 25.0% in steps",
        ),
        (
            {"seeds": {"intermediate": [1, 2, 3, 4, 5]}, "statistics": {"test": "sign"}, "contrasts": {"c": CONTRAST}},
            "5 paired seeds give an exact sign test a p-value of 0.0625 at the least",
        ),
    ],
)
def test_what_a_study_may_not_do_is_one_sentence_before_anything_runs(
    tmp_path: Path, verb: str, changes: dict[str, Any], said: str
) -> None:
    answer = study(verb, write(tmp_path, values(**changes)), "--out", tmp_path / "out")
    assert answer.exit_code == 2
    assert said in answer.stderr and answer.stderr.startswith("error: ") and len(answer.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_lock_is_made_once_and_another_plan_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = study("lock", write(tmp_path, STUDY), "--out", out)
    assert made.exit_code == 0 and "lock.json" in made.stdout, made.output
    assert study("lock", write(tmp_path, STUDY), "--out", out).stdout == made.stdout
    changed = study("lock", write(tmp_path, values(aggregate="worst_language")), "--out", out)
    assert changed.exit_code == 2 and "aggregate: 'mean' there, 'worst_language' here" in changed.stderr


def test_a_folder_without_a_study_has_no_status(tmp_path: Path) -> None:
    answer = study("status", tmp_path)
    assert answer.exit_code == 2 and "holds no study" in answer.stderr


def test_the_list_names_sizes_and_questions() -> None:
    rows = json.loads(study("list", "--json").stdout)
    assert {"studies/s0", "studies/s4", "phang2020/xtreme"} <= {row["name"] for row in rows}
    assert all(row["question"] and row["sizes"] for row in rows)
