"""One at a time in a run folder, or in one stage of it: a file LOCK that says who is at work there, and still is.

Made with O_EXCL and touched every minute, since `flock` is unreliable on NFS. The lock of a process that is gone is
taken over: at once if it was of this machine or of this Slurm job before it was requeued, after five minutes without a
touch if it may be of another machine.

A whole run excludes everybody; single stages exclude each other only where they are the same.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ds_stilts.errors import BusyError, UserError

logger = logging.getLogger(__name__)
NAME = "LOCK"
_DEPTHS = ("*", "*/*", "*/*/*")
"""Where stages lie: start, arms/NAME, targets/ARM/NAME."""
_BEAT_S = 60.0
STALE_S = 300.0
"""A lock of another machine that was not touched for so long belongs to nobody."""


@contextlib.contextmanager
def only_run_in(run_dir: Path, stage: str | None = None) -> Iterator[None]:
    """Hold a run folder, or one stage of it, for as long as the block lasts.

    Of a run and a stage that begin at the same instant both may be refused, but never none.

    Raises:
        BusyError: another run is at work there.
        UserError: it cannot be written to.
    """
    with _held(run_dir / stage if stage else run_dir):
        others = [run_dir / NAME] if stage else [lock for depth in _DEPTHS for lock in run_dir.glob(f"{depth}/{NAME}")]
        for lock in others:
            if lock.exists():
                _take_over(lock)
        yield


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold one folder's lock; makes the folder, and removes it again if nothing was put in."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    lock = folder / NAME
    text = json.dumps(_identity())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while not create_alone(lock, text):
            _take_over(lock)
    except OSError as error:
        raise UserError(
            f"the run folder {folder} cannot be written to ({error.strerror}); give another one with --out"
        ) from None
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(lock, text, done), daemon=True, name="run folder lock")
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
        if _read(lock) == text:
            lock.unlink(missing_ok=True)
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()


def _identity() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "job": os.environ.get("SLURM_JOB_ID"),
        "restarts": _restarts(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "began": _start_of(os.getpid()),
        "machine": _machine(),
    }


def _restarts() -> int:
    """How often Slurm has started this job again."""
    return int(os.environ.get("SLURM_RESTART_COUNT", "0"))


def _machine() -> list[str]:
    """What makes process ids comparable: the host's name, its boot, and the container."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    space = Path("/proc/self/ns/pid")
    return [
        socket.gethostname(),
        boot.read_text().strip() if boot.exists() else "",
        os.readlink(space) if space.is_symlink() else "",
    ]


def _start_of(pid: int) -> str:
    """When a process began, in ticks since boot: ids are used again. "" if it has ended, or where there is no /proc."""
    try:
        # The name in the second field may hold blanks and brackets; proc(5) numbers the fields, from 3 on here.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def create_alone(lock: Path, text: str) -> bool:
    """Make the lock with its content; False if there is one."""
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return True


def _read(lock: Path) -> str | None:
    try:
        return lock.read_text()
    except OSError:
        return None


def _take_over(lock: Path) -> None:
    """Remove a lock whose process is gone; raise BusyError if it is not."""
    text = _read(lock)
    if text is None:
        return  # released a moment ago
    owner: dict[str, Any] = {}
    with contextlib.suppress(ValueError, TypeError):  # being written, or its disk was full: only time tells
        owner = dict(json.loads(text))
    age_s = _age_s(lock)
    if not _is_gone(owner, age_s):
        job = f", Slurm job {owner['job']}" if owner.get("job") else ""
        who = f"process {owner.get('pid', '?')} on {owner.get('host', '?')}{job}"
        raise BusyError(
            f"another run is at work in {lock.parent}: {who}, since {owner.get('since', 'a moment ago')}; "
            "wait for it, stop it, or give another folder with --out"
        )
    aside = lock.with_name(f"{NAME}.{socket.gethostname()}.{os.getpid()}")
    try:
        lock.rename(aside)
    except FileNotFoundError:
        return  # another start was quicker
    if _read(aside) != text:  # another start has already taken over: this is its lock
        with contextlib.suppress(FileExistsError):
            os.link(aside, lock)
    else:
        logger.warning(
            "%s was left by process %s on %s, which is gone; going on in its folder",
            lock,
            owner.get("pid", "?"),
            owner.get("host", "?"),
        )
    aside.unlink()


def _is_gone(owner: dict[str, Any], age_s: float) -> bool:
    if owner.get("job") and owner["job"] == os.environ.get("SLURM_JOB_ID") and owner["restarts"] < _restarts():
        return True  # Slurm starts a job again when it has ended everywhere
    if owner.get("machine") != _machine():
        return age_s > STALE_S
    pid = int(owner["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return bool(_start_of(pid) != owner["began"])


def _age_s(lock: Path) -> float:
    """Seconds since the last touch, by the clock of the file system, which may be another machine's."""
    with tempfile.NamedTemporaryFile(dir=lock.parent, prefix=f"{NAME}.") as probe:
        now = os.stat(probe.name).st_mtime
    try:
        return now - lock.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _beat(lock: Path, text: str, done: threading.Event) -> None:
    # Else this thread could take signals that the main one blocks while it forks ranks.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while not done.wait(_BEAT_S):
        found = _read(lock)
        if found == text:
            with contextlib.suppress(OSError):
                os.utime(lock)
        elif found is not None:  # this process slept so long that another run took over
            logger.error("%s: another run has taken this folder over; stopping", lock)
            os.kill(os.getpid(), signal.SIGTERM)
            return
