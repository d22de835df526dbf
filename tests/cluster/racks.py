"""A rack of virtual hosts on this machine, with real ssh and, if asked for, a real Slurm; see `rack/hosts_up.sh`."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.ci import skip_unless_ci

SCRIPTS = Path(__file__).resolve().parent / "rack"
ROOT = Path(__file__).resolve().parents[2]
_CANNOT = 77


class Rack:
    """Args:
    folder: everything of the rack; removed with it.
    hosts: names with numbers at the end, as Slurm's node lists want them.
    slurm: start Slurm on them too.
    cpus: of each node, as Slurm is told; with one, no two jobs share a node.
    """

    def __init__(
        self, folder: Path, *, hosts: tuple[str, ...] = ("node1", "node2"), slurm: bool = False, cpus: int = 4
    ) -> None:
        self.folder, self.hosts, self._slurm, self._cpus = folder, hosts, slurm, cpus
        self.hostfile = folder / "hostfile"
        self.up()

    def up(self) -> None:
        """Start what is not running. Skips the test where virtual hosts are refused; in CI that is a failure."""
        script = "slurm_up.sh" if self._slurm else "hosts_up.sh"
        answer = self._script(script)
        if answer.returncode == _CANNOT:
            skip_unless_ci(answer.stdout.strip())
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def down(self) -> None:
        """Remove it."""
        self._script("slurm_down.sh" if self._slurm else "hosts_down.sh")

    def _script(self, name: str) -> subprocess.CompletedProcess[str]:
        variables = {"RACK_DIR": str(self.folder), "RACK_HOSTS": " ".join(self.hosts), "RACK_CPUS": str(self._cpus)}
        return subprocess.run(
            [str(SCRIPTS / name)], env={**os.environ, **variables}, capture_output=True, text=True, timeout=120
        )

    def command(self, host: str, *words: str | Path) -> list[str]:
        """The command line that runs words on a host (or on "head")."""
        return [str(self.folder / "on"), host, *map(str, words)]

    def run(
        self,
        host: str,
        *words: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host, with a limit that ends it there too."""
        limited = self.command(host, "timeout", "-k", "5", str(timeout_s), *words)
        return subprocess.run(
            limited, cwd=cwd, env=environment(env), capture_output=True, text=True, timeout=timeout_s + 20
        )

    def ask(self, host: str, *words: str | Path, **options: Any) -> str:
        """What a command prints on a host; it must succeed."""
        answer = self.run(host, *words, **options)
        assert answer.returncode == 0, f"{words}: {answer.stdout}{answer.stderr}"
        return answer.stdout.strip()

    def power_off(self, host: str) -> None:
        """End everything on a host at once, as a power cut would. `up` brings the whole rack up anew."""
        os.kill(int((self.folder / "pid" / host).read_text()), 9)

    def link(self, host: str, state: str) -> None:
        """Pull a host's cable ("down") or plug it in again ("up")."""
        self.ask("head", "ip", "link", "set", f"v{host}", state)

    def processes(self, host: str, word: str) -> list[int]:
        """Ids, on that host, of processes with a word in their command line."""
        others = f"[{word[0]}]{word[1:]}"  # than the commands that look for it
        found = self.run(host, "pgrep", "-f", others).stdout.split()
        return [int(number) for number in found]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """For commands on hosts: this checkout and this interpreter, one thread, and nothing of a job we may be in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "OMPI_", "PMIX_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
        "OMP_NUM_THREADS": "1",
        "DS_ACCELERATOR": "cpu",
        **(more or {}),
    }


def wait_for(there: Callable[[], Any], what: str, timeout_s: float = 60.0, every_s: float = 0.2) -> Any:
    """The first true value that a question gives; fails with what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not (value := there()):
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(every_s)
    return value


def job_facts(rack: Rack, job: str) -> dict[str, str]:
    """What `scontrol show job` says, by key."""
    text = rack.ask("head", "scontrol", "show", "job", "-o", job)
    return dict(part.split("=", 1) for part in text.split() if "=" in part)


def steps_logged(stage_dir: Path) -> int:
    """How many steps a stage has logged, repeated ones included."""
    log = stage_dir / "metrics.jsonl"
    if not log.is_file():
        return 0
    return sum(1 for line in log.read_text().splitlines() if "loss" in json.loads(line))
