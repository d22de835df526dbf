"""A study as jobs: what is handed to sbatch, how many elements, what is submitted again, and what is refused."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app
from ds_stilts.errors import CheckpointError, ClusterError, DataError, RecipeError
from ds_stilts.jobs.record import read_record
from ds_stilts.jobs.site import Container, Limits, Site
from ds_stilts.studies.cells import read_study
from ds_stilts.studies.elements import study_jobs
from ds_stilts.studies.expand import expand
from ds_stilts.studies.graph import Node, build_graph
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.studies.study_file import load_study
from ds_stilts.studies.submit import (
    StudySubmission,
    one_size,
    plan_study_submission,
    side_by_side_at_most,
    submit_study,
)
from tests.jobs.stand_ins import Slurm
from tests.studies.worlds import STUDY, study, values, write

HOSTILE = "a study $(touch pwned) 'b' \"c\" `touch pwned` %j\nd"
REAL = {
    "base__data": {},
    "targets": {"xnli": {}},
    "base__start": {"model": "xlm-roberta-base"},
    "arms": {"none": {"role": "baseline"}, "qa": {"intermediate": {"tasks": {"mnli": {}}}}},
}
"""Changes that make a study of real data."""
LEAVES = 12
"""Targets of three arms and two seeds: none waits for another."""


def plan(folder: Path, given: Study | None = None, **options: Any) -> StudySubmission:
    wanted = {"elements": None, "nodes": None, "gpus_per_node": 0, "processes_per_node": None, "time": None}
    wanted |= {"data_root": None, "site": Site(), "site_file": None, **options}
    store = Store(root=folder.parent / "store")
    return plan_study_submission(given or study(), folder=folder, store=store, **wanted)


def words(made: StudySubmission, name: str) -> list[str]:
    return next(list(one.words) for one in made.jobs() if one.job.name == name)


def finish(made: StudySubmission, *, kinds: tuple[str, ...] = ("start", "arms", "targets")) -> None:
    """Mark stages of these kinds as done."""
    store = Store(root=made.folder.parent / "store")
    for node in build_graph(expand(made.study), lambda _: {}):
        if node.kind in kinds:
            store.folder(node.key).mkdir(parents=True, exist_ok=True)
            (store.folder(node.key) / "DONE").write_text("{}")


def test_a_study_is_an_array_and_a_report_after_all_of_it(tmp_path: Path) -> None:
    made = plan(tmp_path / "s", time="12:00:00", gpus_per_node=4, elements=3)

    assert [(job.job.name, job.job.script) for job in made.jobs()] == [("elements", "study"), ("report", "report")]
    assert {
        "--array=0-2", "--nodes=1", "--gpus-per-node=4", "--time=12:00:00", "--signal=USR2@300", "--requeue",
    } <= set(words(made, "elements"))  # fmt: skip
    assert words(made, "elements")[-1].endswith("slurm/study.sbatch")
    assert {"--ntasks=1", "--time=00:30:00"} <= set(words(made, "report"))
    (wait,) = made.jobs()[1].job.after
    assert (wait.how, wait.job) == ("afterany", "elements")


def test_as_many_elements_as_find_something_to_do_at_a_time(tmp_path: Path) -> None:
    assert plan(tmp_path / "s").elements == LEAVES
    assert plan(tmp_path / "s", processes_per_node=5).elements == 3, "a node holds five stages of one rank"
    assert plan(tmp_path / "s", nodes=2).elements == 2
    assert plan(tmp_path / "s", study(seeds={"intermediate": list(range(9))})).elements == 16
    assert plan(tmp_path / "s", elements=30).elements == 30
    finish(plan(tmp_path / "s"), kinds=("start", "arms"))
    assert plan(tmp_path / "s").elements == LEAVES
    both = plan(tmp_path / "s", elements=5, nodes=2, site=Site(elements_at_once=9))
    assert "--array=0-4%2" in words(both, "elements")


def test_stages_that_wait_for_none_of_each_other_are_counted(tmp_path: Path) -> None:
    arms = {**STUDY["arms"], "qa": {"intermediate": {"steps": 2, "sequence": [{"tasks": {"synth_qa": {}}}] * 2}}}
    graph = build_graph(expand(study(arms=arms, budget=None)), lambda _: {})

    assert side_by_side_at_most(graph) == LEAVES
    assert side_by_side_at_most([node for node in graph if node.kind == "arms"]) == 4, "a chain is one at a time"


def test_stages_that_one_merge_waits_for_are_counted_too() -> None:
    def node(key: str, *before: str) -> Node:
        return Node(key=key, run=expand(study())[0], stage=f"arms/{key}", before=before, serves=())

    singles = [node(name, "start") for name in "abc"]
    graph = [node("start"), *singles, node("merged", "start", "a", "b", "c"), node("target", "merged")]
    assert side_by_side_at_most(graph) == 3
    assert side_by_side_at_most([*graph, node("target_of_a", "a"), node("other", "merged")]) == 3
    assert side_by_side_at_most([*graph[4:], node("other", "merged")]) == 2
    assert side_by_side_at_most([]) == 0


def test_a_node_works_on_as_many_stages_as_it_has_ranks_for(tmp_path: Path) -> None:
    two = study(base__engine__processes=2)
    assert plan(tmp_path / "s", two, gpus_per_node=8).settings["WORKERS"] == "4"
    assert plan(tmp_path / "s", two).settings["WORKERS"] == "1"
    assert "--cpus-per-task=2" in words(plan(tmp_path / "s", two), "elements")
    with pytest.raises(
        ClusterError, match=r"^--processes-per-node 1: a stage has 2 ranks \(engine.processes\); give 2"
    ):
        plan(tmp_path / "s", two, processes_per_node=1)


def test_a_site_names_partition_container_and_the_rest(tmp_path: Path) -> None:
    site = Site(partition="gpu", cpus_per_gpu=8, time=Limits(train="2-0"), warning_s=900, elements_at_once=3,
                container=Container(image="/x.sif"), interface="ib0")  # fmt: skip
    made = plan(tmp_path / "s", site=site, gpus_per_node=4, nodes=None)

    assert {"--partition=gpu", "--cpus-per-gpu=8", "--time=2-0", "--signal=USR2@900"} <= set(words(made, "elements"))
    assert "--array=0-2%3" in words(made, "elements"), "12 stages, four at a time on a node"
    assert {**made.jobs()[0].settings}.items() >= {"CONTAINER": "/x.sif", "INTERFACE": "ib0"}.items()


def test_jobs_read_a_copy_of_the_study_with_its_size_and_overrides(tmp_path: Path, slurm: Slurm) -> None:
    content = {**values(), "sizes": {"tiny": {}, "large": {"seeds": {"intermediate": [1, 2, 3]}}}}
    overridden = load_study(str(write(tmp_path, content)), "large", ["question='$(x), \"y\"'"])
    submit_study(plan(tmp_path / "s", overridden))
    (tmp_path / "study.yaml").write_text("changed: later")

    copy = load_study(slurm.environments("sbatch")[0]["STUDY"])
    assert copy == overridden and copy.size == "large"
    assert read_study(tmp_path / "s") == overridden
    assert load_study(str(_written(tmp_path, one_size(study())))) == study(), "also where the file has no sizes"


def _written(folder: Path, text: str) -> Path:
    path = folder / "copy.yaml"
    path.write_text(text)
    return path


def test_values_travel_as_environment_and_never_as_text_of_a_script(
    tmp_path: Path, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_s3cret")
    folder = tmp_path / HOSTILE / "s"
    submit_study(plan(folder, elements=2))

    for call, environment in zip(slurm.asked("sbatch"), slurm.environments("sbatch"), strict=True):
        assert environment["OUT"] == str(folder) and environment["STORE"] == str(folder.parent / "store")
        assert [word for word in call if "touch" in word] == [word for word in call if word.startswith("--output=")]
        assert "HF_TOKEN" not in environment


def test_the_report_waits_for_the_array_and_everything_is_remembered(tmp_path: Path, slurm: Slurm) -> None:
    array, report = submit_study(plan(tmp_path / "s", elements=2))

    assert f"--dependency=afterany:{array.number}" in slurm.asked("sbatch")[1]
    assert read_record(tmp_path / "s") == [array, report]
    assert list(array.elements()) == [f"{array.number}_0", f"{array.number}_1"]


def queue(slurm: Slurm, **states: str) -> None:
    """What squeue says, by "j11_0" or "j12"."""
    slurm.says("squeue", "".join(f"{key[1:]}|{state}|0:01|node1|None\n" for key, state in states.items()))


def test_while_all_elements_are_in_the_queue_nothing_is_submitted(tmp_path: Path, slurm: Slurm) -> None:
    submit_study(plan(tmp_path / "s", elements=2))
    queue(slurm, j11_0="RUNNING", j11_1="PENDING", j12="PENDING")

    with pytest.raises(ClusterError, match="jobs of this study are in the queue already: 11, 12; wait for them, or"):
        submit_study(plan(tmp_path / "s", elements=2))
    assert len(slurm.asked("sbatch")) == 2


def test_only_elements_that_have_ended_are_submitted_again_and_one_report_waits_for_all(
    tmp_path: Path, slurm: Slurm
) -> None:
    submit_study(plan(tmp_path / "s", elements=3))
    queue(slurm, j11_0="FAILED", j11_1="RUNNING", j11_2="NODE_FAIL", j12="PENDING")
    array, _ = submit_study(plan(tmp_path / "s", elements=3))

    assert array.stages == ("element/1", "element/3") and array.submission == 2
    assert f"--dependency=afterany:11:{array.number}" in slurm.asked("sbatch")[3]
    assert [call[-1] for call in slurm.asked("scancel")] == ["12"], "the report that would come too early"


def test_if_the_report_is_refused_the_array_before_it_is_cancelled(tmp_path: Path, slurm: Slurm) -> None:
    slurm.refuses("sbatch", "sbatch: error: Batch job submission failed: limit", after=1)
    with pytest.raises(ClusterError, match=r"^report: sbatch refused a job: .*limit; the 1 submitted before it were"):
        submit_study(plan(tmp_path / "s", elements=3))
    assert [call[-1] for call in slurm.asked("scancel")] == ["11"]


def test_of_a_study_that_is_done_the_report_is_left_and_then_nothing(tmp_path: Path, slurm: Slurm) -> None:
    finish(plan(tmp_path / "s"))
    (only,) = submit_study(plan(tmp_path / "s"))
    assert (only.name, slurm.asked("sbatch")[0][1].startswith("--dependency")) == ("report", False)

    (tmp_path / "s" / "report").mkdir()
    (tmp_path / "s" / "report" / "report.html").touch()
    assert submit_study(plan(tmp_path / "s")) == []
    assert len(slurm.asked("sbatch")) == 1


def test_status_tells_elements_by_name_and_forgets_those_of_before(tmp_path: Path, slurm: Slurm) -> None:
    folder = tmp_path / "s"
    submit_study(plan(folder, elements=3))
    queue(slurm, j11_0="FAILED", j11_1="RUNNING", j11_2="FAILED", j12="PENDING")
    submit_study(plan(folder, elements=2))
    queue(slurm, j11_0="FAILED", j11_1="RUNNING", j11_2="FAILED", j12="CANCELLED", j13_0="PENDING", j14="PENDING")

    found = study_jobs(folder)
    assert {row.stage: (row.job, row.state) for row in found.stages} == {
        "element/1": ("13_0", "waiting"), "element/2": ("11_1", "running"), "report": ("14", "waiting"),
    }  # fmt: skip
    assert found.num_done == 0 and found.num_stages > LEAVES and found.recipe == "study small, tiny"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"elements": 0}, "--array 0: give 1 or more"),
        ({"nodes": 0}, "--nodes 0: give 1 or more"),
        ({"gpus_per_node": -1}, "--gpus-per-node -1: give 0 or more"),
        ({"gpus_per_node": 2, "processes_per_node": 3}, "a node has 2 GPUs"),
        ({"time": "soon"}, "--time: 'soon' is no time limit"),
    ],
)
def test_a_shape_that_cannot_be_gets_a_sentence(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClusterError, match=sentence):
        plan(tmp_path / "s", **options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_with_data_and_model_is_told_before_anything_is_submitted(tmp_path: Path, slurm: Slurm) -> None:
    with pytest.raises(RecipeError, match=r"arms.qa.optimizer: adafactor needs ZeRO stage 0"):
        plan(tmp_path / "s", study(base__training__optimizer="adafactor"))
    with pytest.raises(RecipeError, match="say where they are with --data-root"):
        plan(tmp_path / "s", study(**REAL))
    with pytest.raises(DataError, match="there is no folder"):
        plan(tmp_path / "s", study(**REAL), data_root=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        plan(tmp_path / "s", study(**REAL), data_root=tmp_path / "empty")
    with pytest.raises(CheckpointError, match="there is no folder /no/model"):
        plan(tmp_path / "s", study(base__start={"model": "/no/model"}))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "STOP").touch()
    with pytest.raises(CheckpointError, match="STOP would stop every job at once"):
        plan(tmp_path / "s")
    assert slurm.asked("sbatch") == []


def ds_stilts(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_dry_run_without_data_shows_the_jobs_and_names_what_is_missing(tmp_path: Path) -> None:
    file, out = write(tmp_path, values(**REAL)), tmp_path / "s"
    submit = ("study", "submit", file, "--out", out, "--dry-run")
    answer = ds_stilts(*submit)
    assert answer.exit_code == 0, answer.output
    assert "elements: array of " in answer.stdout and "warning: data are missing" in answer.stderr
    assert "say where they are with --data-root" in answer.stderr

    root = tmp_path / "data"
    (root / "xnli").mkdir(parents=True)
    (root / "xnli" / "test-en.tsv").touch()
    answer = ds_stilts(*submit, "--data-root", root, "--json")
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    for name in ("mnli/train.jsonl", "xnli/train-en.tsv"):
        assert any(one.startswith(f"{root}/{name} is missing: task") for one in told["missing"]), told["missing"]
    assert told["jobs"][0]["settings"]["DATA_ROOT"] == str(root)
    refused = ds_stilts(*submit[:-1], "--data-root", root)
    assert refused.exit_code == 2 and f"{root}/mnli/train.jsonl is missing" in refused.stderr


def test_a_dry_run_prints_command_lines_that_a_shell_can_read_and_writes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, STUDY)
    answer = ds_stilts("study", "submit", file, "--out", tmp_path / "a 'b' $(touch pwned)", "--array", 2, "--dry-run")
    lines = [line for line in answer.stdout.splitlines() if line.startswith("STUDY=")]

    assert answer.exit_code == 0 and len(lines) == 2, answer.output
    assert "elements: array of 2: element/1, element/2\nreport: report; afterany elements\n" in answer.stdout
    for line in lines:
        text = line.replace(" sbatch ", " printf '%s\\n' ")
        said = subprocess.run(["/bin/bash", "-c", text], capture_output=True, text=True, check=True).stdout
        assert f"--output={tmp_path}/a 'b' $(touch pwned)/jobs/small-only-" in said
    told = json.loads(ds_stilts("study", "submit", file, "--out", tmp_path / "s", "--dry-run", "--json").stdout)
    assert [job["name"] for job in told["jobs"]] == ["elements", "report"]
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


@pytest.mark.parametrize(
    ("changes", "arguments", "said"),
    [
        ({"contrasts__qa_helps__arm": "qqa"}, (), "there is no arm 'qqa' (did you mean 'qa'?)"),
        ({"arms__qa__intermediate": {"tasks": {"synth_qa": {"languages": ["bb"]}}}}, (), "has seen labels in 'bb'"),
        ({}, ("--size", "paper"), "the study has no size 'paper'"),
        ({}, ("--array", "0"), "--array 0: give 1 or more"),
        ({}, (), "elements: there is no command 'sbatch' here; do this on a login node"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to("/bin/bash")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    answer = ds_stilts("study", "submit", write(tmp_path, values(**changes)), "--out", tmp_path / "s", *arguments)

    assert answer.exit_code == 2
    assert said in answer.stderr and answer.stderr.startswith("error: ") and len(answer.stderr.splitlines()) == 1
