"""Processes that lose their parent, or the launcher above it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(60)

FORKED = """
import os, sys, time
from ds_stilts.cluster.local import run_ranks
def work():
    open(f"{sys.argv[1]}/{os.environ['RANK']}", "w").write(str(os.getpid()))
    time.sleep(60)
run_ranks(work, 2)
"""
RANK = """
import os, pathlib, signal, sys, time
from ds_stilts.cluster.parent import LauncherWatch, launchers
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    LauncherWatch.saving_s = staticmethod(lambda: -8.0)
if sys.argv[2] == "late":
    pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} not looked")
    while not pathlib.Path(sys.argv[1] + ".go").exists():
        time.sleep(0.02)
watch = LauncherWatch()
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {launchers()}")
time.sleep(60)
"""
STARTER = """
import subprocess, sys
sys.exit(subprocess.call(sys.argv[1:]))
"""


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait(happened: object, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_forked_ranks_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", FORKED, str(tmp_path)])
    wait(lambda: all((tmp_path / str(rank)).exists() and (tmp_path / str(rank)).read_text() for rank in (0, 1)))
    ranks = [int((tmp_path / str(rank)).read_text()) for rank in (0, 1)]
    assert all(alive(process) for process in ranks)
    parent.kill()
    parent.wait()
    wait(lambda: not any(alive(process) for process in ranks), 5.0)


def under(
    tmp_path: Path, names: list[str], how: str = "willing", **variables: str
) -> tuple[subprocess.Popen[bytes], int, str]:
    """A rank under a chain of processes whose command lines have these names; the topmost, the rank, what it knows."""
    place = tmp_path / "place"
    command = [sys.executable, "-c", RANK, str(place), how]
    for name in reversed(names):
        script = tmp_path / f"{name}.py"
        script.write_text(STARTER)
        command = [sys.executable, str(script), *command]
    top = subprocess.Popen(command, env={**os.environ, **variables}, start_new_session=True)
    wait(lambda: place.exists() and place.read_text())
    process, _, known = place.read_text().partition(" ")
    return top, int(process), known


@pytest.mark.parametrize("how", ["willing", "deaf"])
def test_a_rank_ends_when_the_deepspeed_command_above_its_launcher_is_gone(tmp_path: Path, how: str) -> None:
    top, rank, known = under(tmp_path, ["deepspeed", "deepspeed.launcher.launch"], how)
    assert known.endswith(f", {top.pid}]")
    middle = int(known.strip("[]").split(",")[0])
    top.kill()
    top.wait()
    wait(lambda: not alive(rank), 10.0)
    wait(lambda: not alive(middle), 5.0)  # its only child is gone


@pytest.mark.parametrize("names", [["deepspeed", "deepspeed.launcher.launch"], ["deepspeed.launcher.launch"]])
def test_a_rank_ends_when_its_launcher_was_gone_before_it_looked(tmp_path: Path, names: list[str]) -> None:
    """Importing takes seconds, in which the `deepspeed` command or its `launch.py` may be killed."""
    top, rank, _ = under(tmp_path, names, "late", CROSS_SIZE="1")
    top.kill()
    top.wait()
    (tmp_path / "place.go").touch()
    wait(lambda: not alive(rank), 10.0)


def test_a_rank_under_a_launch_py_that_a_remote_shell_started_goes_on(tmp_path: Path) -> None:
    """On other nodes no `deepspeed` command is above it."""
    top, rank, known = under(tmp_path, ["shell", "deepspeed.launcher.launch"], CROSS_SIZE="2")
    assert "-1" not in known and known.endswith(f", {top.pid}]")
    time.sleep(2.0)
    assert alive(rank)
    top.kill()
    wait(lambda: not alive(rank), 10.0)


def test_a_rank_ends_with_a_launcher_that_is_its_parent(tmp_path: Path) -> None:
    top, rank, known = under(tmp_path, ["torchrun"])
    assert known == f"[{top.pid}]"
    top.kill()
    top.wait()
    wait(lambda: not alive(rank), 10.0)


def test_a_rank_that_was_started_by_hand_may_outlive_its_shell(tmp_path: Path) -> None:
    top, rank, known = under(tmp_path, ["shell"])
    assert known == "[]"
    top.kill()
    top.wait()
    time.sleep(2.0)
    assert alive(rank)
    os.kill(rank, signal.SIGKILL)
