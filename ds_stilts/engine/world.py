"""All distributed facts and collectives behind one small object, so that nothing else asks `torch.distributed`."""

import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any

import torch
import torch.distributed as dist

from ds_stilts.cluster.environment import RankFacts, rank_facts
from ds_stilts.cluster.local import free_port
from ds_stilts.cluster.mpi import meeting_point
from ds_stilts.errors import ClusterError

_TIMEOUT_S = 1860.0
"""For collectives while nothing is known yet; `ds_stilts.engine.watchdog` sets another one, and speaks up earlier."""
_POLL_S = 0.1


class World:
    """The ranks that share a run. Build it with `World.join`, once a process."""

    def __init__(self, rank: int, size: int, device: torch.device) -> None:
        self.rank, self.size, self.device = rank, size, device
        self._meetings = 0

    @classmethod
    def join(cls) -> "World":
        """Join the process group that the launcher described (a group of one without a launcher)."""
        facts = rank_facts()
        on_gpu = torch.cuda.is_available()
        if not on_gpu:
            os.environ.setdefault("DS_ACCELERATOR", "cpu")
        import deepspeed

        if not on_gpu:
            # DeepSpeed would JIT-compile a shared-memory all-reduce (a compiler, a minute, 70 MB of /dev/shm a rank
            # that it never frees) that only its inference engine calls. Delete when building it is optional upstream.
            deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        host, port = facts.master_addr, facts.master_port
        if host is None or port is None:
            host, port = ("127.0.0.1", free_port()) if facts.world_size == 1 else meeting_point(facts.world_size)
        os.environ.update(MASTER_ADDR=host, MASTER_PORT=str(port))
        device = _gpu(facts) if on_gpu else torch.device("cpu")
        # DeepSpeed takes the GPU of that number (runtime/engine.py): 0 where this rank sees only its own.
        local_rank = device.index if on_gpu else facts.local_rank
        os.environ.update(RANK=str(facts.rank), WORLD_SIZE=str(facts.world_size), LOCAL_RANK=str(local_rank))
        if not dist.is_initialized():
            deepspeed.init_distributed(
                dist_backend="nccl" if on_gpu else "gloo",
                auto_mpi_discovery=False,
                verbose=False,
                timeout=timedelta(seconds=_TIMEOUT_S),
                rank=facts.rank,
                world_size=facts.world_size,
            )
        if on_gpu:
            torch.cuda.set_device(device)
        return cls(facts.rank, facts.world_size, device)

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for all ranks."""
        self.sum(torch.zeros(1))

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Element-wise sum over ranks, on the CPU; fp64 so that adding ranks loses nothing."""
        moved = values.detach().to(self.device, torch.float64)
        if self.size > 1:
            dist.all_reduce(moved)
        return moved.cpu()

    def any(self, flag: bool) -> bool:
        """True on every rank if it is on one."""
        return bool(self.sum(torch.tensor([float(flag)])).item() > 0)

    def gather(self, value: Any) -> list[Any]:
        """One picklable value from each rank, in rank order, on every rank."""
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    @cached_property
    def _board(self) -> Any:
        """A blackboard that needs nobody's presence."""
        # Private, but what torch's own parts use; delete when torch hands out the store that it made.
        return dist.PrefixStore("ds_stilts", dist.distributed_c10d._get_default_store())

    def post(self, word: str) -> int:
        """Put a word up for all ranks to see, without waiting for any; returns how many have put it up by now."""
        return int(self._board.add(word, 1))

    def posted(self, word: str) -> bool:
        """Whether any rank has put up that word."""
        return bool(self._board.check([word]))

    def is_first(self, word: str) -> bool:
        """Whether this rank is the first to put up that word; False too if the rank that holds the board is gone."""
        try:
            return self.post(word) == 1
        except (RuntimeError, ConnectionError):
            return False

    def meet(self, meanwhile: Callable[[], None]) -> None:
        """Wait for all ranks, however long it takes: for work that is not shared out evenly. A collective.

        Args:
            meanwhile: called ten times a second while others are waited for.
        """
        if self.size == 1:
            return
        self._meetings += 1
        place = f"meeting {self._meetings}"
        arrived = self._board.add(place, 1)
        while arrived < self.size:
            meanwhile()
            time.sleep(_POLL_S)
            arrived = self._board.add(place, 0)

    def set_timeout(self, seconds: float) -> None:
        """Let collectives that begin from now on fail after so long; call it on every rank."""
        # Public for a group's start only; delete the private names when torch has a public setter.
        for group in list(dist.distributed_c10d._world.pg_map):
            dist.distributed_c10d._set_pg_timeout(timedelta(seconds=seconds), group)

    def leave(self) -> None:
        """End the process group."""
        if dist.is_initialized():
            dist.destroy_process_group()


def _gpu(facts: RankFacts) -> torch.device:
    """The GPU of this rank: the one of its number on its node, or the only one that its task was given.

    Raises:
        ClusterError: there are more ranks on this node than GPUs that they see.
    """
    seen = torch.cuda.device_count()
    if seen == 1 and facts.launcher == "Slurm":  # srun --gpus-per-task=1 shows each task its own
        return torch.device("cuda", 0)
    if facts.local_rank >= seen:
        raise ClusterError(
            f"rank {facts.rank} is number {facts.local_rank} on {socket.gethostname()} (from 0), where "
            f"{seen} {'GPU is' if seen == 1 else 'GPUs are'} visible; start at most {seen} ranks a node"
        )
    return torch.device("cuda", facts.local_rank)
