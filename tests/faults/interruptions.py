"""Kills a run's evaluation at random instants until it ends by itself, and compares its rows with an undisturbed run's.

As a script: `python -m tests.faults.interruptions --kills 30 --seed 1` (a quarter of an hour). The instants and the
processes are drawn from the seed; which instruction they hit is up to the machine.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ds_stilts.evaluation.rows import read_rows
from tests.faults.runs import Training

RECIPE = """
name: interrupted
seed: 3
data: {{synthetic: {{preset: tiny}}}}
start:
  architecture: {{hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64, max_tokens: 128}}
  oracle: {{sigma: 0.3}}
arms: {{none: null}}
training: {{steps: {steps}, batch_examples: 8, micro_batch_tokens: 400, lr: 1.0e-3}}
engine: {{config: {config}, processes: 2, hang_timeout_s: 300}}
evaluation: {{batch_examples: 2}}
targets:
"""
TARGETS = {
    "synth_nli": "  synth_nli: {{score_languages: [aa, cc], max_score_examples: 120}}\n",
    "synth_pos": "  synth_pos: {{score_languages: [dd, gg], max_score_examples: 120}}\n",
    "synth_retrieval": "  synth_retrieval: {{score_languages: [bb, cc]}}\n",
}
LANGUAGES = {"synth_nli": ("aa", "cc"), "synth_pos": ("dd", "gg"), "synth_retrieval": ("bb", "cc")}
Held = dict[tuple[str, str, int], str]
"""What is predicted for which place of which language of which task."""


class Scoring(Training):
    """A run whose targets are trained in one step and then scored, two examples at a time."""

    paused = "score.batch"

    def __init__(self, folder: Path, tasks: tuple[str, ...], *, config: str, pause_s: float = 0.0) -> None:
        self.tasks, self.last = tasks, f"targets/none/{tasks[-1]}"
        self.text = RECIPE + "".join(TARGETS[task] for task in tasks)
        super().__init__(folder, config=config, pause_s=pause_s)

    def folder(self, task: str) -> Path:
        """Where a target's rows are."""
        return self.run / "targets" / "none" / task / "predictions"

    def rows(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """All rows of the finished run."""
        return {(task, code): read_rows(self.folder(task), code) for task in self.tasks for code in LANGUAGES[task]}

    def held(self) -> Held:
        """What is on disk now; fails where an example has two rows."""
        found: Held = {}
        for task in self.tasks:
            for path in self.folder(task).glob("*.parquet"):
                for row in pq.read_table(path, columns=["language", "index", "prediction"]).to_pylist():
                    key = (task, row["language"], row["index"])
                    assert key not in found, f"{key} has two rows"
                    found[key] = row["prediction"]
        return found

    def forget(self) -> None:
        """Remove everything that was scored, and keep what was trained."""
        for task in self.tasks:
            stage = self.folder(task).parent
            shutil.rmtree(stage / "predictions", ignore_errors=True)
            for name in ("DONE", "scores.json"):
                (stage / name).unlink(missing_ok=True)


def kill_once(scoring: Scoring, rng: random.Random, span_s: float) -> str:
    """Start the run and kill one of its processes while it scores; says where that hit it, or that it had ended."""
    scoring.start()
    began = time.monotonic()
    while scoring.process.poll() is None and "] targets/" not in scoring.words():
        assert time.monotonic() - began < 300, scoring.words()[-3000:]
        time.sleep(0.01)
    time.sleep(rng.random() * span_s)
    processes, place = sorted(scoring.processes()), rng.random()
    stage = scoring.words().rpartition("] ")[2].splitlines()[0]
    who = "nobody"
    if scoring.process.poll() is None:
        number = processes[int(place * len(processes))]
        who = f"process {processes.index(number) + 1} of {len(processes)}"
        os.kill(number, signal.SIGKILL)
    scoring.gone_after(60)
    return f"{who} in {stage}, {len(scoring.held())} rows there: exit code {scoring.process.returncode}"


def interrupt(
    folder: Path, *, kills: int, seed: int, pause_s: float, span_s: float, config: str, tasks: tuple[str, ...]
) -> int:
    """Kill so often; then let it end, and compare. Returns the kills that hit a living run.

    Raises:
        AssertionError: a start did not go on, a row was lost, made twice or made otherwise.
    """
    rng = random.Random(seed)
    whole = Scoring(folder / "whole", tasks, config=config)
    whole.finish()
    expected = whole.rows()
    broken = Scoring(folder / "broken", tasks, config=config, pause_s=pause_s)
    shutil.copytree(whole.run, broken.run)
    broken.forget()
    hit, before = 0, Held()
    for number in range(kills):
        print(f"kill {number + 1} of {kills}: {kill_once(broken, rng, span_s)}", file=sys.stderr, flush=True)
        after = broken.held()
        assert before.items() <= after.items(), "what was scored before is there, and nothing else in its place"
        before = after
        if (broken.run / broken.last / "DONE").is_file():
            assert broken.rows() == expected
            broken.forget()
            before = Held()
        else:
            hit += 1
    broken.finish()
    assert broken.rows() == expected
    assert len(broken.held()) == sum(len(rows) for rows in expected.values())
    return hit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds before each batch: a language then takes 15")
    parser.add_argument("--span", type=float, default=24.0, help="seconds from the first target's start to the kill")
    parser.add_argument("--config", default="zero3_release_fp32")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DS_STILTS_CACHE"] = f"{folder}/cache"
        hit = interrupt(
            Path(folder),
            kills=given.kills,
            seed=given.seed,
            pause_s=given.pause,
            span_s=given.span,
            config=given.config,
            tasks=tuple(TARGETS),
        )
    print(
        f"{hit} of {given.kills} kills hit a living evaluation (seed {given.seed}); every row is the undisturbed run's"
    )


if __name__ == "__main__":
    main()
