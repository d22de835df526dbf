"""What a run folder and Slurm say together, and what the folder says alone."""

from pathlib import Path

import pytest

from ds_stilts.errors import CheckpointError
from ds_stilts.jobs.status import run_status
from ds_stilts.jobs.submit import submit_plan
from ds_stilts.run import claim_folder, open_folder
from tests.jobs.stand_ins import Slurm, recipe
from tests.jobs.test_submit import mark, plan


def said(run_dir: Path) -> dict[str, tuple[str, str | None]]:
    return {one.stage: (one.state, one.job) for one in run_status(run_dir).stages}


def test_markers_are_enough_where_there_is_no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    claim_folder(open_folder(recipe(), tmp_path / "run", None))
    mark(tmp_path / "run", "start", "arms/qa")
    (tmp_path / "run" / "targets" / "qa" / "synth_pos" / "model").mkdir(parents=True)
    states = said(tmp_path / "run")

    assert states["arms/qa"] == ("done", None)
    assert states["targets/qa/synth_pos"] == ("trained", None)
    assert states["arms/both/1"] == ("not submitted", None)
    assert run_status(tmp_path / "run").problem is None


def test_submitted_jobs_are_unknown_where_there_is_no_slurm(
    tmp_path: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit_plan(plan(tmp_path / "run"))
    mark(tmp_path / "run", "start")
    monkeypatch.setenv("PATH", str(tmp_path))
    status = run_status(tmp_path / "run")

    assert "no command 'squeue'" in (status.problem or "")
    assert {one.state for one in status.stages if one.stage != "start"} == {"unknown"}
    assert status.num_done == 1


def test_a_stage_is_with_the_job_that_it_waits_for(tmp_path: Path, slurm: Slurm) -> None:
    run_dir = tmp_path / "run"
    number = {job.name: job.number for job in submit_plan(plan(run_dir))}
    mark(run_dir, "start", "targets/none/synth_nli", "arms/both/1")
    queue = {
        "start": "COMPLETED", "arms/qa": "FAILED", "arms/both": "RUNNING", "train/none_0": "COMPLETED",
        "train/none_1": "COMPLETED", "score/none_0": "COMPLETED", "score/none_1": "RUNNING",
        "train/qa_0": "CANCELLED", "train/qa_1": "CANCELLED", "score/qa_0": "CANCELLED", "score/qa_1": "CANCELLED",
        "train/both_0": "PENDING", "train/both_1": "PENDING", "ready/none_0": "TIMEOUT", "report": "PENDING",
    }  # fmt: skip
    lines = []
    for key, state in queue.items():
        name, _, element = key.partition("_")
        lines.append(f"{number[name]}{'_' + element if element else ''}|{state}|0:01|node1|None")
    slurm.says("squeue", "\n".join(lines))
    states = said(run_dir)

    assert states["start"] == ("done", str(number["start"]))
    assert states["arms/qa"] == ("failed", str(number["arms/qa"]))
    assert states["arms/both/1"][0] == "done" and states["arms/both/2"] == ("running", str(number["arms/both"]))
    assert states["targets/none/synth_nli"][0] == "done"
    assert states["targets/none/synth_pos"] == ("running", f"{number['score/none']}_1")
    assert states["targets/none/synth_retrieval"] == ("out of time", f"{number['ready/none']}_0")
    assert states["targets/qa/synth_nli"] == ("cancelled", f"{number['train/qa']}_0")
    assert states["targets/both/synth_pos"] == ("waiting", f"{number['train/both']}_1")
    assert states["targets/both/synth_retrieval"] == ("over", f"{number['ready/both']}_0")
    assert states["report"] == ("waiting", str(number["report"]))


def test_later_phases_of_a_job_wait_for_the_ones_before(tmp_path: Path, slurm: Slurm) -> None:
    number = {job.name: job.number for job in submit_plan(plan(tmp_path / "run"))}
    slurm.says("squeue", f"{number['arms/both']}|RUNNING|0:01|node1|None\n")
    states = said(tmp_path / "run")

    assert (states["arms/both/1"][0], states["arms/both/2"][0]) == ("running", "waiting")


def test_a_later_submission_counts_and_not_the_one_before(tmp_path: Path, slurm: Slurm) -> None:
    run_dir = tmp_path / "run"
    before = {job.name: job.number for job in submit_plan(plan(run_dir))}
    mark(run_dir, "start", "arms/qa")
    (run_dir / "targets" / "qa" / "synth_pos" / "model").mkdir(parents=True)
    again = {job.name: job.number for job in submit_plan(plan(run_dir))}
    lines = [f"{before['score/qa']}_1|FAILED|0:01|node1|None", f"{again['ready/qa']}_0|RUNNING|0:01|node1|None"]
    slurm.says("squeue", "\n".join(lines))

    assert said(run_dir)["targets/qa/synth_pos"] == ("running", f"{again['ready/qa']}_0")


def test_a_folder_without_a_run_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no run folder, which holds"):
        run_status(tmp_path)


def test_a_target_that_failed_long_ago_is_failed_while_others_of_its_array_run(tmp_path: Path, slurm: Slurm) -> None:
    number = {job.name: job.number for job in submit_plan(plan(tmp_path / "run"))}
    train = number["train/qa"]
    slurm.says("squeue", f"{train}_1|RUNNING|2:00:00|node1|None\n")
    slurm.says("sacct", f"{train}_0|FAILED\n{train}_1|RUNNING\n{number['score/qa']}_0|CANCELLED by 0\n")
    states = said(tmp_path / "run")

    [asked] = [word for word in slurm.asked("sacct")[0] if word.startswith("--jobs=")]
    assert str(train) in asked.removeprefix("--jobs=").split(",")
    assert states["targets/qa/synth_nli"] == ("failed", f"{train}_0")
    assert states["targets/qa/synth_pos"] == ("running", f"{train}_1")
