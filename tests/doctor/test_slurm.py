"""What Slurm's programs say, and what is made of it; a real Slurm is asked in tests/cluster."""

from pathlib import Path

import pytest

from ds_stilts.doctor.slurm import check_slurm, is_configured, judge_nodes, judge_ping

NODES = """
main|2|idle|gpu:fake:2(S:0)
main|1|down*|gpu:fake:2(S:0)
cpu|4|mix|(null)
"""


def test_a_controller_that_is_up_is_ok_and_a_silent_one_fails_where_it_is_expected() -> None:
    assert judge_ping(0, "Slurmctld(primary) at head is UP\n", True).verdict == "ok"
    down = judge_ping(
        1, "Slurmctld(primary) at head is DOWN\n****\n** RESTORE SLURMCTLD DAEMON TO SERVICE **\n****", True
    )
    assert (down.verdict, down.found) == ("fail", "Slurmctld(primary) at head is DOWN")
    half = judge_ping(0, "Slurmctld(primary) at a is DOWN\nSlurmctld(backup) at b is UP\n", True)
    assert (half.verdict, half.found) == ("ok", "Slurmctld(primary) at a is DOWN; Slurmctld(backup) at b is UP")
    assert judge_ping(None, "", True).found == "no answer within 15 s"
    unconfigured = judge_ping(1, "scontrol: error: DNS\nscontrol: fatal: no configuration source\n", False)
    assert unconfigured.verdict == "warn" and unconfigured.found.endswith(": fatal: no configuration source")


def test_nodes_are_told_by_partition_and_state() -> None:
    found = judge_nodes(0, NODES)
    assert found.verdict == "ok"
    assert found.found == "main: 2 idle with gpu:fake:2(S:0), 1 down* with gpu:fake:2(S:0); cpu: 4 mix"
    assert judge_nodes(0, "cpu|4|idle|(null)").found.endswith("; no GPUs")


@pytest.mark.parametrize("said", ["main|2|down|(null)", "main|2|drain|gpu:1", "main|2|idle*|gpu:1", ""])
def test_nodes_of_which_none_takes_jobs_are_a_warning(said: str) -> None:
    assert judge_nodes(0, said).verdict == "warn"


def test_a_machine_is_of_a_cluster_when_a_file_or_a_job_says_so(tmp_path: Path) -> None:
    (tmp_path / "slurm.conf").touch()
    assert is_configured({"SLURM_CONF": str(tmp_path / "slurm.conf")})
    assert is_configured({"SLURM_JOB_ID": "7", "SLURM_CONF": str(tmp_path / "none")})
    assert not is_configured({"SLURM_CONF": str(tmp_path / "none")})


def test_without_slurms_programs_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_slurm() == []
