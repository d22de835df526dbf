"""`ds-stilts submission` from outside: files and what is not in them, or one sentence and exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ds_stilts.tasks import get_task
from tests.evaluation.test_submission import pairs, places, sample, write_run


def submission(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "ds_stilts", "submission", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that scored two tasks under one arm."""
    write_run(tmp_path / "dev", get_task("bucc2018"), sample, split="dev")
    return write_run(write_run(tmp_path / "run", get_task("tatoeba"), places), get_task("bucc2018"), pairs)


def test_it_prints_what_it_wrote_and_what_is_not_in_it(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "sub"
    answer = submission(str(run), "--out", str(out), "--bucc-dev", str(tmp_path / "dev"))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == [
        str(out), f"{out}.zip",
        "not in it, since the run did not score them: pawsx, xnli, udpos, panx, xquad, mlqa, tydiqa",
    ]  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == ["bucc2018", "tatoeba"]
    assert len(list(out.glob("*/test-*.tsv"))) == 4 + 36


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "which is tuned on the sample set"),
        (["--arm", "nli"], "has no scored target of arm 'nli'"),
        (["--benchmark", "xtreme-r"], "has no predictions of az, lt, pl, uk, ro"),
        (["--benchmark", "glue"], "there is no benchmark 'glue'"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    options: list[str], sentence: str, run: Path, tmp_path: Path
) -> None:
    answer = submission(str(run), "--out", str(tmp_path / "sub"), *options)
    assert answer.returncode == 2 and answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert answer.stderr.startswith("error: ") and sentence in answer.stderr
    assert not list(tmp_path.glob("sub*"))


def test_the_verbs_show_an_example() -> None:
    for verb in ("submission", "score"):
        shown = subprocess.run([sys.executable, "-m", "ds_stilts", verb, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0 and f"ds-stilts {verb} " in shown.stdout.split("Example", 1)[1]
