"""All distributed facts and collectives behind one small object, so that nothing else asks `torch.distributed`."""

import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from ds_stilts.cluster.environment import rank_facts
from ds_stilts.cluster.local import free_port

_TIMEOUT = timedelta(minutes=30)


class World:
    """The ranks that share a run. Build it with `World.join`, once a process."""

    def __init__(self, rank: int, size: int, device: torch.device) -> None:
        self.rank, self.size, self.device = rank, size, device

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
        if facts.launcher == "none":
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()))
        os.environ.update(RANK=str(facts.rank), WORLD_SIZE=str(facts.world_size), LOCAL_RANK=str(facts.local_rank))
        if not dist.is_initialized():
            deepspeed.init_distributed(
                dist_backend="nccl" if on_gpu else "gloo",
                auto_mpi_discovery=False,
                verbose=False,
                timeout=_TIMEOUT,
                rank=facts.rank,
                world_size=facts.world_size,
            )
        device = torch.device("cuda", facts.local_rank) if on_gpu else torch.device("cpu")
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

    def leave(self) -> None:
        """End the process group."""
        if dist.is_initialized():
            dist.destroy_process_group()
