"""How long a checkpoint takes beside a training step: write, sync, hash, commit, on two CPU ranks.

    OMP_NUM_THREADS=1 python benchmarks/saving.py [--config zero2_fp32] [--layers 12] [--hidden 768]

The engine and model of `benchmarks/memory.py`, saved three times with `ds_stilts.engine.checkpoint`.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from memory import SEQUENCES, TASK, build_model, random_batch

from ds_stilts.cluster.local import run_ranks
from ds_stilts.engine import checkpoint
from ds_stilts.engine.checkpoint import Cursor
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.world import World
from ds_stilts.recipe import Training

SAVES = 3


def _rank(options: argparse.Namespace, folder: Path) -> None:
    world = World.join()
    config = load_engine_config(options.config)
    training = Training(steps=SAVES, lr=1e-5)
    engine = training_engine(Objective(build_model(options), [TASK]), config, training, num_steps=SAVES, accumulation=1)
    rng = np.random.default_rng(world.rank)
    here = Cursor(step=0, fingerprint="", phase="bench", world_size=world.size, zero_stage=config.zero_stage)
    steps, saves, size = [], [], 0
    for number in range(1, SAVES + 1):
        world.barrier()
        began = time.perf_counter()
        loss, _ = engine(random_batch(rng, options.vocabulary), {TASK.name: 1 / (world.size * SEQUENCES)})
        engine.backward(loss)
        engine.step()
        world.barrier()
        stepped = time.perf_counter()
        cursor = Cursor(**{**vars(here), "step": number})
        saved = checkpoint.save(engine, cursor, folder, world, keep=1)
        saves.append(time.perf_counter() - stepped)
        steps.append(stepped - began)
        size = sum(path.stat().st_size for path in saved.rglob("*") if path.is_file())
    if world.is_main:
        print(
            f"{options.config}, {world.size} ranks: {size / 1e9:.2f} GB in {statistics.median(saves):.1f} s "
            f"({size / 1e6 / statistics.median(saves):,.0f} MB/s); a step of {SEQUENCES} short sequences a rank "
            f"{statistics.median(steps):.1f} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="zero2_fp32")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        run_ranks(lambda: _rank(options, folder), 2)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
