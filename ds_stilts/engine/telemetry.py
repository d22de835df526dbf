"""What a training phase tells while it runs: a progress line with ETA, metrics.jsonl, and TensorBoard. Rank 0 only."""

import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO


def duration(seconds: float) -> str:
    """ "42 s", "3 min 05 s" or "2 h 07 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Telemetry:
    """Metrics of one phase.

    Args:
        folder: gets `metrics.jsonl` and `tensorboard/`; lines after `first_step` are dropped, so that a resumed phase
            has each step once.
        label: what the progress line calls the phase, e.g. "arms/qa".
    """

    def __init__(self, folder: Path, *, label: str, num_steps: int, first_step: int, enabled: bool) -> None:
        self._enabled, self._label, self._num_steps, self._first = enabled, label, num_steps, first_step
        if not enabled:
            return
        from torch.utils.tensorboard import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "metrics.jsonl"
        kept = []
        if path.exists():
            kept = [
                line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["step"] <= first_step
            ]
        self._file: TextIO = path.open("w", encoding="utf-8")
        self._file.writelines(line + "\n" for line in kept)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step + 1)
        self._start = self._last = time.monotonic()

    def step(self, step: int, *, tokens: int, values: dict[str, Any]) -> None:
        """Record one log interval.

        Args:
            step: optimizer steps done.
            tokens: real tokens (there is no padding) of all ranks since the last call.
            values: "loss", "lr", "grad_norm", and "losses" by task (means per loss unit).
        """
        if not self._enabled:
            return
        now = time.monotonic()
        rate = tokens / max(1e-9, now - self._last)
        self._last = now
        line = {"step": step, **values, "tokens_per_s": round(rate, 1), "elapsed_s": round(now - self._start, 2)}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name in ("loss", "lr", "grad_norm"):
            self._board.add_scalar(name, values[name], step)
        for task, loss in values["losses"].items():
            self._board.add_scalar(f"loss/{task}", loss, step)
        self._board.add_scalar("tokens_per_s", rate, step)
        left = (now - self._start) / max(1, step - self._first) * (self._num_steps - step)
        tasks = " ".join(f"{task} {loss:.3f}" for task, loss in values["losses"].items())
        say(
            f"{self._label}  step {step}/{self._num_steps}  loss {values['loss']:.4f} ({tasks})  "
            f"lr {values['lr']:.2e}  {rate:,.0f} tokens/s  {duration(left)} left",
            passing=step < self._num_steps,
        )

    def close(self) -> None:
        if self._enabled:
            self._file.close()
            self._board.close()


def say(line: str, *, passing: bool = False) -> None:
    """Print a line for people; a passing one is overwritten by the next where the output is a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{line}", end="" if passing else "\n", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)
