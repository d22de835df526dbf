"""The batch script of a study: an element works until nothing is left, and comes back after a clean stop."""

import signal
from pathlib import Path

import pytest

from tests.slurm.sites import WAIT, Site

ELEMENT = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "2"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "study")


def test_an_element_works_on_the_study_and_writes_its_report(site: Site) -> None:
    code, output = site.end("my study.yaml", "--size", "paper")

    assert code == 0, output
    assert site.noted("ranks").splitlines() == [
        f"<-m><ds_stilts><study><run><my study.yaml><--size><paper><--out><{site.run}>",
        f"<-m><ds_stilts><study><report><{site.run}>",
    ]
    assert "--kill-on-bad-exit=1" in site.noted("srun")


def test_what_submit_sets_becomes_options_and_leaves_the_report_to_another_job(site: Site) -> None:
    settings = {"STUDY": "s.yaml", "STORE": "/a b", "DATA_ROOT": "/d", "WORKERS": "3", "NO_REPORT": "1"}
    assert site.end(**settings, SLURM_CPUS_ON_NODE="6", INTERFACE="ib0")[0] == 0

    assert site.noted("ranks") == (
        f"<-m><ds_stilts><study><run><s.yaml><--out><{site.run}><--store></a b><--data-root></d><--workers><3>\n"
    )
    assert "--cpus-per-task=6" in site.noted("srun"), "else the step would get one CPU"
    assert "NCCL_SOCKET_IFNAME=ib0" in site.noted("environment")


def test_ranks_run_in_the_container(site: Site) -> None:
    assert site.end("s0", CONTAINER="x.sif", CONTAINER_OPTIONS="--bind /data", SLURM_GPUS_ON_NODE="2")[0] == 0
    assert site.noted("apptainer").startswith("exec --nv --bind /data x.sif python -m ds_stilts study run s0")
    code, output = site.end("s0", CONTAINER="x.sif", CONTAINER_TOOL="docker")
    assert code == 2 and "apptainer and pyxis are known" in output


def test_a_stop_that_was_asked_for_keeps_the_element_out_of_the_queue(site: Site) -> None:
    site.run.mkdir()
    (site.run / "STOP").touch()
    code, output = site.end("s0", behave="exit 85", **ELEMENT)
    assert code == 85 and "asks for it: not requeued" in output
    assert site.requeued == []


def test_a_clean_stop_brings_the_element_back_and_no_other(site: Site) -> None:
    job = site.start("s0", behave=WAIT, **ELEMENT)
    site.wait_for_ranks()
    site.signal_ranks(signal.SIGUSR2)
    output, _ = job.communicate(timeout=60)

    assert site.requeued == ["5_2"], output
    assert "study><report" not in site.noted("ranks")


@pytest.mark.parametrize(("code", "preempted"), [(140, "None"), (143, "2026-11-28T12:00:00")])
def test_an_element_that_is_asked_to_leave_before_its_ranks_listen_comes_back(
    site: Site, code: int, preempted: str
) -> None:
    ended, output = site.end("s0", behave=f"exit {code}", PREEMPTED=preempted, **ELEMENT)
    assert ended == 0, output
    assert site.requeued == ["5_2"]


@pytest.mark.parametrize("code", [1, 2, 143])
def test_a_fault_is_its_exit_code_and_is_not_tried_again(site: Site, code: int) -> None:
    assert site.end("s0", behave=f"exit {code}")[0] == code
    assert site.requeued == []


def test_restarts_end(site: Site) -> None:
    code, output = site.end("s0", behave="exit 85", SLURM_RESTART_COUNT="3", MAX_RESTARTS="3")
    assert code == 85 and "not requeued: restarted 3 times already (MAX_RESTARTS)" in output
    assert site.requeued == []


def test_a_cancelled_element_stays_away(site: Site) -> None:
    code, output = site.end("s0", behave="exit 85", STATE="COMPLETING")
    assert code == 85 and site.requeued == [], output


def test_study_and_folder_must_be_named(site: Site) -> None:
    assert "name a study" in site.end()[1]
    code, output = site.end("s0", OUT="")
    assert code != 0 and "name a folder that all nodes share" in output
