"""`ds-stilts plan` from outside: a machine far away, quickly, and bad input in a sentence."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app

RECIPE = """
name: r
start: {model: MODEL}
arms: {none: null, nli: {tasks: {mnli: {}}, steps: 5, batch_examples: 1024}}
targets: {tatoeba: {}}
engine: {config: zero2_bf16}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE.replace("MODEL", "FacebookAI/xlm-roberta-large"), encoding="utf-8")
    return path


def plan(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["plan", *[str(argument) for argument in arguments]])


def test_a_plan_for_512_gpus_is_made_here(file: Path) -> None:
    answer = plan(file, "--nodes", 64, "--gpus", 8, "--gpu-memory", "80G", "--json")
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert told["engine"]["processes"] == told["memory"]["machine"]["ranks"] == 512
    (phase,) = told["memory"]["phases"]
    assert phase["recommended"]["config"] == "zero2_bf16"
    assert told["stages"] == ["start", "arms/nli", "targets/none/tatoeba", "targets/nli/tatoeba"]


def test_a_batch_in_tokens_is_planned_and_told_in_tokens(file: Path) -> None:
    file.write_text(file.read_text().replace("steps: 5, batch_examples: 1024", "epochs: 1, batch_tokens: 65536"))
    answer = plan(file, "--nodes", 1, "--gpus", 8, "--gpu-memory", "80G")
    assert answer.exit_code == 0, answer.output
    # MNLI's 392,702 pairs at their longest, 128 tokens, over 65,536
    assert "767 steps, at most 50,266,112 tokens; 65,536 tokens a step, micro-batches of 4,096 tokens" in answer.stdout
    told = json.loads(plan(file, "--nodes", 1, "--gpus", 8, "--json").stdout)
    (phase,) = told["memory"]["phases"]
    assert (phase["batch_examples"], phase["batch_tokens"], phase["accumulation"]) == (None, 65536, 2)


def test_without_a_machine_an_unknown_model_leaves_the_rest_of_the_plan(file: Path) -> None:
    file.write_text(RECIPE.replace("MODEL", "owner/unknown"), encoding="utf-8")
    answer = plan(file)
    assert answer.exit_code == 0, answer.output
    assert (
        "- arms/nli" in answer.stdout
        and "Memory: not known: start.model: the shape of 'owner/unknown'" in answer.stdout
    )
    asked = plan(file, "--gpu-memory", "80G")
    assert asked.exit_code == 2 and "put its config.json into a folder" in asked.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--gpu-memory", "lots"], "--gpu-memory 'lots' is no memory size; write it like 80G or 40960M"),
        (["--nodes", "0"], "--nodes 0: a machine has at least one; give 1 or more"),
        (["--gpus", "-2"], "--gpus -2: a machine has at least one"),
        (["--processes", "2", "--gpus", "8"], "give one of the two"),
        (["--nodes", "2000", "--gpus", "8"], "arms.nli.batch_examples is 1024, too few for 16000 ranks"),
    ],
)
def test_what_cannot_be_planned_is_a_sentence(options: list[str], sentence: str, file: Path) -> None:
    answer = plan(file, *options)
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.startswith("error: ") and sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
