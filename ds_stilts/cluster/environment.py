"""Rank facts from the environment that a launcher leaves: deepspeed, torchrun, Slurm, Open MPI, or none of them.

Reads variables only; `ds_stilts.engine.world` acts on the facts.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ds_stilts.errors import ClusterError

_MEETING = ("MASTER_ADDR", "MASTER_PORT")
_TORCH, _MPI, _SLURM = "deepspeed or torchrun", "Open MPI", "Slurm"
_LAUNCHERS = (
    (_TORCH, "RANK", "WORLD_SIZE", "LOCAL_RANK"),
    (_MPI, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    (_SLURM, "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
)
_FIRST_PORT, _PORTS = 20000, 12000
"""Below the ports that Linux gives to outgoing connections (32768 on), so that none of those is in the way."""


@dataclass(frozen=True, kw_only=True)
class RankFacts:
    """Which rank this process is, and where all ranks meet."""

    rank: int
    world_size: int
    local_rank: int
    launcher: str
    """Who said so; "none" for a process started by hand."""
    master_addr: str | None = None
    """Host of rank 0; None where the launcher does not tell: a process by itself, and under Open MPI."""
    master_port: int | None = None


def rank_facts(environment: Mapping[str, str] | None = None) -> RankFacts:
    """Rank facts of this process; a world of one if no launcher left its variables.

    A Slurm batch script without `srun` has SLURM_PROCID=0 and SLURM_NTASKS of the job: one process is running, so Slurm
    counts only inside a step (SLURM_STEP_ID that is a number). Slurm names no meeting point: it is the first host of
    the step, and a port made from the ids of job and step.

    Raises:
        ClusterError: a launcher's variables are incomplete, contradict each other or are no numbers.
    """
    env = os.environ if environment is None else environment
    for launcher, *names in _LAUNCHERS:
        if launcher == _SLURM and not env.get("SLURM_STEP_ID", "").isdigit():
            continue
        there = [name for name in names if name in env]
        if not there:
            continue
        rank_name, size_name, local_name = names
        if rank_name not in env and size_name not in env:
            continue  # LOCAL_RANK alone: deepspeed's option of that name, or a leftover
        missing = [name for name in names[:2] if name not in env]
        if missing:
            raise ClusterError(
                f"{there[0]}={env[there[0]]} is set, but {missing[0]} is not: start ranks with deepspeed, torchrun, "
                f"srun or mpirun, or unset {there[0]} for a process by itself"
            )
        said = f"{launcher} says {rank_name}={env[rank_name]} of {size_name}={env[size_name]}"
        try:
            rank, size, local_rank = int(env[rank_name]), int(env[size_name]), int(env.get(local_name, 0))
        except ValueError:
            raise ClusterError(f"{said}: these are whole numbers; unset them, or start with the launcher") from None
        if not 0 <= rank < size:
            raise ClusterError(f"{said}: a rank is less than the world size")
        host, port = _meeting_point(env, launcher, size)
        return RankFacts(
            rank=rank,
            world_size=size,
            local_rank=local_rank,
            launcher=launcher,
            master_addr=host,
            master_port=port,
        )
    return RankFacts(rank=0, world_size=1, local_rank=0, launcher="none")


def _meeting_point(env: Mapping[str, str], launcher: str, size: int) -> tuple[str | None, int | None]:
    """Host and port at which ranks find each other; (None, None) where they have to agree by other means."""
    host, port = (env.get(name) or None for name in _MEETING)
    if launcher == _SLURM:
        nodes = env.get("SLURM_STEP_NODELIST") or env.get("SLURM_JOB_NODELIST") or env.get("SLURM_NODELIST")
        host = host or (first_host(nodes) if nodes else None)
        port = port or str(_slurm_port(env))
    elif (launcher == _MPI or size == 1) and not (host and port):
        return None, None
    absent = [name for name, value in zip(_MEETING, (host, port), strict=True) if not value]
    if absent:
        raise ClusterError(
            f"{launcher} started {size} ranks, but {' and '.join(absent)} "
            f"{'is' if len(absent) == 1 else 'are'} not set: say where rank 0 can be reached"
        )
    assert host and port
    if not (port.isdigit() and 0 < int(port) < 65536):
        raise ClusterError(f"MASTER_PORT={port} is no port; give a number from 1 to 65535, e.g. 29500")
    return host, int(port)


def _slurm_port(env: Mapping[str, str]) -> int:
    """A port that is the same in all tasks of a step, and another one in the next step, in the job's next life, where
    somebody may still hold the last one, and in other jobs of a node."""
    job = int(re.sub(r"\D", "", env.get("SLURM_JOB_ID", "")) or 0)
    step, life = int(env.get("SLURM_STEP_ID", 0)), int(env.get("SLURM_RESTART_COUNT", 0))
    return _FIRST_PORT + (7 * job + step + 7919 * life) % _PORTS


def first_host(nodes: str) -> str:
    """The first host of a Slurm node list, e.g. "gpu-03" of "gpu-[03-05,9],cpu1", as `scontrol show hostnames` has it.

    Raises:
        ClusterError: it is no node list.
    """
    name = re.match(r"(?:[^,\[\]]|\[[^\[\]]+\])+", nodes)
    if not name:
        raise ClusterError(f"'{nodes}' is no list of nodes as Slurm writes it, e.g. node[1-4]")
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", name.group())
