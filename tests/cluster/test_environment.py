"""Which rank a process is, from what launchers leave in its environment."""

import pytest

from ds_stilts.cluster.environment import RankFacts, first_host, rank_facts
from ds_stilts.errors import ClusterError

MEETING = {"MASTER_ADDR": "head", "MASTER_PORT": "29500"}
TORCH = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", **MEETING}
MPI = {"OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}
SLURM_STEP = {
    "SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0", "SLURM_JOB_ID": "1234",
    "SLURM_STEP_NODELIST": "gpu-[07-10]",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "launcher", "meeting"),
    [
        (TORCH, "deepspeed or torchrun", ("head", 29500)),
        (MPI, "Open MPI", (None, None)),
        (MPI | MEETING, "Open MPI", ("head", 29500)),
        (SLURM_STEP, "Slurm", ("gpu-07", 20000 + 7 * 1234)),
        (SLURM_STEP | MEETING, "Slurm", ("head", 29500)),
    ],
)
def test_each_launcher_is_understood(
    environment: dict[str, str], launcher: str, meeting: tuple[str | None, int | None]
) -> None:
    host, port = meeting
    assert rank_facts(environment) == RankFacts(
        rank=5, world_size=8, local_rank=1, launcher=launcher, master_addr=host, master_port=port
    )


def test_steps_and_lives_of_a_job_and_jobs_of_a_node_meet_at_ports_of_their_own() -> None:
    ports = [
        rank_facts({**SLURM_STEP, "SLURM_JOB_ID": job, "SLURM_STEP_ID": step}).master_port
        for job, step in (("1234", "0"), ("1234", "1"), ("1235", "0"), ("99999999", "0"))
    ]
    ports.append(rank_facts({**SLURM_STEP, "SLURM_RESTART_COUNT": "1"}).master_port)
    assert len(set(ports)) == 5 and all(port and 20000 <= port < 32000 for port in ports)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node1", "node1"),
        ("node[1-2]", "node1"),
        ("gpu-[03-05,9],cpu1", "gpu-03"),
        ("login,node[1-2]", "login"),
        ("r[1-2]n[04,07]", "r1n04"),
    ],
)
def test_the_first_host_of_a_node_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


def test_what_is_no_node_list_is_a_sentence() -> None:
    with pytest.raises(ClusterError, match=r"'\[1-2\]?' is no list of nodes"):
        first_host("[1-2")


@pytest.mark.parametrize("step", [{}, {"SLURM_STEP_ID": "batch"}, {"SLURM_STEP_ID": ""}])
def test_a_slurm_batch_script_without_a_step_is_one_process(step: dict[str, str]) -> None:
    script = {"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0", **step}
    assert rank_facts(script) == RankFacts(rank=0, world_size=1, local_rank=0, launcher="none")


def test_torchrun_inside_a_slurm_step_is_torchruns_word() -> None:
    torch = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", **MEETING}
    assert rank_facts({**SLURM_STEP, **torch}) == RankFacts(
        rank=0,
        world_size=2,
        local_rank=0,
        launcher="deepspeed or torchrun",
        master_addr="head",
        master_port=29500,
    )


def test_no_launcher_is_a_world_of_one() -> None:
    assert rank_facts({}) == RankFacts(rank=0, world_size=1, local_rank=0, launcher="none")
    assert rank_facts({"LOCAL_RANK": "0"}).launcher == "none"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"RANK": "3"}, "RANK=3 is set, but WORLD_SIZE is not: start ranks with"),
        ({"WORLD_SIZE": "4"}, "WORLD_SIZE=4 is set, but RANK is not"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "started 2 ranks, but MASTER_ADDR and MASTER_PORT are not set"),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "head"}, "but MASTER_PORT is not set: say where rank 0"),
        ({**TORCH, "MASTER_PORT": "ssh"}, "MASTER_PORT=ssh is no port"),
    ],
)
def test_a_half_set_environment_is_a_sentence(environment: dict[str, str], words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        rank_facts(environment)


def test_one_rank_needs_no_meeting_point() -> None:
    assert rank_facts({"RANK": "0", "WORLD_SIZE": "1"}).master_addr is None


def test_the_process_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCH.items():
        monkeypatch.setenv(name, value)
    assert rank_facts().rank == 5


@pytest.mark.parametrize(("rank", "size"), [("8", "8"), ("-1", "8"), ("0", "0")])
def test_a_rank_outside_the_world_is_refused(rank: str, size: str) -> None:
    with pytest.raises(ClusterError, match=rf"deepspeed or torchrun says RANK={rank} of WORLD_SIZE={size}"):
        rank_facts({"RANK": rank, "WORLD_SIZE": size})


def test_a_rank_that_is_no_number_is_a_sentence() -> None:
    with pytest.raises(ClusterError, match=r"RANK=one of WORLD_SIZE=2"):
        rank_facts({"RANK": "one", "WORLD_SIZE": "2"})
