"""Answers of Slurm's commands, federated or not, with accounting or not."""

import os
from pathlib import Path

import pytest

from ds_stilts.errors import ClusterError
from ds_stilts.jobs.slurm import JobId, NoSlurm, cancel, parse_id, states, submit
from tests.jobs.stand_ins import Slurm


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("123\n", JobId(number=123)),
        ("123;west\n", JobId(number=123, cluster="west")),
        ("Welcome to the cluster\n123;west\n", JobId(number=123, cluster="west")),
    ],
)
def test_the_number_that_sbatch_prints_may_name_a_cluster(text: str, job: JobId) -> None:
    assert parse_id(text) == job


def test_an_answer_without_a_number_is_an_error() -> None:
    with pytest.raises(ClusterError, match="should print the number of the job, and printed 'ok'"):
        parse_id("ok\n")


def test_other_commands_ask_the_cluster_that_took_the_job(slurm: Slurm) -> None:
    slurm.says("sbatch", "123;west\n")
    slurm.says("squeue", "123|RUNNING|0:01|node1|None\n")
    job = submit(["script"], os.environ)
    states([job, JobId(number=7)])
    cancel(job, signal="USR2")

    assert "--clusters=west" in slurm.asked("squeue")[0] and "--jobs=123" in slurm.asked("squeue")[0]
    assert not any(word.startswith("--clusters") for word in slurm.asked("squeue")[1])
    assert slurm.asked("scancel") == [["--quiet", "--clusters=west", "--signal=USR2", "123"]]


def test_what_a_shell_sets_to_see_less_of_the_queue_hides_no_job(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SQUEUE_PARTITION", "SCANCEL_STATE", "SLURM_CLUSTERS"):
        monkeypatch.setenv(name, "other")
    monkeypatch.setenv("SLURM_CONF", "/etc/own.conf")
    states([JobId(number=7)])
    cancel(JobId(number=7))

    for asked in (*slurm.environments("squeue"), *slurm.environments("sacct"), *slurm.environments("scancel")):
        assert asked["SLURM_CONF"] == "/etc/own.conf"
        assert not [name for name in asked if name.startswith(("SQUEUE_", "SCANCEL_", "SLURM_CLUSTERS"))]


def test_the_queue_tells_of_jobs_and_elements(slurm: Slurm) -> None:
    slurm.says(
        "squeue",
        "12_0|RUNNING|1:02|node[1-2]|None\n12_1|PENDING|0:00||Dependency\n13|FAILED|0:09|node1|NonZeroExitCode\n",
    )
    found = states([JobId(number=12), JobId(number=13)])

    assert {key: (one.state, one.reason, one.is_live) for key, one in found.items()} == {
        "12_0": ("RUNNING", "", True),
        "12_1": ("PENDING", "Dependency", True),
        "13": ("FAILED", "NonZeroExitCode", False),
    }
    assert slurm.asked("sacct") == []


def test_jobs_that_the_queue_has_forgotten_are_in_the_accounts(slurm: Slurm) -> None:
    slurm.says("squeue", error="slurm_load_jobs error: Invalid job id specified", code=1)
    slurm.says("sacct", "12_0|COMPLETED\n12_0.batch|COMPLETED\n12_1|CANCELLED by 1000\n")

    assert {key: one.state for key, one in states([JobId(number=12)]).items()} == {
        "12_0": "COMPLETED",
        "12_1": "CANCELLED",
    }


def test_without_a_database_the_list_of_completed_jobs_is_read(slurm: Slurm, tmp_path: Path) -> None:
    slurm.says("squeue", "")
    answers = '[[1, "", "Slurm accounting storage is disabled"], [0, "8|PENDING\\n8|COMPLETED\\n", ""]]'
    (tmp_path / "slurm" / "sacct.answers").write_text(answers)

    assert states([JobId(number=8)])["8"].state == "COMPLETED"
    assert "--completion" in slurm.asked("sacct")[1]


def test_jobs_that_nobody_remembers_are_left_out(slurm: Slurm) -> None:
    slurm.says("sacct", error="disabled", code=1)
    assert states([JobId(number=8)]) == {}


def test_a_controller_that_does_not_answer_is_told_apart_from_no_jobs(slurm: Slurm) -> None:
    slurm.says("squeue", error="squeue: error: Unable to contact slurm controller", code=1)
    with pytest.raises(NoSlurm, match="Unable to contact slurm controller"):
        states([JobId(number=8)])


def test_a_machine_without_slurm_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSlurm, match="no command 'squeue' here; do this on a login node"):
        states([JobId(number=8)])


def test_what_sbatch_refuses_is_said_in_its_words(slurm: Slurm) -> None:
    slurm.refuses("sbatch", "perl: warning: locale\nsbatch: error: Batch job submission failed: no such partition\n")
    with pytest.raises(ClusterError, match=r"^sbatch refused a job: Batch job submission failed: no such partition$"):
        submit(["script"], os.environ)
    slurm.refuses("sbatch", "/etc/profile: broken\n")
    with pytest.raises(ClusterError, match=r"^sbatch refused a job: /etc/profile: broken$"):
        submit(["script"], os.environ)


def test_the_reason_that_a_sites_own_rules_give_for_refusing_a_job_is_said(slurm: Slurm) -> None:
    said = "sbatch: GPU jobs need an account:\nsbatch: error: see https://site\n"
    slurm.refuses("sbatch", said + "sbatch: error: Batch job submission failed: Unspecified error")
    with pytest.raises(ClusterError, match=r"a job: GPU jobs need an account:; see https://site; Batch job .* error$"):
        submit(["script"], os.environ)


def test_what_slurm_says_in_another_character_set_is_no_fault_of_ours(slurm: Slurm, tmp_path: Path) -> None:
    (tmp_path / "slurm" / "sbatch").write_bytes(
        b"#!/bin/sh\nprintf 'sbatch: error: Zugriff verw\\374rgt\\n' >&2; exit 1\n"
    )
    with pytest.raises(ClusterError, match=r"Zugriff verw.*rgt"):
        submit(["script"], os.environ)


def test_an_element_that_the_queue_has_forgotten_is_in_the_accounts_while_others_of_its_array_live(
    slurm: Slurm,
) -> None:
    slurm.says("squeue", "12_1|RUNNING|9:00|node1|None\n")
    slurm.says("sacct", "12_0|FAILED\n12_1|PENDING\n")

    found = states([JobId(number=12)], ["12_0", "12_1"])
    assert {key: one.state for key, one in found.items()} == {"12_0": "FAILED", "12_1": "RUNNING"}


def test_a_job_that_the_queue_does_not_know_does_not_run_though_the_accounts_say_so(slurm: Slurm) -> None:
    slurm.says("squeue", error="slurm_load_jobs error: Invalid job id specified", code=1)
    slurm.says("sacct", "12|RUNNING\n")

    assert states([JobId(number=12)]) == {}
