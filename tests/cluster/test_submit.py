"""`ds-stilts submit` on a real Slurm: from one command to a report, and what `status` says on the way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.racks import Rack, job_facts, wait_for

pytestmark = [pytest.mark.timeout(400), pytest.mark.cluster]

RECIPE = """
name: submitted
seed: 3
data: {synthetic: {preset: tiny}}
start:
  architecture: {hidden_size: 32, layers: 1, heads: 2, intermediate_size: 64, max_tokens: 128}
  oracle: {sigma: 0.3}
training: {batch_examples: 8, micro_batch_tokens: 400, lr: 1.0e-3, steps: 6, log_every: 1}
arms:
  none: null
targets:
  synth_nli: {max_train_examples: 40, score_languages: [aa], max_score_examples: 10}
  synth_pos: {max_train_examples: 40, score_languages: [aa], max_score_examples: 10}
engine: {config: zero2_fp32, processes: 2}
"""
BROKEN, WHOLE = "targets/none/synth_nli", "targets/none/synth_pos"
HOSTILE = "my \"run\" $(touch pwned) 'x' `touch pwned`; %j"
WORDS = {
    "PENDING": "waiting",
    "RUNNING": "running",
    "COMPLETING": "running",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}
"""What `status` calls what squeue says, for stages that have no marker."""


class Submitter:
    """A recipe in a folder, and our commands on the login node.

    Args:
        folder: on a file system that all hosts share.
        run: name of the run folder.
    """

    def __init__(self, rack: Rack, folder: Path, run: str = "run") -> None:
        self.rack, self.folder, self.run = rack, folder, folder / run
        (folder / "recipe.yaml").write_text(RECIPE)
        (folder / "site.yaml").write_text('preamble: echo "preamble of {{ run_dir }}"\nscratch: /run\n')

    def submit(self, *words: str, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
        command = ["ds-stilts", "submit", "recipe.yaml", "--out", str(self.run), "--site", "site.yaml", "--time", "20"]
        answer = self.rack.ask("head", *command, *words, "--json", cwd=self.folder, env=env, timeout_s=120)
        return list(json.loads(answer)["jobs"])

    def status(self) -> dict[str, dict[str, Any]]:
        answer = self.rack.ask("head", "ds-stilts", "status", str(self.run), "--json", cwd=self.folder, timeout_s=120)
        return {one["stage"]: one for one in json.loads(answer)[0]["stages"]}

    def queue(self) -> dict[str, str]:
        """States by job or element, as squeue has them."""
        words = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T"]
        return dict(line.split() for line in self.rack.ask("head", *words).splitlines())

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.run / "jobs").glob("*.log")))

    def wait_for(self, stage: str) -> None:
        wait_for((self.run / stage / "DONE").is_file, f"{stage} to be done", 200, 1.0)

    def ended(self, jobs: list[dict[str, Any]]) -> None:
        """Wait until the report job, which waits for all others, is over."""
        over = ("COMPLETED", "FAILED", "CANCELLED")
        try:
            wait_for(lambda: job_facts(self.rack, str(jobs[-1]["job"]))["JobState"] in over, "the report", 300, 1.0)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.queue()}\n{self.logs()}") from None


@pytest.fixture(scope="module")
def submitter(slurm: Rack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitter]:
    """A run in a folder with an odd name, submitted."""
    yield Submitter(slurm, tmp_path_factory.mktemp("submit"), HOSTILE)


def assert_agrees(submitter: Submitter) -> None:
    """`status` says what squeue says, before or after it, of every stage without a marker."""
    before, said, after = submitter.queue(), submitter.status(), submitter.queue()
    assert said, "no stage"
    for stage, one in said.items():
        if one["state"] == "done":
            assert stage == "report" or (submitter.run / stage / "DONE").is_file()
        else:
            states = {before[one["job"]], after[one["job"]]}
            assert one["state"] in {WORDS.get(state, state) for state in states} | {"ended"}, (stage, one, states)


def test_one_command_leads_to_a_report_of_what_could_be_done(submitter: Submitter) -> None:
    (submitter.run / BROKEN / "metrics.jsonl").mkdir(parents=True)  # a folder where a file should be
    words = ("--nodes", "2", "--set", "description='$(touch pwned), \"x\"'")
    jobs = submitter.submit(*words, env={"HF_TOKEN": "hf_s3cret"})
    assert [(job["name"], job["stages"]) for job in jobs] == [
        ("start", ["start"]),
        ("train/none", [BROKEN, WHOLE]),
        ("score/none", [BROKEN, WHOLE]),
        ("report", []),
    ]
    assert_agrees(submitter)
    submitter.wait_for("start")
    assert_agrees(submitter)
    submitter.wait_for(WHOLE)
    assert_agrees(submitter)
    submitter.ended(jobs)

    said, number = submitter.status(), {job["name"]: job["job"] for job in jobs}
    assert (said["start"]["state"], said[WHOLE]["state"], said["report"]["state"]) == ("done",) * 3, submitter.logs()
    assert (said[BROKEN]["state"], said[BROKEN]["job"]) == ("failed", f"{number['train/none']}_0")
    assert submitter.queue()[f"{number['score/none']}_0"] == "CANCELLED", "what waited for the failed element"
    assert (submitter.run / "report" / "report.html").is_file()
    assert "2 x 1 ranks" in submitter.logs() and "2 ranks of 1 micro-batch a step" in submitter.logs()


def test_no_name_and_no_value_was_read_as_a_command(submitter: Submitter) -> None:
    assert not list(submitter.folder.rglob("pwned"))
    assert f"preamble of {submitter.run}" in submitter.logs()
    assert "$(touch pwned)" in (submitter.run / "recipe.yaml").read_text()


def test_no_secret_is_in_any_file(submitter: Submitter) -> None:
    for path in submitter.folder.rglob("*"):
        assert not path.is_file() or b"hf_s3cret" not in path.read_bytes(), path


def test_stopping_saves_what_runs_and_cancels_what_waits(submitter: Submitter) -> None:
    (submitter.run / BROKEN / "metrics.jsonl").rmdir()
    jobs = submitter.submit("--nodes", "2", env={"DS_STILTS_FAIL": "loop.step=sleep 1"})
    assert [job["stages"] for job in jobs] == [[BROKEN], [BROKEN], []], "only what is not done is submitted again"
    log = submitter.run / BROKEN / "metrics.jsonl"
    wait_for(lambda: log.is_file() and log.read_text(), "a step", 200)
    answer = json.loads(submitter.rack.ask("head", "ds-stilts", "stop", str(submitter.run), "--json", timeout_s=120))

    number = {job["name"]: job["job"] for job in jobs}
    assert answer["saved"] == [f"{number['train/none']}_0"] and answer["killed"] == [], submitter.logs()
    assert str(number["report"]) in answer["waiting"]
    assert not set(submitter.queue().values()) & {"PENDING", "RUNNING"}
    assert "asks for it: not requeued" in submitter.logs()
    assert list((submitter.run / BROKEN / "checkpoints").glob("step-*"))
    assert not (submitter.run / "STOP").exists()


def test_the_next_submission_goes_on_from_there_to_the_end(submitter: Submitter) -> None:
    submitter.ended(submitter.submit("--nodes", "1", "--processes-per-node", "2"))

    assert {stage: one["state"] for stage, one in submitter.status().items() if one["state"] != "done"} == {}
    assert "goes on after step" in submitter.logs() and "1 x 2 ranks" in submitter.logs()
    assert json.loads((submitter.run / "run.json").read_text())["finished"]
    assert submitter.submit("--nodes", "1", "--processes-per-node", "2") == [], "nothing is left"


def test_nothing_stays_on_the_nodes(submitter: Submitter) -> None:
    for host in submitter.rack.hosts:
        wait_for(lambda: submitter.rack.processes(host, "ds_stilts") == [], f"no process on {host}", 30)  # noqa: B023
        assert submitter.rack.run(host, "sh", "-c", "ls -d /run/ds_stilts*").stdout == ""
    assert not list((submitter.run / "jobs").glob("life-*")) and not list((submitter.run / "jobs").glob("fault-*"))


def test_what_slurm_refuses_is_told_in_a_sentence_and_leaves_no_job(slurm: Rack, tmp_path: Path) -> None:
    refused = Submitter(slurm, tmp_path)
    (tmp_path / "site.yaml").write_text("partition: nowhere\n")
    command = ["ds-stilts", "submit", "recipe.yaml", "--out", "run", "--site", "site.yaml"]
    answer = slurm.run("head", *command, cwd=refused.folder, timeout_s=120)

    assert answer.returncode == 2
    assert answer.stderr.startswith("error: start: sbatch refused a job: ") and "nvalid partition" in answer.stderr
    assert slurm.ask("head", "squeue", "-h") == ""


def test_gpus_are_asked_for_as_the_site_calls_them(slurm: Rack, tmp_path: Path) -> None:
    submitter = Submitter(slurm, tmp_path)
    (tmp_path / "site.yaml").write_text("gres_type: fake\ncpus_per_gpu: 2\nscratch: /run\n")
    jobs = submitter.submit("--nodes", "2", "--gpus-per-node", "2")
    facts = job_facts(slurm, str(jobs[0]["job"]))
    slurm.ask("head", "ds-stilts", "stop", str(submitter.run), "--now", timeout_s=120)

    assert "gpu:fake:2" in facts["TresPerNode"]
    assert facts["CpusPerTres"] == "gres:gpu:2"


def test_without_slurm_here_status_reads_the_markers(submitter: Submitter) -> None:
    words = ["env", "PATH=/nowhere", str(Path(submitter.rack.ask("head", "which", "ds-stilts")))]
    answer = submitter.rack.ask("head", *words, "status", str(submitter.run), timeout_s=120)
    assert "no command 'squeue' here" in answer
