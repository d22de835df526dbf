"""Seconds from `sbatch` to the first step of a tiny training, on the Slurm that this is started under.

    python benchmarks/job_start.py --nodes 2 [--rounds 3] [--folder DIR]

DIR is on a file system that all nodes share. The first round fills the caches and is not counted.
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

from ds_stilts.resources import template_path

RECIPE = """
name: job-start
data: {synthetic: {preset: tiny}}
start:
  architecture: {hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64, max_tokens: 128}
  oracle: {sigma: 0.3}
arms:
  qa: {tasks: {synth_qa: {max_examples: 60}}, steps: 2, batch_examples: 8, micro_batch_tokens: 400, log_every: 1}
targets: {}
engine: {config: zero2_fp32}
"""


def one(folder: Path, nodes: int) -> dict[str, float]:
    """A job from its submission to its first step."""
    (folder / "recipe.yaml").write_text(RECIPE)
    words = ["sbatch", "--parsable", f"--nodes={nodes}", "--time=10", "--output=log", str(template_path("train"))]
    began = time.time()
    subprocess.run([*words, "recipe.yaml", "--out", "run"], cwd=folder, check=True, capture_output=True)
    log, metrics = folder / "log", folder / "run/arms/qa/metrics.jsonl"
    found: dict[str, float] = {}
    while "first step" not in found:
        if "script" not in found and log.exists():
            found["script"] = time.time() - began
        if metrics.exists() and metrics.read_text().strip():
            json.loads(metrics.read_text().splitlines()[0])
            found["first step"] = time.time() - began
        time.sleep(0.05)
    while not (folder / "run/arms/qa/DONE").exists():
        time.sleep(0.05)
    found["done"] = time.time() - began
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("runs/job_start"))
    options = parser.parse_args()
    found = []
    for number in range(options.rounds + 1):
        folder = options.folder / str(number)
        folder.mkdir(parents=True)
        found.append(one(folder, options.nodes))
        print(f"round {number}: " + ", ".join(f"{name} {value:.1f} s" for name, value in found[-1].items()), flush=True)
    for name in found[0]:
        values = sorted(row[name] for row in found[1:])
        print(f"{name}: {statistics.median(values):.1f} s after sbatch ({values[0]:.1f} to {values[-1]:.1f})")


if __name__ == "__main__":
    main()
