"""What the doctor runs on another host: answers questions about it, one JSON line for each, over ssh.

Started by `ds_stilts.doctor.remote` with `python -m ds_stilts.doctor.agent`. Imports little and answers at once. It
ends when its standard input does, so that nothing stays behind when the doctor or the connection is gone.
Lines of the protocol begin with a mark: shells greet.
"""

import contextlib
import json
import os
import platform
import pwd
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from ds_stilts.cluster.local import free_port
from ds_stilts.cluster.lock import create_alone
from ds_stilts.doctor.mounts import mount_of
from ds_stilts.doctor.packages import installed, requirements
from ds_stilts.doctor.surroundings import own_addresses
from ds_stilts.resources import cache_folder

MARK = "ds_stilts-doctor:"
_POLL_S = 0.02


def facts() -> dict[str, Any]:
    """What must be the same on all hosts, and what this one calls itself."""
    name = socket.gethostname()
    return {
        "name": name,
        "addresses": own_addresses(name),
        "interface": os.environ.get("GLOO_SOCKET_IFNAME", ""),
        "python": platform.python_version(),
        "packages": installed(requirements() or []),
        "code": code_checksum(),
        "user": _user(),
        "master": _first_address(),
        "cache": str(cache_folder().absolute()),
    }


def _user() -> str:
    """Name and number; a container may know no name."""
    try:
        return f"{pwd.getpwuid(os.getuid()).pw_name} ({os.getuid()})"
    except KeyError:
        return str(os.getuid())


def listing(path: str) -> dict[str, Any]:
    """What lies at the top of a folder: how many entries, a checksum of their names; or the "error"."""
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        return {"error": f"{error.strerror or error}"}
    return {"entries": len(names), "names": sha256("\0".join(names).encode(errors="replace")).hexdigest()[:16]}


def code_checksum() -> str:
    """Of every Python file of this package, as it lies here."""
    package = Path(__file__).parents[1]
    digest = sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _first_address() -> str:
    """The address under which DeepSpeed's launcher has the others look for this host: the first word of `hostname -I`
    (launcher/runner.py). Empty where it says none."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run(["hostname", "-I"], capture_output=True, text=True, timeout=5).stdout.split()
        return said[0] if said else ""
    return ""


def clock() -> float:
    """Seconds since the epoch."""
    return time.time()


def see(path: str, text: str, wait_s: float) -> dict[str, Any]:
    """Wait until a file is there with a text in it.

    Returns:
        "waited_s": how long that took, None where it was in vain; "mount": what the folder lies on here.
    """
    began, file = time.monotonic(), Path(path)
    mount = mount_of(file.parent)
    while True:
        with contextlib.suppress(OSError):
            if file.read_text(encoding="utf-8") == text:
                return {"waited_s": time.monotonic() - began, "mount": mount}
        if time.monotonic() - began > wait_s:
            return {"waited_s": None, "mount": mount}
        time.sleep(_POLL_S)


def write(path: str, text: str) -> str:
    """Write a file under another name, and rename it: "", or why it could not be done."""
    aside = Path(f"{path}.tmp")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        return f"{error.strerror or error}"
    return ""


def lock(path: str, text: str, at: float) -> bool | str:
    """Try to make a lock at a time that all hosts are given; whether it is ours, or why it could not be tried."""
    time.sleep(max(0.0, min(5.0, at - time.time())))
    try:
        return create_alone(Path(path), text)
    except OSError as error:
        return f"{error.strerror or error}"


_listeners: list[socket.socket] = []


def listen() -> int:
    """Take connections on a port that the system chooses, as gloo does; returns the port. The system answers for us."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    server = socket.create_server(("", 0), family=family, dualstack_ipv6=both, backlog=1024)
    _listeners.append(server)
    return int(server.getsockname()[1])


def connect(places: list[tuple[str, int]], wait_s: float) -> list[str]:
    """Connect to all places at once; for each "", or why it could not be done."""
    said = [f"no answer within {wait_s:.0f} s"] * len(places)

    def reach(number: int, host: str, port: int) -> None:
        try:
            socket.create_connection((host, port), timeout=wait_s).close()
            said[number] = ""
        except TimeoutError:
            pass
        except OSError as error:
            said[number] = error.strerror or str(error)

    threads = [
        threading.Thread(target=reach, args=(number, host, port), daemon=True)
        for number, (host, port) in enumerate(places)
    ]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + wait_s + 1  # resolving a name takes its own time
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    return said


ANSWERS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (facts, listing, clock, see, write, lock, listen, connect, free_port)
}
"""What may be asked."""


def serve() -> None:
    """Answer lines of standard input until it ends. A line is `{"ask": NAME, "with": {…}}`."""
    _say({"answer": "ready"})
    for line in sys.stdin:
        try:
            question = json.loads(line)
            _say({"answer": ANSWERS[question["ask"]](**question["with"])})
        except Exception as error:
            _say({"error": f"{type(error).__name__}: {error}"})


def _say(reply: dict[str, Any]) -> None:
    sys.stdout.write(f"{MARK}{json.dumps(reply)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
