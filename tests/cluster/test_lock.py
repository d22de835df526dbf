"""One run at a time in a folder: who is refused, with what words, and whose lock is taken over."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.cluster import lock
from ds_stilts.cluster.lock import NAME, STALE_S, only_run_in
from ds_stilts.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from ds_stilts.cluster.lock import only_run_in
with only_run_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(folder: Path, **variables: str) -> subprocess.Popen[str]:
    """Another process that holds the folder's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def change(folder: Path, **fields: Any) -> None:
    """Write the lock as if somebody else had."""
    path = folder / NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def foreign(folder: Path, age_s: float) -> None:
    """A lock of another machine that was touched so long ago."""
    with only_run_in(folder):
        text = (folder / NAME).read_text()
    (folder / NAME).write_text(text)
    change(folder, machine=["node7", "boot", "pid:[1]"], host="node7", pid=4711, job="99")
    os.utime(folder / NAME, (time.time() - age_s,) * 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_the_lock_is_there_while_it_is_held_and_only_then(folder: Path) -> None:
    with only_run_in(folder):
        owner = json.loads((folder / NAME).read_text())
        assert (owner["pid"], owner["host"]) == (os.getpid(), socket.gethostname())
    assert list(folder.iterdir()) == []


def test_a_second_run_is_refused_with_who_is_at_work(folder: Path) -> None:
    first = hold(folder, SLURM_JOB_ID="1234")
    try:
        words = rf"process {first.pid} on {socket.gethostname()}, Slurm job 1234, since 20.* UTC; wait for it, stop it"
        with pytest.raises(UserError, match=words) as caught, only_run_in(folder):
            pass
        assert caught.value.exit_code == 2
        assert json.loads((folder / NAME).read_text())["pid"] == first.pid
    finally:
        end(first)


def test_the_lock_of_a_killed_process_is_taken_over(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = hold(folder)
    end(first)
    with caplog.at_level(logging.WARNING), only_run_in(folder):
        assert json.loads((folder / NAME).read_text())["pid"] == os.getpid()
    assert f"was left by process {first.pid} on {socket.gethostname()}, which is gone" in caplog.text
    assert list(folder.iterdir()) == []


def test_the_lock_of_a_killed_process_that_nobody_waited_for_is_taken_over(folder: Path) -> None:
    first = hold(folder)
    first.send_signal(signal.SIGKILL)
    while Path(f"/proc/{first.pid}/stat").read_text().split()[2] != "Z":
        time.sleep(0.01)
    with only_run_in(folder):
        pass
    first.wait()


def test_a_process_id_that_is_used_again_is_another_process(folder: Path) -> None:
    first = hold(folder)
    try:
        change(folder, began="1")  # the lock's process began at another time than the one that has its number now
        with only_run_in(folder):
            pass
    finally:
        end(first)


def test_the_lock_of_another_machine_counts_while_it_is_touched(folder: Path) -> None:
    foreign(folder, STALE_S - 30)
    with pytest.raises(UserError, match="process 4711 on node7, Slurm job 99"), only_run_in(folder):
        pass
    foreign_text = (folder / NAME).read_text()
    os.utime(folder / NAME, (time.time() - STALE_S - 30,) * 2)
    assert (folder / NAME).read_text() == foreign_text
    with only_run_in(folder):
        assert json.loads((folder / NAME).read_text())["pid"] == os.getpid()


def test_a_requeued_job_takes_over_what_it_held_on_another_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign(folder, 1.0)
    monkeypatch.setenv("SLURM_JOB_ID", "99")
    with pytest.raises(UserError, match="process 4711 on node7"), only_run_in(folder):
        pass  # a second step of the job that is still running
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    with only_run_in(folder):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_lock_that_says_nothing_counts_for_five_minutes(folder: Path, text: str) -> None:
    (folder / NAME).write_text(text)
    with pytest.raises(UserError, match="another run is at work"), only_run_in(folder):
        pass
    os.utime(folder / NAME, (time.time() - STALE_S - 30,) * 2)
    with only_run_in(folder):
        pass


def test_a_held_lock_is_touched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_BEAT_S", 0.02)
    with only_run_in(folder):
        os.utime(folder / NAME, (0, 0))
        deadline = time.monotonic() + 10
        while (folder / NAME).stat().st_mtime < time.time() - 60:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_who_slept_while_another_took_over_stops_and_leaves_the_others_lock(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr(lock, "_BEAT_S", 0.02)
    previous = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        with only_run_in(folder):
            change(folder, pid=4711)
            deadline = time.monotonic() + 10
            while not told:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert told == [signal.SIGTERM] and json.loads((folder / NAME).read_text())["pid"] == 4711


def test_of_many_starts_after_a_crash_one_wins(folder: Path) -> None:
    end(hold(folder))
    starts = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    deadline = time.monotonic() + 30
    while sum(process.poll() is None for process in starts) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (winner,) = [process for process in starts if process.poll() is None]
    assert json.loads((folder / NAME).read_text())["pid"] == winner.pid
    end(winner)  # type: ignore[arg-type]
    assert sorted(process.wait() for process in starts) == [-9, 1, 1, 1, 1, 1]


def test_a_start_that_was_quicker_keeps_its_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another start takes the stale lock over just when this one has read it."""
    foreign(folder, STALE_S + 30)
    quicker = json.dumps(lock._identity())
    judge = lock._age_s

    def age_s(path: Path) -> float:
        found = judge(path)
        path.write_text(quicker)
        return found

    monkeypatch.setattr(lock, "_age_s", age_s)
    with pytest.raises(UserError, match=f"process {os.getpid()}"), only_run_in(folder):
        pass
    assert [path.name for path in folder.iterdir()] == [NAME] and (folder / NAME).read_text() == quicker


def test_a_folder_that_was_made_for_the_lock_goes_with_it_if_nothing_came_in(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_run_in(tmp_path / "runs" / "new"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
    with only_run_in(tmp_path / "runs" / "new"):
        (tmp_path / "runs" / "new" / "recipe.yaml").touch()
    assert (tmp_path / "runs" / "new" / "recipe.yaml").exists()


def test_stages_go_on_side_by_side_but_neither_twice_nor_beside_a_whole_run(folder: Path) -> None:
    with only_run_in(folder, "targets/none/xnli"), only_run_in(folder, "targets/none/xquad"):
        for stage, at in (("targets/none/xnli", "targets/none/xnli"), (None, "targets/none/x(nli|quad)")):
            with pytest.raises(UserError, match=f"at work in {folder}/{at}: process"), only_run_in(folder, stage):
                pass
    assert list(folder.rglob("*")) == []
    with only_run_in(folder):
        with pytest.raises(UserError, match=f"at work in {folder}: process"), only_run_in(folder, "arms/qa/2"):
            pass
        assert [path.name for path in folder.iterdir()] == [NAME]


def test_a_stage_whose_process_is_gone_does_not_hold_up_a_whole_run(folder: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD.replace("argv[1])", "argv[1]), 'start'"), str(folder)])
    while not (folder / "start" / NAME).exists():
        time.sleep(0.02)
    end(first)
    with only_run_in(folder):
        assert not (folder / "start" / NAME).exists()


def test_a_place_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"run folder .*file/run cannot be written to \(Not a directory\); give another"
    ):
        with only_run_in(tmp_path / "file" / "run"):
            pass
