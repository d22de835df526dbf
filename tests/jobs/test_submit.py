"""What is handed to sbatch, what is written, and what is refused before anything is submitted."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.errors import CheckpointError, ClusterError, DataError, RecipeError
from ds_stilts.jobs.command import Shape
from ds_stilts.jobs.record import read_record
from ds_stilts.jobs.site import Container, Limits, Site
from ds_stilts.jobs.submit import Submission, plan_submission, submit_plan
from ds_stilts.phases.checks import check_files
from ds_stilts.plan import stages
from ds_stilts.recipe import Recipe
from ds_stilts.recipe_file import load_recipe, parse_recipe
from ds_stilts.run import claim_folder, open_folder
from tests.jobs.stand_ins import RECIPE, Slurm, recipe

HOSTILE = "a run $(touch pwned) 'b' \"c\" `touch pwned` %j\nd"


def plan(run_dir: Path, *, site: Site | None = None, given: Recipe | None = None, **shape: Any) -> Submission:
    wanted = {"nodes": 2, "gpus_per_node": 4, "processes_per_node": 4, **shape}
    return plan_submission(
        given or recipe(), run_dir=run_dir, data_root=None, site=site or Site(), site_file=None, shape=Shape(**wanted)
    )


def words(made: Submission, name: str) -> list[str]:
    return next(list(one.words) for one in made.jobs if one.job.name == name)


def settings(made: Submission, name: str) -> Mapping[str, str]:
    return next(one.settings for one in made.jobs if one.job.name == name)


def mark(run_dir: Path, *names: str) -> None:
    for name in names:
        (run_dir / name).mkdir(parents=True, exist_ok=True)
        (run_dir / name / "DONE").write_text('{"wall_s": 1}')


def test_jobs_ask_for_the_shape_and_the_report_for_little(tmp_path: Path) -> None:
    made = plan(tmp_path / "run", time="12:00:00")

    for name in ("arms/qa", "train/qa", "score/qa"):
        assert {"--nodes=2", "--gpus-per-node=4", "--time=12:00:00", "--signal=USR2@300"} <= set(words(made, name))
        assert settings(made, name)["PROCESSES_PER_NODE"] == "4"
    assert {"--nodes=1", "--ntasks=1", "--time=00:30:00"} <= set(words(made, "report"))
    assert not [word for word in words(made, "report") if "gpu" in word or "signal" in word]
    assert "--array=0-1" in words(made, "train/qa") and settings(made, "train/qa")["NO_SCORING"] == "1"
    assert "--gpus-per-node=1" in words(made, "start") and "--nodes=1" in words(made, "start")


def test_ranks_on_cpus_get_a_cpu_each(tmp_path: Path) -> None:
    made = words(plan(tmp_path / "run", gpus_per_node=0, processes_per_node=3), "arms/qa")

    assert {"--ntasks-per-node=1", "--cpus-per-task=3"} <= set(made)
    assert not [word for word in made if "gpu" in word]


def test_a_site_names_partition_account_and_the_rest(tmp_path: Path) -> None:
    site = Site(
        partition="gpu", account="me", qos="long", constraint="ib", gres_type="a100", cpus_per_gpu=8, memory="0",
        time=Limits(train="2-0", evaluate="60"), warning_s=900, elements_at_once=3, sbatch=["--exclusive"],
        container=Container(image="/x.sif", options=["--bind", "/data"]), scratch="/local", stage_cache=True,
    )  # fmt: skip
    made = plan(tmp_path / "run", site=site)

    assert {
        "--partition=gpu", "--account=me", "--qos=long", "--constraint=ib", "--gpus-per-node=a100:4",
        "--cpus-per-gpu=8", "--mem=0", "--time=2-0", "--signal=USR2@900", "--exclusive",
    } <= set(words(made, "arms/qa"))  # fmt: skip
    assert {"--array=0-1%3", "--time=60"} <= set(words(made, "score/qa"))
    values = settings(made, "arms/qa")
    assert (values["CONTAINER"], values["CONTAINER_TOOL"], values["CONTAINER_OPTIONS"]) == (
        "/x.sif", "apptainer", "--bind /data",
    )  # fmt: skip
    assert (values["SCRATCH"], values["STAGE_CACHE"]) == ("/local", "1")


def test_jobs_wait_by_number_and_are_remembered(tmp_path: Path, slurm: Slurm) -> None:
    run_dir = tmp_path / "run"
    submitted = submit_plan(plan(run_dir))

    number = {job.name: job.number for job in submitted}
    calls = dict(zip(number, slurm.asked("sbatch"), strict=True))
    assert f"--dependency=afterok:{number['arms/qa']}" in calls["train/qa"]
    assert f"--dependency=aftercorr:{number['train/qa']}" in calls["score/qa"]
    ends = ":".join(str(job.number) for job in submitted[:-1])
    assert f"--dependency=afterany:{ends}" in calls["report"]
    assert all("--kill-on-invalid-dep=yes" in call for call in calls.values())
    assert read_record(run_dir) == submitted


def test_values_travel_as_environment_and_never_as_text_of_a_script(tmp_path: Path, slurm: Slurm) -> None:
    run_dir = tmp_path / HOSTILE
    submit_plan(plan(run_dir))

    for call, environment in zip(slurm.asked("sbatch"), slurm.environments("sbatch"), strict=True):
        assert environment["OUT"] == str(run_dir)
        assert [word for word in call if "touch" in word] == [word for word in call if word.startswith("--output=")]
        assert f"--output={str(run_dir).replace('%', '%%')}/jobs/small-" in "\n".join(call)
        name = next(word for word in call if word.startswith("--job-name="))
        assert not set(name) & set(" \n'\"`$()")


@pytest.mark.parametrize("name", ["SLURM_CLUSTERS", "SBATCH_CLUSTERS"])
def test_jobs_go_to_the_cluster_that_the_shell_names_and_the_sites_own_word_wins(
    tmp_path: Path, slurm: Slurm, name: str
) -> None:
    made = plan(tmp_path / "run", site=Site(sbatch=["--clusters=east"]))
    submit_plan(made, shell={name: "west", "PATH": os.environ["PATH"]})

    for words, environment in zip(slurm.asked("sbatch"), slurm.environments("sbatch"), strict=True):
        assert [word for word in words if word.startswith("--clusters")] == ["--clusters=west", "--clusters=east"]
        assert name not in environment


def test_no_secret_reaches_a_job_or_a_file(tmp_path: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_s3cret")
    submit_plan(plan(tmp_path / "run"))

    assert "hf_s3cret" not in json.dumps(slurm.environments("sbatch"))
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or "hf_s3cret" not in path.read_text()


def test_jobs_read_a_copy_of_the_recipe_with_its_overrides(tmp_path: Path, slurm: Slurm) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(recipe().model_dump(mode="json", exclude={"training"})))
    overridden = load_recipe(str(file), ["arms.qa.lr=0.5", "description='$(x), \"y\"'"])
    submit_plan(plan(tmp_path / "run", given=overridden))
    file.write_text("changed: later")

    copy = load_recipe(slurm.environments("sbatch")[0]["RECIPE"])
    assert copy.fingerprint() == overridden.fingerprint()
    assert copy.description == overridden.description


def test_submitted_again_only_what_is_not_done_is_submitted(tmp_path: Path, slurm: Slurm) -> None:
    run_dir = tmp_path / "run"
    first = submit_plan(plan(run_dir))
    mark(run_dir, *(stage for stage in stages(recipe()) if stage != "targets/qa/synth_pos"))
    again = submit_plan(plan(run_dir))

    assert [job.name for job in again] == ["train/qa", "score/qa", "report"]
    assert {job.submission for job in first} == {1} and {job.submission for job in again} == {2}


def test_a_chain_with_nothing_left_submits_nothing(tmp_path: Path, slurm: Slurm) -> None:
    run_dir = tmp_path / "run"
    mark(run_dir, *stages(recipe()))
    (run_dir / "report").mkdir()
    (run_dir / "report" / "report.html").touch()

    assert submit_plan(plan(run_dir)) == []
    assert slurm.asked("sbatch") == []


def test_a_run_whose_jobs_are_in_the_queue_is_not_submitted_twice(tmp_path: Path, slurm: Slurm) -> None:
    run_dir = tmp_path / "run"
    submitted = submit_plan(plan(run_dir))
    slurm.says("squeue", f"{submitted[0].number}|PENDING|0:00||Priority\n{submitted[1].number}_[0-1]|FAILED|0:00||\n")

    with pytest.raises(ClusterError, match=f"in the queue already: {submitted[0].number}; wait for them, or stop them"):
        submit_plan(plan(run_dir))
    assert len(slurm.asked("sbatch")) == len(submitted)


def test_if_one_job_is_refused_those_before_it_are_cancelled(tmp_path: Path, slurm: Slurm) -> None:
    slurm.refuses("sbatch", "sbatch: error: Batch job submission failed: limit", after=2)

    with pytest.raises(
        ClusterError, match=r"^ready/none: sbatch refused a job: .*limit; the 2 submitted before it were"
    ):
        submit_plan(plan(tmp_path / "run"))
    assert [call[-1] for call in slurm.asked("scancel")] == ["11", "12"]


def test_if_those_before_a_refused_job_cannot_be_cancelled_the_reason_is_said_all_the_same(
    tmp_path: Path, slurm: Slurm
) -> None:
    slurm.refuses("sbatch", "sbatch: error: Batch job submission failed: limit", after=2)
    slurm.says("squeue", "11|RUNNING|0:01|node1|None\n12_0|CANCELLED|0:00||\n")
    with pytest.raises(
        ClusterError, match=r"failed: limit; of those submitted before it, 11 may still be in the queue"
    ):
        submit_plan(plan(tmp_path / "run"))

    slurm.refuses("squeue", "squeue: error: Unable to contact slurm controller")
    (tmp_path / "slurm" / "sbatch.asked").unlink()
    with pytest.raises(ClusterError, match=r"failed: limit; of those submitted before it, 11, 12 may still be in the "):
        submit_plan(plan(tmp_path / "other"))


def test_a_folder_of_another_recipe_and_one_that_is_being_stopped_are_refused(tmp_path: Path) -> None:
    other = recipe().model_copy(update={"seed": 99})
    claim_folder(open_folder(other, tmp_path / "other", None))
    with pytest.raises(CheckpointError, match="holds a run of another recipe"):
        plan(tmp_path / "other")

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "STOP").touch()
    with pytest.raises(CheckpointError, match="STOP would stop every job at once"):
        plan(tmp_path / "run")


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ({"nodes": 0}, "--nodes 0: give 1 or more"),
        ({"gpus_per_node": -1}, "--gpus-per-node -1: give 0 or more"),
        ({"processes_per_node": 0}, "--processes-per-node 0: give 1 or more"),
        ({"processes_per_node": 5}, "a node has 4 GPUs"),
        ({"time": "soon"}, "--time: 'soon' is no time limit"),
    ],
)
def test_a_shape_that_cannot_be_gets_a_sentence(tmp_path: Path, shape: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClusterError, match=sentence):
        plan(tmp_path / "run", **shape)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("site", "time", "sentence"),
    [
        (Site(), "5", "--time 5: ranks are told to save and leave 300 s before the end"),
        (Site(), "0:06:30", "--time 0:06:30: ranks are told"),
        (Site(time=Limits(train="12:00:00", evaluate="10"), warning_s=600), None, "time.evaluate of the site file 10:"),
        (Site(time=Limits(train="4"), warning_s=180), None, "time.train of the site file 4: ranks are told"),
    ],
)
def test_a_time_limit_that_is_over_with_the_warning_is_refused(
    tmp_path: Path, site: Site, time: str | None, sentence: str
) -> None:
    with pytest.raises(ClusterError, match=sentence):
        plan(tmp_path / "run", site=site, time=time)
    plan(tmp_path / "run", site=site, time="20")
    plan(tmp_path / "run", site=site, time="0")  # no limit


def test_more_ranks_than_a_step_has_examples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="too few for 16 ranks"):
        plan(tmp_path / "run", nodes=4)


def test_what_no_rank_could_begin_with_is_refused_before_it_waits_in_a_queue(tmp_path: Path) -> None:
    def given(*overrides: str, data: str = "{synthetic: {preset: tiny}}") -> Recipe:
        text = RECIPE.replace("{synthetic: {preset: tiny}}", data)
        return parse_recipe(text, source="small.yaml", overrides=overrides)

    with pytest.raises(CheckpointError, match=r"start.model: there is no folder ./models/mine"):
        plan(tmp_path / "run", given=given("start.model=./models/mine"))
    with pytest.raises(RecipeError, match=r"arms.qa.optimizer: adafactor needs ZeRO stage 0"):
        plan(tmp_path / "run", given=given("training.optimizer=adafactor"))
    (tmp_path / "data").mkdir()
    official = given("arms={nli: {tasks: {mnli: {}}}}", "targets={xnli: {}}", data=f"{{root: {tmp_path / 'data'}}}")
    with pytest.raises(DataError, match=r"\.tsv is missing: task .xnli. \(XNLI\) needs it") as error:
        plan(tmp_path / "run", given=official)
    with pytest.raises(DataError) as same:
        check_files(open_folder(official, tmp_path / "run", None))
    assert str(error.value) == str(same.value)

    mark(tmp_path / "run", "start", "arms/nli", "targets/nli/xnli")
    assert [one.job.name for one in plan(tmp_path / "run", given=official).jobs] == ["report"]  # which reads none of it


def test_a_plan_writes_nothing(tmp_path: Path) -> None:
    plan(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
