"""The command line from outside: quick to answer, shows examples, and says in one sentence what was wrong."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "ds-stilts"
COMMAND = [str(PROGRAM)] if PROGRAM.exists() else [sys.executable, "-m", "ds_stilts"]
VERBS = [
    "quickstart",
    "run",
    "plan",
    "pretrain",
    "train",
    "evaluate",
    "report",
    "reshape",
    "score",
    "submission",
    "doctor",
    "bench",
    "tasks",
]
SUBVERBS = [
    "data",
    "data check",
    "data overlap",
    "data prepare",
    "recipes",
    "recipes list",
    "recipes show",
    "study",
    "study list",
    "study plan",
    "study predict",
    "study overlap",
    "study domains",
    "study lock",
    "study run",
    "study submit",
    "study status",
]


def ds_stilts(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # for a checkout that is not installed
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, cwd=cwd, env=environment)


def test_help_answers_in_under_a_second() -> None:
    times_s = []
    for _ in range(3):
        start = time.perf_counter()
        assert ds_stilts("--help").returncode == 0
        times_s.append(time.perf_counter() - start)

    assert min(times_s) < 1.0


def test_help_imports_nothing_heavy() -> None:
    heavy = [
        "torch",
        "numpy",
        "pydantic",
        "pyarrow",
        "transformers",
        "deepspeed",
        "matplotlib",
        "scipy",
        "yaml",
        "jinja2",
    ]
    code = f"import sys, ds_stilts.cli.main; print([name for name in {heavy} if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_help_lists_every_verb() -> None:
    words = ds_stilts("--help").stdout.split()

    assert [verb for verb in [*VERBS, "data", "recipes"] if verb not in words] == []


@pytest.mark.parametrize("verb", ["", *VERBS, *SUBVERBS])
def test_every_verb_shows_an_example(verb: str) -> None:
    shown = ds_stilts(*verb.split(), "--help")

    assert shown.returncode == 0, shown.stderr
    assert "Example" in shown.stdout
    assert f"ds-stilts {verb}".strip() in shown.stdout.split("Example", 1)[1]


@pytest.mark.parametrize("verb", ["run", "plan", "pretrain", "data check", "data prepare"])
def test_an_unknown_recipe_is_one_sentence_and_exit_code_2(verb: str, tmp_path: Path) -> None:
    answer = ds_stilts(*verb.split(), "quickstrat", cwd=tmp_path)

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert answer.stderr.startswith("error: no recipe 'quickstrat' (did you mean 'quickstart'?)")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("verb", "stage"), [("train", "targets/a/b"), ("evaluate", "arms/a")])
def test_a_stage_of_another_phase_is_refused(verb: str, stage: str) -> None:
    answer = ds_stilts(verb, "quickstart", "--stage", stage)

    assert answer.returncode == 2
    assert f"'{stage}' should be" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_plan_is_the_same_for_people_and_for_programs(tmp_path: Path) -> None:
    people = ds_stilts("plan", "quickstart", cwd=tmp_path)
    programs = ds_stilts("run", "quickstart", "--dry-run", "--json", cwd=tmp_path)

    assert people.returncode == programs.returncode == 0, people.stderr + programs.stderr
    assert yaml.safe_load(people.stdout.partition("\n\n")[0]) == json.loads(programs.stdout)  # memory follows
    assert list(tmp_path.iterdir()) == []


def test_data_check_counts_what_lies_there(real_data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mini.yaml"
    recipe.write_text(
        "{name: m, start: {model: m}, arms: {none: null}, targets: {xnli: {epochs: 1, score_languages: [de]}}}"
    )
    answer = ds_stilts("data", "check", str(recipe), "--data-root", str(real_data), "--json")

    assert answer.returncode == 0, answer.stderr
    lines = json.loads(answer.stdout)["lines"]
    counts = {(line["split"], line["language"]): line["examples"] for line in lines}
    assert set(counts) == {("train", "en"), ("test", "de")}
    assert counts["test", "de"] == len((real_data / "xnli" / "test-de.tsv").read_text("utf-8").splitlines())


@pytest.mark.parametrize("verb", ["check", "prepare"])
@pytest.mark.parametrize(("recipe", "why"), [("quickstart", "makes up"), ("real", "--data-root")])
def test_data_without_files_to_look_at_says_why(verb: str, recipe: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("{name: r, start: {model: m}, arms: {none: null}, targets: {xnli: {}}}")
    answer = ds_stilts("data", verb, recipe, cwd=tmp_path)

    assert answer.returncode == 2
    assert answer.stderr.startswith("error: recipe")
    assert why in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_shipped_recipes_are_listed_and_shown() -> None:
    listed = ds_stilts("recipes")

    assert listed.returncode == 0, listed.stderr
    assert "quickstart" in listed.stdout
    assert ds_stilts("recipes", "show", "quickstart").stdout.splitlines()[0]


def test_errors_and_stops_have_their_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    from ds_stilts.cli.main import explained
    from ds_stilts.errors import DataError, StoppedCleanly

    def raising(error: BaseException) -> int:
        def verb() -> None:
            raise error

        with pytest.raises(typer.Exit) as leaving:
            explained(verb)()
        return int(leaving.value.exit_code)

    assert raising(DataError("a.tsv, line 3: no label")) == 2
    assert capsys.readouterr().err == "error: a.tsv, line 3: no label\n"
    assert raising(StoppedCleanly("saved step 12")) == 85
    assert "saved step 12" in capsys.readouterr().err
    assert raising(KeyboardInterrupt()) == 130


@pytest.mark.parametrize("verb", ["plan", "study plan", "score --labels .", "status", "data check --data-root"])
def test_a_path_that_the_system_refuses_is_one_sentence_and_exit_code_2(verb: str) -> None:
    answer = ds_stilts(*verb.split(), "a" * 300)

    assert answer.returncode == 2, answer.stderr
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert answer.stderr.startswith("error: ") and "File name too long" in answer.stderr


def test_a_terminal_that_lacks_a_character_gets_the_rest(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1"}
    answer = subprocess.run([*COMMAND, "tasks"], capture_output=True, timeout=60, cwd=tmp_path, env=environment)

    assert answer.returncode == 0, answer.stderr
    assert b"xnli" in answer.stdout and b"\\u2026" in answer.stdout


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    from ds_stilts.cli.main import explained

    def verb() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        explained(verb)()
