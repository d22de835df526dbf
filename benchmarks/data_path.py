"""The data path without a model, beside what the engine eats, and how long a run takes to its first step.

    python benchmarks/data_path.py --data-root DIR --model MODEL_FOLDER

Three numbers:

- what plans steps, reads mapped files and packs batches, as the thread beside the engine does it: real tokens per CPU
  second of that thread, on MNLI, QQP, Cosmos QA and SQuAD rows drawn 40, 25, 20 and 15 % of the time;
- what `ds-stilts bench` says of the loop of a run ("engine") in the same invocation, on batches of as many of the same
  rows: tokens per CPU second of one thread, and the share of the time in which steps waited for batches. Two cores are
  taken to eat twice that, which is more than they do;
- seconds from the end of the imports to the first line of `metrics.jsonl` of `ds-stilts run`'s own function, in fresh
  processes with everything tokenised: checks, model, engine, first step. The first run fills the cache and is not told.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

RECIPE = """
name: first_step
start: {{model: {model}}}
arms:
  mix:
    tasks: {{mnli: {{share: 0.40}}, qqp: {{share: 0.25}}, cosmosqa: {{share: 0.20}}, squad_v1: {{share: 0.15}}}}
    steps: 1
    log_every: 1
targets: {{}}
engine: {{processes: {processes}}}
"""
CHILD = """
import sys, yaml
from pathlib import Path
import torch, deepspeed
import ds_stilts.phases.training, ds_stilts.phases.scoring
from ds_stilts.recipe import Recipe
from ds_stilts.run import run_recipe
print("imported", flush=True)
text, folder, root, processes = sys.argv[1:]
recipe = Recipe.model_validate(yaml.safe_load(text))
run_recipe(recipe, run_dir=Path(folder), data_root=Path(root), processes=int(processes))
"""


def data_path(root: Path, tokenizer: Any, batch: int, steps: int) -> dict[str, float]:
    """Make the batches of `steps` steps on this thread."""
    import numpy as np

    from ds_stilts.bench.sources import REAL, prepare_source
    from ds_stilts.data.batch import Masking, training_batch
    from ds_stilts.data.mixture import Mixture
    from ds_stilts.data.prepared import open_prepared
    from ds_stilts.data.steps import StepPlanner, task_data
    from ds_stilts.recipe import Training
    from ds_stilts.tasks import get_task

    source = prepare_source(root, REAL, "", tokenizer, 512)
    masking = Masking(seed=0, rate=0.15, special_ids=frozenset(), mask_id=0, vocabulary_size=0)
    tasks = {
        name: task_data(get_task(name), open_prepared([path]), Training(), frozenset())
        for name, path in source.files.items()
    }
    began = time.thread_time()
    mixture = Mixture(
        sizes={name: data.prepared.num_items for name, data in tasks.items()},
        shares=np.tile([*REAL.values()], (steps, 1)),
        seed=1,
        batch=batch,
    )
    planner = StepPlanner(mixture=mixture, tasks=tasks, world_size=1, micro_batch_tokens=1 << 30)
    tokens = 0
    for step in range(steps):
        share = planner.share(step, 0)
        for slots in share.micro_batches:
            training_batch(slots, tasks, step, masking)
        tokens += share.num_tokens
    spent = time.thread_time() - began
    return {"tokens": tokens, "cpu_s": spent, "tokens_per_cpu_s": tokens / spent}


def engine(root: Path, batch: int, rounds: int, examples: int) -> dict[str, float]:
    """The loop of a run, as `ds-stilts bench` measures it."""
    from ds_stilts.bench.bench import run_bench

    found = run_bench(
        model="4x256", data_root=root, variants=["engine"], rounds=rounds, batch=batch, examples=examples, dtype="fp32",
        dropout=0.0, clock="cpu", peak_tflops=None, progress=lambda told: print(told, file=sys.stderr),
    )  # fmt: skip
    own = found["variants"]["engine"]
    return {"tokens_per_cpu_s": own["tokens_per_s"]["median"], "data_wait_share": own["data_wait_share"]}


def first_step(model: Path, root: Path, processes: int, folder: Path) -> float:
    """Seconds from the end of the imports to the first logged step of a run in a fresh process."""
    text = RECIPE.format(model=model.resolve(), processes=processes)
    command = [sys.executable, "-c", CHILD, text, str(folder), str(root.resolve()), str(processes)]
    log = folder.with_suffix(".log").open("w+", encoding="utf-8")
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert child.stdout is not None
    while child.stdout.readline().strip() != "imported":  # DeepSpeed has something to say first
        _alive(child, log)
    began = time.perf_counter()
    metrics = folder / "arms/mix/metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        _alive(child, log)
        time.sleep(0.01)
    seconds = time.perf_counter() - began
    child.wait()
    return seconds


def _alive(child: subprocess.Popen[str], log: TextIO) -> None:
    if child.poll() is not None:
        log.seek(0)
        raise SystemExit(f"the run ended before its first step:\n{log.read()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with a small model and its tokenizer")
    parser.add_argument("--batch", type=int, default=32, help="items in a step")
    parser.add_argument("--steps", type=int, default=200, help="steps of a round of the data path")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--examples", type=int, default=160, help="items in a round of the engine")
    parser.add_argument("--processes", type=int, default=2, help="ranks of the run that is timed to its first step")
    parser.add_argument("--only", choices=["data", "engine", "first-step"])
    options = parser.parse_args()
    eaten = None
    if options.only in (None, "data"):
        from ds_stilts.models.loading import load_tokenizer

        tokenizer = load_tokenizer(str(options.model))
        made = [data_path(options.data_root, tokenizer, options.batch, options.steps) for _ in range(options.rounds)]
        rates = sorted(one["tokens_per_cpu_s"] for one in made)
        given = statistics.median(rates)
        print(
            f"data path: {given:,.0f} real tokens per CPU second (from {rates[0]:,.0f} to {rates[-1]:,.0f}), "
            f"{options.rounds} rounds of {options.steps} steps of {options.batch} items",
            flush=True,
        )
    if options.only in (None, "engine"):
        eaten = engine(options.data_root, options.batch, options.rounds, options.examples)
        print(
            f"engine, 4x256 on one thread: {eaten['tokens_per_cpu_s']:,.0f} tokens per CPU second; waited for data "
            f"{eaten['data_wait_share']:.2%} of the time",
            flush=True,
        )
    if options.only is None and eaten:
        print(f"one core of data path gives {given / (2 * eaten['tokens_per_cpu_s']):.0f} times what two cores eat")
    if options.only in (None, "first-step"):
        with tempfile.TemporaryDirectory() as scratch:
            times = [
                first_step(options.model, options.data_root, options.processes, Path(scratch) / str(number))
                for number in range(min(options.rounds, 5) + 1)
            ][1:]
        print(
            f"first step after imports, warm cache, {options.processes} ranks: {statistics.median(times):.1f} s "
            f"({min(times):.1f} to {max(times):.1f})"
        )
        print(json.dumps({"first_step_s": times}))


if __name__ == "__main__":
    main()
