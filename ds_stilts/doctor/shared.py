"""Whether a folder is the same one on all hosts: what one writes, renames or locks, the others see, and soon."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ds_stilts.doctor import agent as here
from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.doctor.folders import nearest
from ds_stilts.doctor.group import Group
from ds_stilts.doctor.mounts import mount_of

_AT_ONCE_S = 3.0
"""For a file whose name was never asked for: no cache can hide it."""
_LAG_S = 40.0
"""For a file whose absence a host remembers: NFS does so for 30 s by default (nfs(5), acdirmin)."""
_SLOW_S = 2.0
_MOUNT = "mount the folder with `actimeo=1` or `lookupcache=positive` (nfs(5)), else ranks wait for each other's files"


Make = Callable[..., Finding]
"""`fail`, or `warn` where a run gets along with a folder of each host's own."""


def check_shared(name: str, folder: Path, group: Group, remedy: str, make: Make = fail) -> list[Finding]:
    """Check a folder between this machine and all hosts of a group; leaves nothing behind.

    Args:
        name: what the folder is for.
        folder: need not exist; then it is checked where it would be made.
        remedy: what to do where it is not shared.
        make: how bad that is.

    Returns:
        A finding for each host with which something is wrong; one for all of them where nothing is.
    """
    place = nearest(folder)
    try:
        probe = Path(tempfile.mkdtemp(dir=place, prefix=".ds_stilts-doctor-"))
    except OSError as error:
        return [make(name, f"{place} cannot be written to ({error.strerror})", remedy)]
    try:
        probe.chmod(0o755)
        return _check(name, place, probe, group, remedy, make)
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _check(name: str, place: Path, probe: Path, group: Group, remedy: str, make: Make) -> list[Finding]:
    here.write(str(probe / "first"), "first")
    seen = group.ask(name, "see", path=str(probe / "first"), text="first", wait_s=_AT_ONCE_S)
    mounts = {host: answer["mount"] for host, answer in seen.items()}
    mine = mount_of(probe)
    apart = {host for host, answer in seen.items() if answer["waited_s"] is None}
    problems = [make(name, _apart(place, mine, mounts[host]), remedy, host) for host in sorted(apart)]
    together = group.without(apart)
    if not together.hosts:
        return problems
    for host, answer in together.ask_each(name, "write", _own_files(probe, together)).items():
        if answer:
            found = f"{place} cannot be written to ({answer})"
            problems.append(make(name, found, f"see that {place} is mounted for writing, for the same user", host))
    together = together.without({finding.host for finding in problems})
    if not together.hosts:
        return problems
    winners = _lock(name, probe / "lock", together)
    if len(winners) != 1:
        who = ", ".join(sorted(winners)) or "nobody"
        problems.append(
            make(name, f"of {len(together.hosts) + 1} that made the same new file at once {who} succeeded", remedy)
        )
    problems += [] if problems else _lags(name, place, probe, together, mine)
    return problems


def _own_files(probe: Path, group: Group) -> dict[str, dict[str, Any]]:
    return {host: {"path": str(probe / f"of {number}"), "text": host} for number, host in enumerate(group.hosts)}


def _lock(name: str, path: Path, group: Group) -> list[str]:
    """Who got a lock that all hosts and this machine tried to make at the same moment."""
    at, mine = time.time() + 0.3, []
    thread = threading.Thread(target=lambda: mine.append(here.lock(str(path), "here", at)))
    thread.start()
    answers = group.ask(name, "lock", path=str(path), text="there", at=at)
    thread.join()
    return [host for host, answer in {**answers, "this machine": mine[0]}.items() if answer is True]


def _lags(name: str, place: Path, probe: Path, group: Group, mine: str) -> list[Finding]:
    """How long after a rename the others see a file for which they have been looking already."""
    path = probe / "late"
    answers: dict[str, Any] = {}

    def look() -> None:
        answers.update(group.ask(name, "see", path=str(path), text="late", wait_s=_LAG_S))

    looking = threading.Thread(target=look)
    looking.start()
    time.sleep(0.5)
    here.write(str(path), "late")
    written = time.monotonic()
    looking.join()
    lag_s = max(0.0, time.monotonic() - written)
    slow = sorted(host for host, answer in answers.items() if answer["waited_s"] is None)
    if slow:
        return [warn(name, f"a new file in {place} was not seen within {_LAG_S:.0f} s", _MOUNT, host) for host in slow]
    found = f"{place} ({mine}): written, renamed and locked alike; a new file is seen within {max(lag_s, 0.01):.2f} s"
    return [warn(name, found, _MOUNT)] if lag_s > _SLOW_S else [ok(name, found)]


def _apart(place: Path, mine: str, theirs: str) -> str:
    """What is said of a folder that is another one over there."""
    return f"{place} is not the same folder: {_on(mine)} here, {_on(theirs)} there"


def _on(mount: str) -> str:
    return f"on {mount}" if mount else "not known on what"
