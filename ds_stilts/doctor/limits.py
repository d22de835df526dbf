"""What the system grants a process: limits, shared memory, the character set, and the rights of new files."""

import locale
import os
import resource
from pathlib import Path

from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.planning.machine import GIB

_FEW_FILES, _TOO_FEW_FILES = 1024, 256
"""Open files: a rank has a socket for each other rank and process group, and one for each prepared file."""
_LITTLE_SHARED_BYTES, _NO_SHARED_BYTES = GIB // 2, 32 * 2**20
"""/dev/shm: DeepSpeed's own report warns below 512 MiB (env_report.py)."""


def check_open_files() -> Finding:
    """How many files and sockets a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{_number(soft)} at once"
    if soft == resource.RLIM_INFINITY or soft >= _FEW_FILES:
        return ok("open files", found)
    raised = "no further" if hard == soft else f"up to {_number(hard)}"
    remedy = f"run `ulimit -n {_FEW_FILES * 16 if hard < 0 else min(hard, _FEW_FILES * 16)}` before a run"
    if 0 <= hard < _FEW_FILES:
        remedy = "have an administrator raise `nofile` in /etc/security/limits.conf (in a container: --ulimit nofile=)"
    make = fail if soft < _TOO_FEW_FILES else warn
    return make("open files", f"{found}, which may be raised {raised}", remedy)


def check_locked_memory(infiniband: Path = Path("/sys/class/infiniband")) -> Finding:
    """How much memory may be pinned; what InfiniBand needs to register its buffers.

    Args:
        infiniband: folder with an entry for each adapter.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    found = "unlimited" if soft == resource.RLIM_INFINITY else size(soft)
    adapters = sorted(path.name for path in infiniband.iterdir()) if infiniband.is_dir() else []
    if adapters and soft != resource.RLIM_INFINITY:
        return warn(
            "locked memory",
            f"{found}, with InfiniBand ({', '.join(adapters)})",
            "run `ulimit -l unlimited` before a run, or have `memlock unlimited` set in /etc/security/limits.conf "
            "(Slurm: PropagateResourceLimitsExcept=MEMLOCK), else NCCL fails to register its buffers",
        )
    return ok("locked memory", found + ("" if adapters else "; enough without InfiniBand"))


def check_core_size() -> Finding:
    """Whether a rank that crashes leaves its whole memory on the disk."""
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    if soft == 0:
        return ok("core dumps", "none are written")
    found = "unlimited" if soft == resource.RLIM_INFINITY else f"up to {size(soft)}"
    return warn("core dumps", f"{found}: each rank that crashes may write its memory", "run `ulimit -c 0` before a run")


def check_file_size() -> Finding:
    """Whether files may be as large as a checkpoint's."""
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if soft == resource.RLIM_INFINITY:
        return ok("file size", "unlimited")
    make = fail if soft < GIB else warn
    return make("file size", f"at most {size(soft)}", "run `ulimit -f unlimited`: files of a checkpoint are larger")


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Finding:
    """Room where ranks of one machine, and workers that load data, meet."""
    name = "shared memory"
    more = "give the container more (docker run --shm-size=8g), or have the tmpfs enlarged"
    try:
        stat = os.statvfs(folder)
    except OSError as error:
        return fail(name, f"{folder}: {error.strerror}", f"mount a tmpfs at {folder}: ranks of one machine meet there")
    total, free = stat.f_frsize * stat.f_blocks, stat.f_frsize * stat.f_bavail
    found = f"{size(free)} free of {size(total)} in {folder}"
    left = _left_by_deepspeed(folder)
    if left:
        more = (
            f"when no run is at work, remove {folder}/deepspeed_allreduce_buffer_* ({size(left)}), which DeepSpeed left"
        )
    elif total - free > total // 2:
        more = f"see with `ls -l {folder}` what takes it, and remove what programs that are gone have left"
    if not os.access(folder, os.W_OK):
        return fail(name, f"{folder} cannot be written to", f"have an administrator run `chmod 1777 {folder}`")
    if free < _NO_SHARED_BYTES:
        return fail(name, found, more)
    return ok(name, found) if free >= _LITTLE_SHARED_BYTES else warn(name, found, more)


def _left_by_deepspeed(folder: Path) -> int:
    """Bytes of the buffers that DeepSpeed's shared-memory operation makes and never unlinks (seen in 0.19.8)."""
    return sum(path.stat().st_size for path in folder.glob("deepspeed_allreduce_buffer_*"))


def check_locale() -> Finding:
    """Whether texts of every language can be printed."""
    name = locale.getpreferredencoding(False)
    if name.lower().replace("-", "") == "utf8":
        return ok("characters", name)
    return warn(
        "characters", f"{name}, which not every language can be printed in", "set LANG=C.UTF-8, or PYTHONUTF8=1"
    )


def check_umask() -> Finding:
    """Whether a process may read again what it has written."""
    mask = os.umask(0o022)
    os.umask(mask)
    found = f"umask {mask:03o}"
    if mask & 0o700:
        return fail("new files", f"{found}: not even their owner has every right", "run `umask 022` before a run")
    private = "; others cannot read a run or the cache" if mask & 0o044 == 0o044 else ""
    return ok("new files", found + private)


def size(count: int) -> str:
    """Bytes for people, e.g. "8.0 MiB"."""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _number(limit: int) -> str:
    return "any number" if limit == resource.RLIM_INFINITY else f"{limit:,}"
