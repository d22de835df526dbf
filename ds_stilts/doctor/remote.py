"""Asks an agent on another host over ssh: no question that waits for a person, and an end to every wait."""

import json
import os
import queue
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from ds_stilts.doctor.agent import MARK
from ds_stilts.doctor.launcher_variables import handed_on

CONNECT_S = 8.0
"""For ssh to get a connection and a key accepted."""
START_S = 40.0
"""For the agent to say that it is there; Python from a cold network file system takes its time."""
_SSH = (
    "ssh", "-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S:.0f}", "-o", "ConnectionAttempts=1",
    "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "ControlMaster=no", "-o", "ControlPath=none",
)  # fmt: skip
_NO_FOLDER, _NO_PYTHON = 96, 97
"""Exit codes of the line that starts Python over there."""


class Unreachable(Exception):
    """A host, or the agent on it, does not answer.

    Args:
        found: what was seen.
        remedy: what to do about it.
    """

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found, self.remedy = found, remedy


def remote_python(host: str, *arguments: str) -> list[str]:
    """The command that runs this Python in this folder on a host, as DeepSpeed's launcher does (launcher/
    multinode_runner.py): same path, same folder, same variables. Values are quoted for the shell over there."""
    python = shlex.join([sys.executable, *arguments])
    script = f"cd {shlex.quote(os.getcwd())} || exit {_NO_FOLDER}; "
    script += f"test -x {shlex.quote(sys.executable)} || exit {_NO_PYTHON}; "
    script += "".join(f"export {name}={shlex.quote(value)}; " for name, value in handed_on().items())
    # The shell of the account over there may be any; only `sh` is known.
    return [*_SSH, "--", host, f"exec sh -c {shlex.quote(f'{script}exec {python}')}"]


class Agent:
    """One host with whom questions and answers are exchanged. Use as a context manager: leaving it ends the agent.

    Raises:
        Unreachable: from every method; the host, its Python or the agent does not answer in time.
    """

    def __init__(self, host: str) -> None:
        self.host = host

    def __enter__(self) -> "Agent":
        self._process = subprocess.Popen(
            remote_python(self.host, "-m", "ds_stilts.doctor.agent"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._said: list[str] = []
        assert self._process.stdout and self._process.stderr
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._hear, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        began = time.monotonic()
        try:
            self._answer(CONNECT_S + START_S)
        except BaseException:
            self.__exit__()
            raise
        self.started_s = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # ssh; the agent then reads the end of its input
        self._process.wait()

    def question(self, name: str, wait_s: float, arguments: Mapping[str, Any]) -> Any:
        """The answer of a function of `ds_stilts.doctor.agent`."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"ask": name, "with": dict(arguments)}) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._why() from None
        return self._answer(wait_s)

    def _answer(self, wait_s: float) -> Any:
        try:
            line = self._lines.get(timeout=wait_s)
        except queue.Empty:
            raise Unreachable(
                f"no answer within {wait_s:.0f} s", f"see whether `ssh {self.host} true` works and its disks answer"
            ) from None
        if line is None:
            raise self._why()
        reply = json.loads(line)
        if "error" in reply:
            raise Unreachable(f"the doctor's agent failed: {reply['error']}", "install the same ds_stilts on all hosts")
        return reply["answer"]

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            if line.startswith(MARK):
                self._lines.put(line.removeprefix(MARK))
        self._lines.put(None)

    def _hear(self, stream: IO[str]) -> None:
        self._said.extend(line.strip() for line in stream if line.strip())

    def _why(self) -> Unreachable:
        """What ended the connection."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Unreachable("the connection broke off", f"see whether `ssh {self.host} true` works")
        self._readers[1].join(timeout=1)
        return why(self.host, code, self._said)


_REMEDIES = (
    ("could not resolve", "put {host} into /etc/hosts, the name server or ~/.ssh/config"),
    ("host key verification failed", "run `ssh {host} true` once by hand and accept its key, if it is the right one"),
    ("remote host identification has changed", "ask whether {host} was set up anew, then run `ssh-keygen -R {host}`"),
    ("permission denied", "run `ssh-copy-id {host}`: launchers need ssh without a password"),
    ("connection refused", "start sshd on {host}, or give its port in ~/.ssh/config"),
    ("no route to host", "see that {host} is switched on and its network up"),
    ("timed out", "see that {host} is switched on, its network up, and port 22 open"),
)


def why(host: str, code: int, said: list[str]) -> Unreachable:
    """What an ssh that ended means.

    Args:
        code: its exit code.
        said: lines of its standard error.
    """
    if code == _NO_FOLDER:
        folder = os.getcwd()
        return Unreachable(
            f"there is no folder {folder} on {host}", "start from a folder that all hosts share: launchers begin there"
        )
    if code == _NO_PYTHON:
        remedy = "install the same environment at the same path on all hosts, or on a file system that they share"
        return Unreachable(f"there is no {sys.executable} on {host}", remedy)
    line = said[-1] if said else f"ended with exit code {code}"
    if code == 255:
        for sign, remedy in _REMEDIES:
            if any(sign in each.lower() for each in said):
                line = next(each for each in said if sign in each.lower())
                return Unreachable(line, remedy.format(host=host))
        return Unreachable(line, f"see what `ssh {host} true` says")
    if "No module named" in line:
        return Unreachable(line, "install the same ds_stilts in the environment of every host")
    return Unreachable(line, f"see what `ssh {host} {sys.executable} -m ds_stilts.doctor.agent` says")
