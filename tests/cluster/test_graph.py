"""A graph of jobs on eight nodes, one of which loses its power in the middle: everything is done all the same."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.racks import Rack, wait_for
from tests.cluster.test_submit import RECIPE, Submitter

pytestmark = [pytest.mark.timeout(1800), pytest.mark.cluster, pytest.mark.slow]

ARMS = """
  qa: {tasks: {synth_qa: {max_examples: 40}}, checkpoint_every: 2}
  nli: {tasks: {synth_nli: {max_examples: 40}}, checkpoint_every: 2}
"""


@pytest.fixture
def eight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    made = Rack(
        tmp_path_factory.mktemp("eight") / "rack", hosts=tuple(f"n{k}" for k in range(1, 9)), slurm=True, cpus=1
    )
    yield made
    made.down()


def test_sixteen_jobs_on_eight_nodes_survive_the_loss_of_one(eight: Rack, tmp_path: Path) -> None:
    submitter = Submitter(eight, tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("  none: null\n", "  none: null" + ARMS))
    jobs = submitter.submit("--nodes", "2", env={"DS_STILTS_FAIL": "loop.step=sleep 1"})
    assert sum(max(1, len(job["stages"])) for job in jobs) == 16

    def at_work() -> str | None:
        return next((host for host in eight.hosts if eight.processes(host, "stage targets/")), None)

    victim = wait_for(at_work, "ranks that train a target", 900, 1.0)
    eight.power_off(victim)
    try:
        wait_for((submitter.run / "report" / "report.html").is_file, "the report", 1200, 2.0)
        wait_for(lambda: not set(submitter.queue().values()) & {"PENDING", "RUNNING"}, "the queue to empty", 300, 2.0)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{submitter.queue()}\n{submitter.logs()}") from None

    assert {stage: one["state"] for stage, one in submitter.status().items() if one["state"] != "done"} == {}
    assert "start 2:" in submitter.logs(), "no job was hit"
    scores = sorted(path.parent.name for path in submitter.run.glob("targets/*/*/scores.json"))
    assert scores == ["synth_nli"] * 3 + ["synth_pos"] * 3
    assert json.loads((submitter.run / "run.json").read_text())["finished"]
