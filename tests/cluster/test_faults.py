"""What befalls a job of our template on two nodes: what its user sees, and the same final weights every time."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.launched import is_done, weights, write_recipe
from tests.cluster.racks import Rack, environment, job_facts, steps_logged, wait_for
from tests.faults.runs import STAGE

pytestmark = [pytest.mark.timeout(400), pytest.mark.cluster]

TEMPLATE = Path(__file__).resolve().parents[2] / "slurm" / "train.sbatch"
STEPS = 30
PAUSED = "loop.step=sleep 0.4"
"""So that there is time to hurt it."""


class Job:
    """A training job, from `sbatch` on, and its run folder.

    Args:
        folder: gets recipe, log and run; on a file system that all hosts share.
        fail: failpoints of the ranks.
        options: more words for sbatch.
        variables: settings of the template.
    """

    def __init__(
        self, rack: Rack, folder: Path, *, fail: str = PAUSED, options: tuple[str, ...] = (), **variables: str
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.rack, self.folder, self.run, self.log = rack, folder, folder / "run", folder / "log"
        write_recipe(folder / "recipe.yaml", steps=STEPS, hang_timeout_s=20)
        settings = {"OUT": "run", "DS_STILTS_FAIL": fail, "SCRATCH": "/run", **variables}
        words = ["sbatch", "--parsable", "--nodes=2", "--time=30", "--output=log", *options, TEMPLATE, "recipe.yaml"]
        self.id = rack.ask("head", *words, cwd=folder, env=settings)

    def words(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def trained(self, steps: int) -> "Job":
        """Wait until so many steps are logged."""
        self._wait(lambda: steps_logged(self.run / STAGE) >= steps, f"step {steps}")
        return self

    def said(self, pattern: str, timeout_s: float = 120.0) -> "Job":
        """Wait until something stands in the log."""
        self._wait(lambda: re.search(pattern, self.words()), f"'{pattern}' in the log", timeout_s)
        return self

    def ended(self, timeout_s: float = 150.0) -> str:
        """Wait for the job's end; its state."""
        over = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED")
        self._wait(lambda: job_facts(self.rack, self.id)["JobState"] in over, "the job's end", timeout_s)
        return job_facts(self.rack, self.id)["JobState"]

    def lives(self) -> int:
        return int(job_facts(self.rack, self.id)["Restarts"]) + 1

    def _wait(self, there: object, what: str, timeout_s: float = 120.0) -> None:
        try:
            wait_for(there, what, timeout_s)  # type: ignore[arg-type]
        except AssertionError as late:
            facts = self.rack.run("head", "scontrol", "show", "job", self.id).stdout
            raise AssertionError(f"{late}\n{self.words()}\n{facts}") from None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checksums of the weights that a run on one host ends with."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_recipe(folder / "recipe.yaml", steps=STEPS, hang_timeout_s=20)
    command = ["ds-stilts", "run", "recipe.yaml", "--out", "run"]
    answer = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=200)
    assert answer.returncode == 0, answer.stderr
    return weights(folder / "run")


@pytest.fixture
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """A rack to break, with a node to spare."""
    made = Rack(tmp_path_factory.mktemp("three") / "rack", hosts=("node1", "node2", "node3"), slurm=True)
    yield made
    made.down()


def assert_whole(job: Job, undisturbed: dict[str, str]) -> None:
    assert is_done(job.run), job.words()
    assert weights(job.run) == undisturbed


def assert_nothing_is_left(rack: Rack) -> None:
    wait_for(lambda: not any(rack.processes(host, "ds_stilts.train") for host in rack.hosts), "no rank being left", 30)


def gone_on(job: Job) -> None:
    """The second life began where the first was saved, not at the first step."""
    assert re.search(r"arms/qa  goes on after step \d+", job.words()), job.words()


