"""`ds-stilts submit`, `status`, `logs` and `stop` from outside, on a machine without Slurm."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app
from tests.jobs.stand_ins import RECIPE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a recipe, a site file, no Slurm."""
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "site.yaml").write_text("partition: gpu\npreamble: cd {{ run_dir }}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to("/bin/bash")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def ds_stilts(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_a_dry_run_prints_graph_command_lines_and_scripts_and_writes_nothing(folder: Path) -> None:
    before = set(folder.rglob("*"))
    answer = ds_stilts(
        "submit", "recipe.yaml", "--nodes", "2", "--gpus-per-node", "4", "--site", "site.yaml", "--dry-run"
    )

    assert answer.exit_code == 0, answer.output
    assert "score/qa: array of 2: targets/qa/synth_nli, targets/qa/synth_pos; aftercorr train/qa" in answer.stdout
    assert "sbatch '--dependency=aftercorr:<train/qa>' --job-name=small-score-qa" in answer.stdout
    assert "--partition=gpu" in answer.stdout and "cd ${OUT}" in answer.stdout
    assert answer.stdout.count("#!/bin/bash") == 3
    assert set(folder.rglob("*")) == before


def test_the_printed_command_lines_can_be_read_by_a_shell(folder: Path) -> None:
    answer = ds_stilts("submit", "recipe.yaml", "--out", "a 'b' $(touch pwned)", "--dry-run")
    lines = [line for line in answer.stdout.splitlines() if " sbatch " in line and line.startswith("RECIPE=")]

    assert len(lines) == 13
    for line in lines:
        text = line.replace(" sbatch ", " printf '%s\\n' ")
        said = subprocess.run(["/bin/bash", "-c", text], capture_output=True, text=True, check=True).stdout
        assert f"--output={folder}/a 'b' $(touch pwned)/jobs/small-" in said
    assert not list(folder.rglob("pwned"))


def test_a_plan_can_be_read_by_programs(folder: Path) -> None:
    plan = json.loads(ds_stilts("submit", "recipe.yaml", "--dry-run", "--json").stdout)

    assert [job["name"] for job in plan["jobs"]][:2] == ["start", "train/none"]
    assert plan["jobs"][1]["settings"]["STAGES"] == "targets/none/synth_nli targets/none/synth_pos"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["submit", "recipe.yml"], "no recipe 'recipe.yml'"),
        (["submit", "recipe.yaml", "--time", "soon"], "--time: 'soon' is no time limit"),
        (["submit", "recipe.yaml", "--nodes", "0"], "--nodes 0: give 1 or more"),
        (["submit", "recipe.yaml", "--site", "none.yaml"], "there is no site file none.yaml"),
        (["submit", "recipe.yaml", "--set", "arms.qa.lrr=1"], "did you mean 'lr'?"),
        (["submit", "recipe.yaml"], "start: there is no command 'sbatch' here; do this on a login node"),
        (["status", "."], "is no run folder"),
        (["logs", "."], "no jobs were submitted for ."),
        (["stop", "."], "no jobs were submitted for ."),
        (["stop", ".", "--wait", "long"], "'long': write a duration"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(folder: Path, words: list[str], sentence: str) -> None:
    answer = ds_stilts(*words)

    assert answer.exit_code == 2
    assert sentence in answer.output
    assert "Traceback" not in answer.output
