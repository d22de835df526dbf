"""What computes: GPUs with their driver, or this CPU with its instructions; and whether PyTorch can use them.

Facts are asked first and judged apart, so that what is said of a GPU needs none to be tested.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.doctor.limits import size

_DRIVER = Path("/proc/driver/nvidia/version")
_MINIMUM = (8, 0)
"""Compute capability from which bf16 is computed in hardware (Ampere)."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU as PyTorch sees it."""

    name: str
    memory_bytes: int
    capability: tuple[int, int]
    fault: str = ""
    """First line of what PyTorch said when a tensor was put on it; empty where that went well."""


@dataclass(frozen=True, kw_only=True)
class Gpus:
    """The GPUs of this machine, and what stands between them and PyTorch."""

    cuda_of_torch: str | None
    """CUDA release that PyTorch was built for; None: a CPU build."""
    driver: str | None
    """Version of the loaded NVIDIA driver; None: there is none."""
    gpus: tuple[Gpu, ...] = ()


def check_accelerator() -> list[Finding]:
    """One finding for the GPUs, or one for the CPU, with a warning where a GPU is there but out of PyTorch's reach."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return [fail("PyTorch", f"cannot be imported: {first_line(error)}", "install it again, see constraints.txt")]
    facts = ask_gpus()
    found = judge_gpus(facts)
    if facts.gpus:
        return found
    from ds_stilts.engine.fit import computes_bf16

    return [*found, judge_cpu(len(os.sched_getaffinity(0)), _memory_bytes(), computes_bf16(), torch.get_num_threads())]


def ask_gpus() -> Gpus:
    """Ask the driver and PyTorch; puts one number on each GPU."""
    import torch

    from ds_stilts.engine.ds_config import on_gpu

    there = torch.cuda.device_count() if on_gpu() else 0
    return Gpus(
        cuda_of_torch=torch.version.cuda, driver=_driver(), gpus=tuple(_ask_gpu(index) for index in range(there))
    )


def _ask_gpu(index: int) -> Gpu:
    import torch

    try:
        torch.ones(1, device=f"cuda:{index}").item()
        facts = torch.cuda.get_device_properties(index)
    except (RuntimeError, AssertionError) as error:
        return Gpu(name=f"GPU {index}", memory_bytes=0, capability=(0, 0), fault=first_line(error))
    return Gpu(name=facts.name, memory_bytes=facts.total_memory, capability=(facts.major, facts.minor))


def _driver(path: Path = _DRIVER) -> str | None:
    """Version of the NVIDIA driver in the kernel."""
    try:
        found = re.search(r"Kernel Module.*?(\d+\.\d[\d.]*)", path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return found[1] if found else "of unknown version"


def judge_gpus(facts: Gpus) -> list[Finding]:
    """What is to be said of GPUs; nothing where there is neither GPU nor driver."""
    name, driver = "GPUs", f"NVIDIA driver {facts.driver}"
    if not facts.gpus:
        if facts.driver is None:
            return []
        if facts.cuda_of_torch is None:
            remedy = "install a CUDA build of PyTorch: make setup TORCH_INDEX=https://download.pytorch.org/whl/cu128"
            return [warn(name, f"{driver} is here, but PyTorch is built for CPUs only", remedy)]
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        because = f" (CUDA_VISIBLE_DEVICES={hidden})" if hidden is not None else ""
        remedy = "ask the batch system for GPUs, unset CUDA_VISIBLE_DEVICES, or see what `nvidia-smi` says"
        return [warn(name, f"{driver} is here, but PyTorch sees no GPU{because}", remedy)]
    faulty = [gpu for gpu in facts.gpus if gpu.fault]
    if faulty:
        remedy = (
            f"see what `nvidia-smi` says: the driver must know CUDA {facts.cuda_of_torch}, and the GPU must be free"
        )
        found = f"{len(faulty)} of {len(facts.gpus)} cannot be used, {faulty[0].name}: {faulty[0].fault}"
        return [fail(name, found, remedy)]
    kinds: dict[tuple[str, int], int] = {}
    for gpu in facts.gpus:
        kinds[gpu.name, gpu.memory_bytes] = kinds.get((gpu.name, gpu.memory_bytes), 0) + 1
    told = ", ".join(f"{number} × {kind} with {size(memory)}" for (kind, memory), number in kinds.items())
    told += f"; {driver}, PyTorch for CUDA {facts.cuda_of_torch}"
    if len(kinds) > 1:
        return [warn(name, told, "choose GPUs of one kind with CUDA_VISIBLE_DEVICES: the slowest sets the pace")]
    if facts.gpus[0].capability < _MINIMUM:
        return [warn(name, f"{told}; no bf16 in hardware", "take a configuration in fp32, e.g. zero2_fp32")]
    return [ok(name, told)]


def judge_cpu(cores: int, memory_bytes: int, has_bf16: bool, threads: int) -> Finding:
    """What is to be said of the CPU where it must do all the work.

    Args:
        cores: that this process may run on.
        memory_bytes: of the machine, or what its container may take.
        has_bf16: whether oneDNN has bf16 kernels for it.
        threads: that PyTorch computes with in one process.
    """
    told = f"no GPU; {cores} cores, {threads} for each process, {size(memory_bytes)} of memory"
    if not has_bf16:
        return warn("CPU", f"{told}, no bf16 instructions", "take a configuration in fp32, e.g. zero2_fp32")
    return ok("CPU", f"{told}, bf16 instructions")


def _memory_bytes() -> int:
    """Memory of the machine, or of the container (control groups, version 2) if that is less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdigit() else whole


def first_line(error: BaseException) -> str:
    """What an error says, cut to its first line."""
    line, *_ = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {line}"
