"""Stopping: first what waits, then a request to save, then what does not listen."""

from pathlib import Path

import pytest

from ds_stilts.errors import ClusterError
from ds_stilts.jobs import stop
from ds_stilts.jobs.submit import submit_plan
from tests.jobs.stand_ins import Slurm
from tests.jobs.test_submit import plan


@pytest.fixture
def run_dir(tmp_path: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with two jobs in the queue: 11 runs, 12 waits."""
    monkeypatch.setattr(stop, "_ASK_EVERY_S", 0.05)
    submit_plan(plan(tmp_path / "run"))
    return tmp_path / "run"


BOTH = "11|RUNNING|0:01|node1|None\n12_[0-1]|PENDING|0:00||Dependency\n12_0|PENDING|0:00||Dependency\n"
RUNS, OVER = "11|RUNNING|0:01|node1|None\n", "11|COMPLETED|0:02|node1|None\n"


def test_waiting_jobs_are_cancelled_and_running_ones_asked_to_save(run_dir: Path, slurm: Slurm) -> None:
    slurm.says("squeue", BOTH, RUNS, RUNS, OVER)
    result = stop.stop_run(run_dir, wait_s=30)

    assert (result.waiting, result.saved, result.killed) == (("12_0",), ("11",), ())
    assert [call[1:] for call in slurm.asked("scancel")] == [
        ["--state=PENDING", "12"],
        ["--state=PENDING", "11"],
        ["--signal=USR2", "11"],
    ]
    assert not (run_dir / "STOP").exists()


def test_ranks_see_the_request_in_the_folder_while_they_run(run_dir: Path, slurm: Slurm) -> None:
    slurm.says("squeue", RUNS, RUNS, OVER)
    seen = []
    stop.stop_run(run_dir, wait_s=30, tell=lambda _: seen.append((run_dir / "STOP").exists()))
    assert seen == [True]


def test_what_does_not_leave_in_time_is_cancelled(run_dir: Path, slurm: Slurm) -> None:
    slurm.says("squeue", *[RUNS] * 5, OVER)
    result = stop.stop_run(run_dir, wait_s=0.1)

    assert (result.saved, result.killed) == ((), ("11",))
    assert slurm.asked("scancel")[-1] == ["--quiet", "11"]


def test_now_asks_nobody(run_dir: Path, slurm: Slurm) -> None:
    slurm.says("squeue", RUNS, RUNS, OVER)
    stop.stop_run(run_dir, wait_s=0)

    assert not [call for call in slurm.asked("scancel") if "--signal=USR2" in call]
    assert slurm.asked("scancel")[-1] == ["--quiet", "11"]


def test_with_nothing_in_the_queue_nothing_is_cancelled_and_an_old_request_is_removed(
    run_dir: Path, slurm: Slurm
) -> None:
    (run_dir / "STOP").touch()
    slurm.says("squeue", OVER)
    result = stop.stop_run(run_dir, wait_s=1)

    assert (result.waiting, result.saved, result.killed) == ((), (), ())
    assert slurm.asked("scancel") == [] and not (run_dir / "STOP").exists()


def test_a_run_without_jobs_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no jobs were submitted for"):
        stop.stop_run(tmp_path, wait_s=1)


def test_a_job_that_the_accounts_alone_call_running_is_not_waited_for(run_dir: Path, slurm: Slurm) -> None:
    slurm.says("squeue", "")
    slurm.says("sacct", "11|RUNNING\n")
    result = stop.stop_run(run_dir, wait_s=0)

    assert (result.waiting, result.saved, result.killed) == ((), (), ())
    submit_plan(plan(run_dir))  # and what is left can be submitted again


def test_jobs_of_somebody_else_are_told_of_instead_of_waited_for(run_dir: Path, slurm: Slurm) -> None:
    slurm.says("squeue", BOTH)
    slurm.refuses("scancel", "scancel: error: Kill job error on job id 12: Access/permission denied\n")
    with pytest.raises(
        ClusterError, match=r"^job 12 was not ended \(Kill job error on job id 12: Access/permission den"
    ):
        stop.stop_run(run_dir, wait_s=0)
    assert not (run_dir / "STOP").exists()  # nothing is half done
