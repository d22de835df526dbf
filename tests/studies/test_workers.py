"""Workers end together, each in its own time, and a stop reaches all of them."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ds_stilts.errors import ClusterError
from ds_stilts.studies.runner import num_workers, run_study
from ds_stilts.studies.store import Store
from tests.studies.worlds import study

PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from ds_stilts.errors import StoppedCleanly
from ds_stilts.studies.workers import run_workers

folder = Path(sys.argv[1])

def work(number):
    {work}

try:
    run_workers(work, 2)
except StoppedCleanly:
    sys.exit(85)
except RuntimeError as error:
    sys.exit(str(error))
"""


def started(folder: Path, work: str) -> subprocess.Popen[str]:
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("{work}", textwrap.indent(textwrap.dedent(work), "    ").strip()))
    return subprocess.Popen([sys.executable, str(program), str(folder)], text=True, stderr=subprocess.PIPE)


@pytest.mark.timeout(120)
def test_all_workers_are_waited_for(tmp_path: Path) -> None:
    process = started(tmp_path, 'time.sleep(number); (folder / f"done-{number}").touch()')
    assert process.wait(60) == 0
    assert sorted(path.name for path in tmp_path.glob("done-*")) == ["done-0", "done-1"]


@pytest.mark.timeout(120)
def test_a_stop_is_passed_on_and_the_slower_worker_has_its_time(tmp_path: Path) -> None:
    work = """
    (folder / f"began-{number}").touch()
    try:
        time.sleep(60)
    except StoppedCleanly:
        time.sleep(3 * number)
        (folder / f"saved-{number}").touch()
        raise
    """
    process = started(tmp_path, work)
    while len(list(tmp_path.glob("began-*"))) < 2:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 85
    assert sorted(path.name for path in tmp_path.glob("saved-*")) == ["saved-0", "saved-1"]


@pytest.mark.timeout(120)
def test_a_worker_that_breaks_is_told_and_takes_nobody_along(tmp_path: Path) -> None:
    work = """
    if number == 0:
        raise ValueError("broken")
    time.sleep(2)
    (folder / "done").touch()
    """
    process = started(tmp_path, work)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "ValueError: broken" in said and "worker 0 ended with exit code 1" in said
    assert (tmp_path / "done").exists()


@pytest.mark.timeout(120)
def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    process = started(tmp_path, '(folder / f"pid-{number}").write_text(str(os.getpid())); time.sleep(60)')
    while sum(bool(path.read_text()) for path in tmp_path.glob("pid-*")) < 2:
        time.sleep(0.05)
    children = [int(path.read_text()) for path in tmp_path.glob("pid-*")]
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_more_workers_than_a_machines_gpus_hold_are_refused_for_one_would_train_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert (num_workers(None, 2), num_workers(2, 2), num_workers(4, 1)) == (2, 2, 4)
    with pytest.raises(
        ClusterError, match=r"--workers 5: this machine has 4 GPUs and each stage takes 1; give 4 or fewer"
    ):
        run_study(study(), folder=tmp_path / "s", store=Store(root=tmp_path / "store"), workers=5)
    assert list(tmp_path.iterdir()) == []

    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert num_workers(64, 1) == 64  # cores can be shared
