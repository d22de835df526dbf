"""A short training in real processes, started as a user starts it, and all the ways to find and hurt its processes."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO

RECIPE = """
name: faults
seed: 3
data: {{synthetic: {{preset: tiny}}}}
start:
  architecture: {{hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64, max_tokens: 128}}
  oracle: {{sigma: 0.3}}
arms:
  qa:
    tasks: {{synth_qa: {{max_examples: 60}}, synth_nli: {{max_examples: 60}}}}
    mixing: uniform
    steps: {steps}
    batch_examples: 8
    micro_batch_tokens: 400
    lr: 1.0e-3
    log_every: 1
    checkpoint_every: {checkpoint_every}
targets: {{}}
engine: {{config: {config}, processes: 2, hang_timeout_s: {hang_timeout_s}}}
"""
STAGE = "arms/qa"


class Training:
    """A recipe, its run folder, and the processes of its last start.

    Args:
        folder: empty; gets the recipe, the run and the log.
        pause_s: sleep at each step, so that there is time to hurt it.
    """

    text, last, paused = RECIPE, STAGE, "loop.step"
    """The recipe, its last stage, and the failpoint at which it pauses."""

    def __init__(self, folder: Path, *, steps: int = 1, config: str = "zero2_fp32", pause_s: float = 0.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.recipe, self.run, self.log = folder / "recipe.yaml", folder / "run", folder / "log"
        self.recipe.write_text(self.text.format(steps=steps, config=config, checkpoint_every=4, hang_timeout_s=300))
        self._pause = f"{self.paused}=sleep {pause_s}" if pause_s else ""
        self._mark = ""
        self.process: subprocess.Popen[bytes]

    def start(self, *, launcher: bool = False, fail: str = "", options: tuple[str, ...] = ()) -> None:
        """Start it with `ds-stilts run`, or two ranks with the deepspeed launcher."""
        self._mark = f"DS_STILTS_TEST_MARK={uuid.uuid4()}"
        name, _, value = self._mark.partition("=")
        fails = ",".join(part for part in (self._pause, fail) if part)
        environment = {**os.environ, name: value, "DS_STILTS_FAIL": fails, "PYTHONPATH": os.getcwd()}
        if launcher:
            environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
            words = ["-m", "deepspeed.launcher.runner", "--num_gpus", "2", "--master_port", str(_port()), "--module"]
            command = [*words, "ds_stilts.train", "--recipe", str(self.recipe), "--out", str(self.run)]
        else:
            command = ["-m", "ds_stilts", "run", str(self.recipe), "--out", str(self.run)]
        with self.log.open("wb") as log:
            self.process = self._popen([sys.executable, *command, *options], environment, log)

    def _popen(self, command: list[str], environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def words(self) -> str:
        """What the last start has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def processes(self) -> set[int]:
        """Every process that the last start led to and that still lives, wherever its parents are."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if self._mark.encode() in (entry / "environ").read_bytes():
                        found.add(int(entry.name))
                except OSError:
                    pass
        return found

    def rank(self, number: int) -> int:
        """Process id of a rank that has begun to train."""
        beat = json.loads((self.run / "heartbeats" / f"rank-{number}.json").read_text())
        assert beat["process"] in self.processes()
        return int(beat["process"])

    def step(self) -> int:
        """Steps that are logged as done."""
        try:
            lines = (self.run / STAGE / "metrics.jsonl").read_text().splitlines()
            return int(json.loads(lines[-1])["step"]) if lines else 0
        except (OSError, ValueError):
            return 0

    def wait_for(self, happened: Callable[[], bool], timeout_s: float = 300.0) -> None:
        """Until something has happened; fails if the run ends before."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert self.process.poll() is None, f"ended before its time:\n{self.words()[-3000:]}"
            assert time.monotonic() < deadline, self.words()[-3000:]
            time.sleep(0.02)

    def wait_for_steps(self, more: int) -> int:
        """Until so many more steps are done than at the last checkpoint; returns how many that is in all."""
        saved = max((int(p.name[5:]) for p in (self.run / STAGE / "checkpoints").glob("step-*[0-9]")), default=0)
        self.wait_for(lambda: "step" in self.words() and self.trains() and self.step() >= saved + more)
        return self.step()

    def trains(self) -> bool:
        """Whether both ranks of this start, not of one before, are at their steps."""
        living = self.processes()
        for path in ((self.run / "heartbeats" / f"rank-{number}.json") for number in (0, 1)):
            try:
                beat = json.loads(path.read_text())
            except (OSError, ValueError):
                return False
            if beat["process"] not in living or beat["phase"] != STAGE or not beat["step"]:
                return False
        return True

    def gone_after(self, timeout_s: float) -> float:
        """Wait until no process is left; returns how long that took, s."""
        began = time.monotonic()
        while left := self.processes() - self._dead():
            assert time.monotonic() - began < timeout_s, f"{left} are still there:\n{self.words()[-3000:]}"
            time.sleep(0.05)
        self.process.wait()
        return time.monotonic() - began

    def _dead(self) -> set[int]:
        return {self.process.pid} if self.process.poll() is not None else set()

    def finish(self, timeout_s: float = 900.0, **how: bool) -> None:
        """Start it and let it end."""
        self.start(**how)
        code = self.process.wait(timeout_s)
        assert code == 0, self.words()[-3000:]
        assert (self.run / self.last / "DONE").is_file()

    def kill(self) -> None:
        """End what is left, at the end of a test."""
        for process in self.processes():
            os.kill(process, signal.SIGKILL)


def _port() -> int:
    from ds_stilts.cluster.local import free_port

    return free_port()
