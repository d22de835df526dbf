"""What a training phase tells while it runs: a progress line with ETA, metrics.jsonl, and TensorBoard. Rank 0 only."""

import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ds_stilts.engine.choosing import Look, Rule
from ds_stilts.engine.spikes import SIGMAS, SpikeAlarm
from ds_stilts.engine.watch import Seen

_PASSING_EVERY_S = 10.0
"""At most one passing line in so many seconds where the output is no terminal."""
_last_passing = float("-inf")


def duration(seconds: float) -> str:
    """ "42 s", "3 min 05 s" or "2 h 07 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def wipe() -> None:
    """Take back the passing line that stands on a terminal, before something else is printed there."""
    if sys.stderr.isatty():
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


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
        from ds_stilts.engine.records import Records

        self._records = Records(folder, first_step=first_step, lost=say)
        self._start = self._last = time.monotonic()
        self._tokens = self._skipped = 0
        self._alarm = SpikeAlarm()
        kept = [json.loads(line) for line in self._records.kept]
        self._alarm.replay(line.get("losses", {}) for line in kept)
        self._looked = {line["step"] for line in kept if "validation" in line}

    def step(self, step: int, *, tokens: int, values: dict[str, Any]) -> None:
        """Record one log interval.

        Args:
            step: optimizer steps done.
            tokens: real tokens (there is no padding) of all ranks since the last call.
            values: "loss", "lr", "grad_norm", by task "losses" (means per loss unit), "grad_norms" and "items" (how
                many were drawn), "skipped" steps, "data_wait_s", what rank 0 waited for batches, and by layer "cosines"
                (see `ds_stilts.engine.agreement`) where the recipe asks for them.
        """
        if not self._enabled:
            return
        now = time.monotonic()
        rate = tokens / max(1e-9, now - self._last)
        self._last = now
        sigmas = self._alarm.look(values["losses"])
        spikes = {task: round(value, 1) for task, value in sigmas.items() if value > SIGMAS}
        line = {"step": step, **values, "tokens_per_s": round(rate, 1), "elapsed_s": round(now - self._start, 2)}
        line |= {"spikes": spikes} if spikes else {}
        self._records.line(line)
        self._skipped += values.get("skipped", 0)
        num_items = max(1, sum(values["items"].values()))
        points = {name: values[name] for name in ("loss", "lr", "grad_norm", "data_wait_s")}
        points |= {"tokens_per_s": rate, "skipped_steps": self._skipped}
        points |= {f"loss/{task}": loss for task, loss in values["losses"].items()}
        points |= {f"grad_norm/{task}": norm for task, norm in values["grad_norms"].items()}
        for layer, tasks in values.get("cosines", {}).items():
            for first, others in tasks.items():
                points |= {f"gradient_cosine/layer_{layer}/{first}/{other}": value for other, value in others.items()}
        points |= {f"share/{task}": count / num_items for task, count in values["items"].items()}
        points |= {f"loss_sigmas/{task}": value for task, value in sigmas.items()}
        self._records.scalars(points, step)
        for task, value in spikes.items():
            loss = values["losses"][task]
            say(f"{self._label}  step {step}: the loss of {task} jumped to {loss:.3f}, {value:g} sigma above its mean")
        spent, self._tokens = now - self._start, self._tokens + tokens
        left = spent / max(1, step - self._first) * (self._num_steps - step)
        by_task = ", ".join(f"{task} {loss:.3f}" for task, loss in values["losses"].items())
        say(
            f"{self._label}  step {step}/{self._num_steps}  loss {values['loss']:.4f}"
            f"{f' ({by_task})' if len(values['losses']) > 1 else ''}  lr {values['lr']:.2e}  "
            + (
                f"{rate:,.0f} tokens/s  {duration(left)} left"
                if step < self._num_steps
                else f"{self._tokens / max(1e-9, spent):,.0f} tokens/s  trained in {duration(spent)}"
            ),
            passing=step < self._num_steps,
        )

    def validation(
        self,
        step: int,
        look: Look,
        seen: Seen,
        *,
        rule: Rule = "value",
        shares: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Record what a validation has found, where the best so far was and how many looks since then were no better;
        and of the shares that followed from each look, the last.

        Args:
            rule: what the best is chosen by; `seen.value` is its value all the same.
        """
        if not self._enabled:
            return
        mean, best_step = look.figures.value, seen.best_step
        found = {"value": mean, "tasks": dict(look.values), "best": seen.value, "best_step": best_step}
        found |= {"worse": seen.worse} | ({} if rule == "value" else {"choose_by": rule})
        found |= {"shares": dict(shares[-1])} if shares else {}
        if step not in self._looked:  # else an owed look was told before, and the run killed before it was noted
            self._records.line({"step": step, "validation": {**found, **look.shown}})
        points = {"validation": mean, **{f"validation/{task}": own for task, own in look.values.items()}, **look.points}
        points |= {f"next_share/{task}": share for task, share in (shares[-1] if shares else {}).items()}
        self._records.scalars(points, step)
        by = "" if rule == "value" else f" by {rule}"
        since = f", best{by} {seen.value:.2f} at step {best_step}" if best_step != step else f", the best so far{by}"
        drawn = ", ".join(f"{task} {share:.0%}" for task, share in shares[-1].items()) if shares else ""
        drawn = f"; drawn from here on: {drawn}" if drawn else ""
        also = "".join(f"; {clause}" for clause in look.said)
        say(f"{self._label}  step {step}/{self._num_steps}  validation {mean:.2f}{since}{also}{drawn}", passing=True)

    def close(self) -> None:
        if self._enabled:
            self._records.close()


def say(line: str, *, passing: bool = False) -> None:
    """Print a line for people; a passing one is overwritten by the next on a terminal, and rare in a log file."""
    global _last_passing
    if sys.stderr.isatty():
        # A passing line that wrapped could not be taken back whole.
        shown = line[: shutil.get_terminal_size().columns - 1] if passing else line
        print(f"\r\x1b[2K{shown}" + ("" if passing else "\n"), end="", file=sys.stderr, flush=True)
    elif not passing or time.monotonic() - _last_passing >= _PASSING_EVERY_S:
        _last_passing = time.monotonic() if passing else _last_passing
        # With its end in the same write: other ranks, which may have something to tell, share the log file.
        print(f"{line}\n", end="", file=sys.stderr, flush=True)
