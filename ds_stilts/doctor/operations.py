"""DeepSpeed's and PyTorch's compiled parts: what builds them, which can be had, and locks that a killed build left.

Builds nothing but the two lines with which DeepSpeed itself asks whether a library is there.
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ds_stilts.doctor.accelerator import first_line
from ds_stilts.doctor.finding import Finding, fail, ok, warn

_APT = "Debian, Ubuntu: apt-get install"
_QUIET_S = 600.0
"""A build that has written nothing for so long is over: the longest step seen took 51 s."""
_NEEDED = {"async_io": ("zero3_nvme_bf16", f"install libaio's headers ({_APT} libaio-dev)")}
"""Operations that a shipped configuration asks for: which one, and what is missing where it cannot be had."""


def check_build_tools() -> list[Finding]:
    """What operations and compiled layers are built with: a C++ compiler, ninja, and with a CUDA PyTorch nvcc."""
    from ds_stilts.engine.layers import compiler

    found = compiler()
    name = os.environ.get("CXX", "g++")
    needs = "`compile: layers` and DeepSpeed's operations need it"
    lines = [
        ok("compiler", found)
        if found
        else warn("compiler", f"there is no '{name}'; {needs}", f"install one ({_APT} g++), or name it in CXX")
    ]
    ninja = shutil.which("ninja")
    if ninja:
        lines.append(ok("ninja", ninja))
    else:
        beside = Path(sys.executable).with_name("ninja")
        has = f"put {beside.parent} on PATH" if beside.exists() else "install it with `pip install ninja`"
        lines.append(warn("ninja", "is not on PATH; DeepSpeed calls it by name when it builds an operation", has))
    import torch

    return lines + ([_check_nvcc(torch.version.cuda)] if torch.version.cuda else [])


def _check_nvcc(cuda_of_torch: str) -> Finding:
    """Whether nvcc is there and of PyTorch's major release, which DeepSpeed insists on."""
    from torch.utils.cpp_extension import CUDA_HOME

    program = shutil.which("nvcc") or (f"{CUDA_HOME}/bin/nvcc" if CUDA_HOME else "nvcc")
    remedy = f"install the CUDA {cuda_of_torch} toolkit and set CUDA_HOME, if a configuration offloads to NVMe"
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return warn("nvcc", "is not here; DeepSpeed's operations for GPUs cannot be built", remedy)
    return judge_nvcc(said, cuda_of_torch, remedy)


def judge_nvcc(said: str, cuda_of_torch: str, remedy: str) -> Finding:
    """Compare what `nvcc --version` says with the CUDA release of PyTorch."""
    release = re.search(r"release (\d+\.\d+)", said)
    version = release[1] if release else "of unknown release"
    found = f"{version}, PyTorch is built for CUDA {cuda_of_torch}"
    same = version.split(".")[0] == cuda_of_torch.split(".")[0]
    return ok("nvcc", found) if same else warn("nvcc", found, remedy)


def check_operations() -> Finding:
    """Which of DeepSpeed's operations are built, and which could be; a shipped configuration that cannot is named."""
    name = "DeepSpeed operations"
    # On a GPU DeepSpeed says on standard output which accelerator it has found, and there a program reads JSON.
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            from ds_stilts.engine.ds_config import on_gpu

            on_gpu()
            from deepspeed.git_version_info import installed_ops
            from deepspeed.ops.op_builder.all_ops import ALL_OPS
        except Exception as error:  # it runs code of its own at import, which raises anything
            return fail(name, f"DeepSpeed cannot be imported: {first_line(error)}", "install it again")
        possible = {key: bool(op.is_compatible(verbose=False)) for key, op in ALL_OPS.items() if "not_impl" not in key}
    built = {key for key, there in installed_ops.items() if there} | _built(extensions_folder())
    known = sorted(key for key in possible if key in built)
    told = f"{sum(possible.values())} of {len(possible)} can be built"
    already = f"built: {', '.join(known)}" if known else "none is built yet, and training needs none"
    for operation, (config, remedy) in _NEEDED.items():
        if operation in possible and not possible[operation] and operation not in built:
            lacking = f"{told} (not {operation}, which only {config} needs); {already}"
            return warn(name, lacking, f"{remedy}, if you want {config}")
    return ok(name, f"{told}; {already}")


def extensions_folder() -> Path:
    """Where PyTorch builds extensions (torch/utils/cpp_extension.py): TORCH_EXTENSIONS_DIR, or a folder for each Python
    and accelerator in the cache."""
    own = os.environ.get("TORCH_EXTENSIONS_DIR")
    if own:
        return Path(own)
    from torch.utils.cpp_extension import get_default_build_root

    return Path(get_default_build_root())


def _locks(folder: Path) -> list[Path]:
    """The folder holds operations, or a folder for each kind of PyTorch that holds them."""
    return sorted({*folder.glob("*/lock"), *folder.glob("*/*/lock")})


def _built(folder: Path) -> set[str]:
    return {path.parent.name for pattern in ("*/*.so", "*/*/*.so") for path in folder.glob(pattern)}


def check_build_locks(folder: Path, now: float | None = None) -> Finding:
    """Whether a build that was killed has left its lock, for which every later process waits without a word or an end
    (torch/utils/file_baton.py).

    Args:
        folder: what `extensions_folder` returns.
        now: seconds since the epoch; None: the clock.
    """
    name = "build locks"
    now = time.time() if now is None else now
    building = []
    for lock in _locks(folder):
        holder = _holder(lock)
        quiet_s = now - max(path.stat().st_mtime for path in (lock, *lock.parent.iterdir()))
        if holder is not None:
            building.append(f"{lock.parent.name} by process {holder}")
        elif quiet_s > _QUIET_S:
            return fail(
                name,
                f"{lock} was left by a build that was killed; who needs {lock.parent.name} waits for ever",
                f"run `rm {lock}`, when nothing is being built on any machine that shares the folder",
            )
        else:
            return warn(
                name,
                f"{lock}, touched {quiet_s:.0f} s ago, is held by no process of this machine that we may see",
                f"look again in {_QUIET_S / 60:.0f} minutes, and run `rm {lock}` if it is still there",
            )
    return ok(name, f"being built: {', '.join(building)}" if building else f"none in {folder}")


def _holder(lock: Path) -> int | None:
    """A process of this machine that has the lock open; a build keeps it open to its end."""
    wanted = lock.stat()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it is another user's, or has ended
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.path.samestat(descriptor.stat(), wanted):
                        return int(process.name)
    return None
