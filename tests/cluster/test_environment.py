"""Which rank a process is, from what launchers leave in its environment."""

import pytest

from ds_stilts.cluster.environment import RankFacts, rank_facts
from ds_stilts.errors import ClusterError

TORCH = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}
MPI = {"OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}
SLURM_STEP = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0"}


@pytest.mark.parametrize(
    ("environment", "launcher"), [(TORCH, "deepspeed or torchrun"), (MPI, "Open MPI"), (SLURM_STEP, "Slurm")]
)
def test_each_launcher_is_understood(environment: dict[str, str], launcher: str) -> None:
    assert rank_facts(environment) == RankFacts(rank=5, world_size=8, local_rank=1, launcher=launcher)


@pytest.mark.parametrize("step", [{}, {"SLURM_STEP_ID": "batch"}, {"SLURM_STEP_ID": ""}])
def test_a_slurm_batch_script_without_a_step_is_one_process(step: dict[str, str]) -> None:
    script = {"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0", **step}
    assert rank_facts(script) == RankFacts(rank=0, world_size=1, local_rank=0, launcher="none")


def test_torchrun_inside_a_slurm_step_is_torchruns_word() -> None:
    assert rank_facts({**SLURM_STEP, "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}) == RankFacts(
        rank=0, world_size=2, local_rank=0, launcher="deepspeed or torchrun"
    )


def test_no_launcher_is_a_world_of_one() -> None:
    assert rank_facts({}) == RankFacts(rank=0, world_size=1, local_rank=0, launcher="none")
    assert rank_facts({"RANK": "3"}).launcher == "none"


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
