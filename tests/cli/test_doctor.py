"""`ds-stilts doctor` from outside: a table for people, JSON for programs, and exit codes that say the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ds_stilts.cli.main import app

ROOT = Path(__file__).resolve().parents[2]


def doctor(*arguments: str | Path, cwd: Path, before: str = ":") -> subprocess.CompletedProcess[str]:
    """The verb in a process of its own, which a shell starts under some setting."""
    command = ["bash", "-c", f'{before} && exec "$0" "$@"', sys.executable, "-m", "ds_stilts", "doctor"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd, env=environment
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What programs are told of this machine, in an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    answer = doctor("--json", cwd=folder)
    assert answer.returncode in (0, 1), answer.stderr
    assert list(folder.iterdir()) == []
    return {"code": answer.returncode, **json.loads(answer.stdout)}


def test_json_says_of_each_check_what_was_found_and_of_each_problem_what_to_do(told: dict[str, object]) -> None:
    findings = told["findings"]
    assert isinstance(findings, list)
    names = {each["name"] for each in findings}
    assert names >= {
        "Python", "compiler", "DeepSpeed operations", "build locks", "run folder", "cache", "shared memory",
        "open files", "locked memory", "core dumps", "new files", "characters", "launchers", "own name", "hub", "proxy",
    }  # fmt: skip
    assert names & {"CPU", "GPUs"}
    assert all((each["verdict"] == "ok") != bool(each["remedy"]) and each["found"] for each in findings)
    assert [told[key] for key in ("ok", "warn", "fail")] == [
        sum(each["verdict"] == key for each in findings) for key in ("ok", "warn", "fail")
    ]


def test_the_exit_code_is_1_if_anything_fails_and_else_0(told: dict[str, object], tmp_path: Path) -> None:
    assert told["code"] == (1 if told["fail"] else 0)
    answer = doctor("--data-root", tmp_path / "nowhere", cwd=tmp_path, before="ulimit -n 200")
    lines = answer.stdout.splitlines()
    assert answer.returncode == 1
    assert f"  fail  data root             there is no folder {tmp_path / 'nowhere'}" in lines
    (number,) = [number for number, line in enumerate(lines) if line.startswith("  fail  open files")]
    assert lines[number + 1].strip().startswith("→ have an administrator raise")
    assert lines[-1].endswith("2 fail")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hostfile", "nowhere"], "hostfile nowhere cannot be read (No such file or directory)"),
        (["--hosts", "a", "--hostfile", "b"], "--hosts and --hostfile both name the hosts; give one of the two"),
        (["--hosts", "-oProxyCommand=touch pwned"], "is no host name"),
        (["--hosts", ""], "--hosts names no host"),
    ],
)
def test_hosts_that_cannot_be_named_so_are_bad_input(options: list[str], sentence: str) -> None:
    answer = CliRunner().invoke(app, ["doctor", *options])
    assert answer.exit_code == 2, answer.output
    assert sentence in answer.stderr and len(answer.stderr.splitlines()) == 1
