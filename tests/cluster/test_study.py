"""`ds-stilts study submit` on a real Slurm: a study that is stopped, submitted again and shared out by two nodes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.racks import Rack, job_facts, wait_for
from tests.cluster.test_submit import HOSTILE
from tests.studies.worlds import values, write

pytestmark = [pytest.mark.timeout(400), pytest.mark.cluster]

SHAPE: dict[str, Any] = {
    "arms": {"none": {"role": "baseline"}, "qa": {"intermediate": {"tasks": {"synth_qa": {"max_examples": 40}}}}},
    "targets": {"synth_pos": {"score_languages": ["aa", "cc"], "max_score_examples": 10, "max_train_examples": 40}},
    "seeds": {"intermediate": [1, 2]},
}
STAGES = 1 + 2 * (1 + 2)
"""One start model; in each of two seeds an intermediate phase and the target of two arms."""


class Submitted:
    """A study in a folder with an odd name, on a file system that all hosts share, and our commands on the login node.

    Args:
        root: holds the study's file, its folder and the store.
    """

    def __init__(self, rack: Rack, root: Path) -> None:
        self.rack, self.root, self.folder = rack, root, root / HOSTILE
        self.file = write(root, values(**SHAPE))
        (root / "site.yaml").write_text("sbatch: [--exclusive]\n")  # a node each

    def run(self, *words: str | Path, **options: Any) -> Any:
        return self.rack.run("head", "ds-stilts", *words, cwd=self.root, timeout_s=120, **options)

    def submit(self, **options: Any) -> Any:
        words = ("--array", "2", "--site", "site.yaml", "--time", "20", "--json")
        return self.run("study", "submit", self.file, "--out", self.folder, *words, **options)

    def jobs(self, **options: Any) -> dict[str, int]:
        answer = self.submit(**options)
        assert answer.returncode == 0, answer.stderr
        return {job["name"]: job["job"] for job in json.loads(answer.stdout)["jobs"]}

    def status(self) -> Any:
        return json.loads(self.run("status", self.folder, "--json").stdout)[0]

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.folder / "jobs").glob("*.log")))

    def starts(self) -> dict[str, int]:
        """How often each stage was begun."""
        entries = [json.loads(path.read_text()) for path in (self.root / "store").glob("*/entry.json")]
        return {entry["key"]: entry["starts"] for entry in entries}


@pytest.fixture(scope="module")
def study(slurm: Rack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitted]:
    yield Submitted(slurm, tmp_path_factory.mktemp("study"))


def test_a_stopped_study_goes_on_when_it_is_submitted_again_and_ends_in_a_report(study: Submitted) -> None:
    first = study.jobs(env={"DS_STILTS_FAIL": "loop.step=sleep 0.5"})
    again = study.submit()
    wait_for(lambda: list((study.root / "store").glob("*/metrics.jsonl")), "a stage to be trained", 120, 0.2)
    assert again.returncode == 2 and "jobs of this study are in the queue already" in again.stderr
    stopped = json.loads(study.run("stop", study.folder, "--json").stdout)

    assert stopped["killed"] == [] and str(first["report"]) in stopped["waiting"], study.logs()
    assert study.rack.ask("head", "squeue", "-h") == "", "nothing came back"
    assert not (study.folder / "STOP").exists()

    second = study.jobs()
    facts = wait_for(
        lambda: (found := job_facts(study.rack, str(second["report"])))["JobState"] == "COMPLETED" and found,
        "the report",
        300,
        1.0,
    )
    assert facts["JobState"] == "COMPLETED", study.logs()
    status = study.status()
    assert (status["num_done"], status["num_stages"]) == (STAGES, STAGES), study.logs()
    assert [row["state"] for row in status["stages"]] == ["ended", "ended", "done"], status
    report = json.loads((study.folder / "report" / "report.json").read_text())
    assert report["contrasts"]["qa_helps"]["judgement"]["verdict"] != "NOT RUN"
    assert "nothing is left" in study.run("study", "submit", study.file, "--out", study.folder).stdout


def test_no_stage_was_done_twice_and_each_node_did_its_share(study: Submitted) -> None:
    assert len(study.starts()) == STAGES
    assert sum(study.starts().values()) <= STAGES + 2, "what two elements were at when they were stopped"
    for element in ("element/1", "element/2"):
        said = study.run("logs", study.folder, element).stdout
        assert "study run" in said and "seed " in said, said
    assert {row["nodes"] for row in study.status()["stages"][:2]} == set(study.rack.hosts)
    assert not list(study.root.rglob("pwned"))