def test_a_warning_before_the_time_limit_saves_requeues_and_goes_on(
    slurm: Rack, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    job = Job(slurm, tmp_path).trained(6)
    slurm.ask("head", "scancel", "--signal=USR2", job.id)  # what --signal=USR2@300 does, and sooner
    job.said("stopped cleanly; back into the queue")

    assert job.ended() == "COMPLETED", job.words()
    assert job.lives() == 2
    gone_on(job)
    assert_whole(job, undisturbed)


@pytest.mark.slow
def test_a_requeue_in_the_middle_of_a_step_costs_the_steps_since_the_last_checkpoint_only(
    slurm: Rack, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    job = Job(slurm, tmp_path).trained(6)
    slurm.ask("head", "scontrol", "requeue", job.id)

    job.said("start 2:")
    assert job.ended() == "COMPLETED", job.words()
    gone_on(job)
    assert_whole(job, undisturbed)


@pytest.mark.slow
def test_a_preempted_job_comes_back(slurm: Rack, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    job = Job(slurm, tmp_path).trained(6)
    slurm.ask("head", "sbatch", "-p", "high", "-N2", "--exclusive", "--output=/dev/null", "--wrap=sleep 3")

    job.said("start 2:")
    assert job.ended() == "COMPLETED", job.words()
    gone_on(job)
    assert_whole(job, undisturbed)


def test_a_node_that_loses_its_power_is_replaced(three: Rack, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    job = Job(three, tmp_path).trained(6)
    three.power_off("node2")

    job.said("start 2:")
    assert job.ended() == "COMPLETED", job.words()
    assert "node2" not in job_facts(three, job.id)["NodeList"].replace("node[1,3]", "")
    gone_on(job)
    assert_whole(job, undisturbed)


@pytest.mark.slow
def test_a_node_whose_cable_is_pulled_is_replaced(three: Rack, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    job = Job(three, tmp_path).trained(6)
    three.link("node2", "down")

    job.said("start 2:", 200)
    assert job.ended() == "COMPLETED", job.words()
    gone_on(job)
    assert_whole(job, undisturbed)
    three.link("node2", "up")
    wait_for(lambda: not three.processes("node2", "ds_stilts.train"), "ranks of the lost node ending", 120)


def test_a_killed_rank_ends_the_job_at_once_and_it_is_not_requeued(
    slurm: Rack, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    job = Job(slurm, tmp_path).trained(6)
    (victim, *_) = slurm.processes("node2", "python -m ds_stilts.train")
    slurm.ask("node2", "kill", "-9", str(victim))

    assert job.ended(timeout_s=30) == "FAILED", job.words()
    assert job.lives() == 1
    assert "all is not done: its ranks ended with 137" in job.words()
    assert_nothing_is_left(slurm)

    again = Job(slurm, tmp_path)
    assert again.ended() == "COMPLETED", again.words()
    assert_whole(again, undisturbed)


@pytest.mark.slow
def test_ranks_that_have_lost_their_step_daemon_save_and_the_job_goes_on(
    slurm: Rack, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    job = Job(slurm, tmp_path).trained(6)
    for daemon in slurm.processes("node2", "slurmstepd"):
        slurm.run("node2", "kill", "-9", str(daemon))

    job.said("start 2:", 200)
    assert job.ended() == "COMPLETED", job.words()
    gone_on(job)
    assert_nothing_is_left(slurm)
    assert_whole(job, undisturbed)


@pytest.mark.slow
def test_a_time_limit_without_a_warning_loses_only_what_was_not_saved(
    slurm: Rack, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    silent = ("--signal=CONT@1",)  # instead of the template's USR2, which Slurm would send as soon as the limit is near
    job = Job(slurm, tmp_path, fail="loop.step=sleep 2", options=silent).trained(5)
    slurm.ask("head", "scontrol", "update", f"jobid={job.id}", "TimeLimit=1")
    job.said("DUE TO TIME LIMIT", 150)
    wait_for(
        lambda: job_facts(slurm, job.id)["JobState"] in ("PENDING", "TIMEOUT"), "the job to be stopped or back", 60
    )
    if job_facts(slurm, job.id)["JobState"] == "PENDING":  # it saved within Slurm's KillWait, and is back in the queue
        slurm.ask("head", "scontrol", "update", f"jobid={job.id}", "TimeLimit=30")
    else:
        job = Job(slurm, tmp_path)
    assert job.ended() == "COMPLETED", job.words()
    gone_on(job)
    assert_whole(job, undisturbed)


@pytest.mark.slow
def test_a_full_disk_is_told_and_nothing_that_was_saved_is_lost(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, undisturbed: dict[str, str]
) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(tmp_path)], check=True)
    rack = None
    try:
        rack = Rack(tmp_path_factory.mktemp("full") / "rack", slurm=True)  # after the mount, so that all hosts share it
        job = Job(rack, tmp_path).trained(6)
        filler = tmp_path / "filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], capture_output=True)
        assert job.ended() == "FAILED", job.words()
        filler.unlink()
        assert "No space left on device" in job.words()
        assert "Traceback" not in job.words()

        again = Job(rack, tmp_path)
        assert again.ended() == "COMPLETED", again.words()
        gone_on(again)
        assert_whole(again, undisturbed)
    finally:
        if rack:
            rack.down()
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.slow
def test_the_cap_of_restarts_says_that_it_is_reached(slurm: Rack, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    job = Job(slurm, tmp_path, fail="loop.step=usr2", MAX_RESTARTS="1")

    assert job.ended() == "FAILED", job.words()
    assert job.lives() == 2
    assert "not requeued: restarted 1 times already (MAX_RESTARTS)" in job.words()

    again = Job(slurm, tmp_path)
    assert again.ended() == "COMPLETED", again.words()
    assert_whole(again, undisturbed)
