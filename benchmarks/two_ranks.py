"""Training speed of two ranks with one thread each beside one rank, through `ds-stilts train` as a user starts it.

    python benchmarks/two_ranks.py --data-root DATA [--model 4x256] [--batch 32] [--rounds 5]

The mixture of `ds-stilts bench`, ZeRO-2 in fp32, random weights; tokens per second of wall time as the run itself logs
them, its first log interval left out. Rounds take turns; needs a machine with two cores and nothing else to do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from ds_stilts.bench.model import MAX_TOKENS, VOCABULARY, parse_shape, write_shape
from ds_stilts.bench.sources import data_folder, make_tokenizer

LOG_EVERY = 5
RECIPE = """
name: two-ranks
start: {{model: {model}, random_init: true}}
arms:
  mixed:
    tasks: {{{tasks}}}
    steps: {steps}
    batch_examples: {batch}
    micro_batch_tokens: 8192
    schedule: constant
    warmup: 0
    log_every: {log_every}
    checkpoint_every: 100000
targets: {{tatoeba: {{}}}}
engine: {{config: zero2_fp32}}
"""


def rate(recipe: Path, data_root: Path, out: Path, ranks: int) -> float:
    """Tokens a second over all log intervals but the first."""
    command = [sys.executable, "-m", "ds_stilts", "train", str(recipe), "--stage", "arms/mixed", "--out", str(out)]
    command += ["--data-root", str(data_root), "--processes", str(ranks)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (out / "arms/mixed/metrics.jsonl").read_text().splitlines()]
    first, last = lines[0], lines[-1]
    seconds = [after["elapsed_s"] - before["elapsed_s"] for before, after in pairwise(lines)]
    tokens = sum(line["tokens_per_s"] * s for line, s in zip(lines[1:], seconds, strict=True))
    return float(tokens / (last["elapsed_s"] - first["elapsed_s"]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--model", default="4x256")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    root, shares, _ = data_folder(options.data_root.resolve())
    architecture = parse_shape(options.model)
    assert architecture is not None, "--model is LAYERSxWIDTH"
    ratios, rates = [], []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_shape(folder / "model", architecture, make_tokenizer(root, shares, VOCABULARY, MAX_TOKENS))
        recipe = folder / "recipe.yaml"
        tasks = ", ".join(f"{name}: {{share: {share}}}" for name, share in shares.items())
        values = {"model": folder / "model", "tasks": tasks, "log_every": LOG_EVERY}
        recipe.write_text(RECIPE.format(**values, steps=options.steps, batch=options.batch))
        for number in range(options.rounds):
            order = (1, 2) if number % 2 == 0 else (2, 1)
            found = {ranks: rate(recipe, root, folder / f"run-{number}-{ranks}", ranks) for ranks in order}
            rates.append(found)
            ratios.append(found[2] / found[1])
            print(f"round {number + 1}: {found[1]:,.0f} tokens/s on one rank, {found[2]:,.0f} on two", flush=True)
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    print(f"{options.model}, steps of {options.batch}: two ranks over one {median:.2f} ({low:.2f}-{high:.2f})")


if __name__ == "__main__":
    main()
