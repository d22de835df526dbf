"""No orphans: a rank ends when the process that started it is gone, even killed with a signal that nobody can catch.

Ranks that `ds_stilts.cluster.local` forks have their parent to lose; ranks of a launcher have a chain of them: the
`deepspeed` command, its `launch.py` on each node, the rank. Linux only; elsewhere these functions do nothing.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""prctl(2)."""
_EVERY_S = 0.5
_GRACE_S = 10.0
"""So long a rank without its launcher may take to stop cleanly; to this comes what the caller knows of saving."""
GONE = -1
"""A launcher that had ended before we looked."""
_ONLY_UNDER_A_LAUNCHER = ("CROSS_SIZE", "TORCHELASTIC_RUN_ID")
"""Set for their ranks by DeepSpeed's `launch.py` (0.19) and by torchrun."""
_LAUNCHERS = ("deepspeed", "torchrun", "torch.distributed", "slurmstepd", "srun", "orted", "prted", "mpirun", "mpiexec")


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when its parent ends.

    Args:
        parent: the parent's process id, asked for before the fork.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we had asked
        os._exit(1)


def launchers() -> list[int]:
    """Process ids of the launchers above this process: its parent and, above DeepSpeed's `launch.py`, its grandparent.

    A launcher that is gone already has the id `GONE`. A parent that is no launcher, e.g. the shell in which somebody
    started a rank by hand, may end without us.
    """
    if sys.platform != "linux":
        return []
    parent = os.getppid()
    words = _command(parent)
    if not any(name in words for name in _LAUNCHERS):
        return [GONE] if any(name in os.environ for name in _ONLY_UNDER_A_LAUNCHER) else []
    if "deepspeed.launcher.launch" not in words:
        return [parent]
    above = _parent_of(parent)
    if above is None or _was_adopted(parent, above):
        return [parent, GONE]
    return [parent] if above == 1 else [parent, above]


def _was_adopted(process: int, parent: int) -> bool:
    """Whether a process has lost the parent that started it, and with it its session's only link to this one.

    What a shell, `pdsh` or `deepspeed` starts is in the session of its parent, or begins one of its own.
    """
    if any(name in _command(parent) for name in _LAUNCHERS):
        return False
    return _session(process) not in (process, _session(parent))


class LauncherWatch:
    """Ends this rank when one of its launchers is gone: asks for a clean stop (TERM) first, then kills.

    `deepspeed` dies at a TERM without a word to its ranks, and its `launch.py` lives on without it, so the parent alone
    would not tell (runner.py, 0.19; delete the grandparent when upstream passes signals on).
    """

    saving_s: Callable[[], float] = staticmethod(lambda: 0.0)
    """How much longer than the grace period a clean stop may take, s."""

    def __init__(self) -> None:
        self._above = launchers()
        if self._above:
            threading.Thread(target=self._watch, name="launcher watch", daemon=True).start()

    def _watch(self) -> None:
        while self._chain_holds():
            time.sleep(_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)
        gone = time.monotonic()
        while time.monotonic() - gone < _GRACE_S + self.saving_s():
            time.sleep(_EVERY_S)
        os.kill(os.getpid(), signal.SIGKILL)

    def _chain_holds(self) -> bool:
        child: int | None = os.getpid()
        for expected in self._above:
            child = os.getppid() if child == os.getpid() else _parent_of(child)
            if child != expected:
                return False
        return True


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _parent_of(process: int | None) -> int | None:
    """Parent of another process; None if that one is gone."""
    fields = _status(process)
    return int(fields[1]) if fields else None


def _session(process: int) -> int | None:
    """Session that a process is in; None if it is gone."""
    fields = _status(process)
    return int(fields[3]) if fields else None


def _status(process: int | None) -> list[str]:
    """State, parent, process group, session and more, see proc_pid_stat(5); empty if the process is gone."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return status.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
