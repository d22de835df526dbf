"""Rank facts from the environment that a launcher leaves: deepspeed, torchrun, Slurm, Open MPI, or none of them.

Reads variables only; `ds_stilts.engine.world` acts on the facts.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ds_stilts.errors import ClusterError

_LAUNCHERS = (
    ("deepspeed or torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"),
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ("Slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
)


@dataclass(frozen=True, kw_only=True)
class RankFacts:
    """Which rank this process is."""

    rank: int
    world_size: int
    local_rank: int
    launcher: str
    """Who said so; "none" for a process started by hand."""


def rank_facts(environment: Mapping[str, str] | None = None) -> RankFacts:
    """Rank facts of this process; a world of one if no launcher left its variables.

    A Slurm batch script without `srun` has SLURM_PROCID=0 and SLURM_NTASKS of the job: one process is running, so Slurm
    counts only inside a step (SLURM_STEP_ID that is a number).

    Raises:
        ClusterError: a launcher's variables contradict each other or are no numbers.
    """
    env = os.environ if environment is None else environment
    for launcher, rank_name, size_name, local_name in _LAUNCHERS:
        if rank_name not in env or size_name not in env:
            continue
        if launcher == "Slurm" and not env.get("SLURM_STEP_ID", "").isdigit():
            continue
        said = f"{launcher} says {rank_name}={env[rank_name]} of {size_name}={env[size_name]}"
        try:
            rank, size, local_rank = int(env[rank_name]), int(env[size_name]), int(env.get(local_name, 0))
        except ValueError:
            raise ClusterError(f"{said}: these are whole numbers; unset them, or start with the launcher") from None
        if not 0 <= rank < size:
            raise ClusterError(f"{said}: a rank is less than the world size")
        return RankFacts(rank=rank, world_size=size, local_rank=local_rank, launcher=launcher)
    return RankFacts(rank=0, world_size=1, local_rank=0, launcher="none")
