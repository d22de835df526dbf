"""Studies in processes of their own, which tests start, kill and start again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.studies.worlds import write


class Place:
    """A study's file, folder and store."""

    def __init__(self, root: Path, name: str, content: dict[str, Any], store: Path) -> None:
        (root / name).mkdir(parents=True)
        self.file, self.folder, self.store = write(root / name, content), root / name / "out", store

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ds_stilts", "study", "run", str(self.file), "--out", str(self.folder)]
        return subprocess.Popen(
            [*command, "--store", str(self.store), *options],
            start_new_session=True,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def stages(self) -> dict[str, Path]:
        """Stored stages by what they are called in the first run that has them."""
        found = {}
        for link in sorted(self.folder.glob("runs/*/*/**/*")):
            if link.is_symlink() and (link / "entry.json").is_file():
                found[str(link.relative_to(self.folder / "runs"))] = link.resolve()
        return found

    def done(self) -> dict[Path, int]:
        """Finished stages, with the time at which they were finished."""
        return {path.parent: path.stat().st_mtime_ns for path in self.store.glob("*/DONE")}


def kill_when(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Kill every process of a start, all at once, as soon as something has happened."""
    deadline = time.monotonic() + 600
    while not happened():
        if process.poll() is not None:
            raise AssertionError(
                f"the study ended before it could be killed: {process.stderr and process.stderr.read()}"
            )
        assert time.monotonic() < deadline, "it should have happened within ten minutes"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def starts(folder: Path) -> int:
    """How often a stored stage was begun."""
    return int(json.loads((folder / "entry.json").read_text())["starts"])
