"""The batch scripts beside the one that trains: they hand over to it, or do one small thing."""

from pathlib import Path

import pytest

from tests.slurm.sites import FINISH, SLURM, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "evaluate")


def test_an_element_scores_its_own_target(site: Site) -> None:
    element = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "1", "STAGES": "targets/a/x targets/a/y"}
    site.end("r.yaml", LAY=str(SLURM), **element)

    assert (
        site.noted("ranks") == f"<-m><ds_stilts.evaluate><--recipe><r.yaml><--out><{site.run}><--stage><targets/a/y>\n"
    )


def test_a_target_that_was_scored_before_is_scored_again_but_not_after_a_restart(site: Site) -> None:
    stage = "targets/a/x"
    (site.run / stage).mkdir(parents=True)
    (site.run / stage / "DONE").touch()

    assert site.end("r.yaml", LAY=str(SLURM), STAGES=stage, SLURM_RESTART_COUNT="1")[0] == 0
    assert site.noted("ranks") == ""
    assert site.end("r.yaml", LAY=str(SLURM), STAGES=stage)[0] == 0
    assert site.noted("ranks").count("ds_stilts.evaluate") == 1


def test_a_target_is_scored_again_though_the_job_was_sent_back_before_it_could_forget_the_old_scores(
    site: Site,
) -> None:
    stage = "targets/a/x"
    done = site.run / stage / "DONE"
    done.parent.mkdir(parents=True)
    done.touch()

    assert site.end("r.yaml", LAY=str(SLURM), STAGES=stage, behave="exit 85")[0] == 0
    assert site.requeued == ["7"]
    again = {"STAGES": stage, "STAGE": stage, "LAY": str(SLURM)}
    assert site.end("r.yaml", behave=FINISH, SLURM_RESTART_COUNT="1", **again)[0] == 0
    assert site.noted("ranks").count("ds_stilts.evaluate") == 2

    assert site.end("r.yaml", behave="exit 85", **again)[0] == 0  # another job, which stops once it has scored
    done.touch()
    assert site.end("r.yaml", SLURM_RESTART_COUNT="1", **again)[0] == 0
    assert site.noted("ranks").count("ds_stilts.evaluate") == 3
    assert not list((site.run / "jobs").glob("*")), "nothing of the jobs stays"


def test_bad_input_is_not_hidden_by_the_mark_of_before(site: Site) -> None:
    stage = "targets/a/x"
    (site.run / stage).mkdir(parents=True)
    (site.run / stage / "DONE").touch()

    assert site.end("r.yaml", LAY=str(SLURM), STAGES=stage, behave="exit 2")[0] == 2


def test_targets_must_be_named(site: Site) -> None:
    code, output = site.end("r.yaml", LAY=str(SLURM))
    assert code != 0 and "name targets" in output


def test_a_report_needs_a_run_folder_and_nothing_else(tmp_path: Path) -> None:
    site = Site(tmp_path, "report")
    preamble = tmp_path / "preamble"
    preamble.write_text("export LOADED=1\n")

    assert site.end(PREAMBLE=str(preamble), OUT="/runs/a b")[0] == 0
    assert site.noted("ranks") == "<-m><ds_stilts><report></runs/a b>\n"
    assert "LOADED=1" in site.noted("environment").splitlines()
    assert site.end(CONTAINER="x.sif", CONTAINER_OPTIONS="--bind /data")[0] == 0
    assert site.noted("apptainer").startswith("exec --bind /data x.sif python -m ds_stilts report")
    assert site.end(behave="exit 2")[0] == 2


@pytest.mark.parametrize("script", ["train", "report", "study"])
def test_a_preamble_that_fails_is_named(tmp_path: Path, script: str) -> None:
    site, preamble = Site(tmp_path, script), tmp_path / "preamble"
    preamble.write_text("false\n")

    code, output = site.end("s0", PREAMBLE=str(preamble))
    assert (code, site.noted("ranks")) == (2, "")
    assert f"error: the preamble {preamble} ended with 1" in output


def test_of_a_studys_folder_the_report_is_a_studys(tmp_path: Path) -> None:
    site = Site(tmp_path, "report")
    site.run.mkdir()
    (site.run / "study.yaml").touch()

    assert site.end()[0] == 0
    assert site.noted("ranks") == f"<-m><ds_stilts><study><report><{site.run}>\n"
