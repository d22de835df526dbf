"""Planning an epoch for many ranks: how long, how much memory, and how evenly the tokens fall.

    python benchmarks/planning.py --data-root DIR --tokenizer MODEL_FOLDER --examples 3000000 --ranks 64

The lengths are those of the data root's MNLI, QQP, Cosmos QA and SQuAD rows, drawn 40, 25, 20 and 15 % of the time;
each set is repeated to its share of the examples. No rank is started: that is what planning without communication is.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ["TOKENIZERS_PARALLELISM"] = "false"

SHARES = {"mnli": 0.40, "qqp": 0.25, "cosmosqa": 0.20, "squad_v1": 0.15}


def lengths(name: str, root: Path, tokenizer: object, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and loss units of every training item of a task, int64."""
    from ds_stilts.data.encoder import Encoder
    from ds_stilts.data.prepare import SplitKey, prepare
    from ds_stilts.data.prepared import open_prepared
    from ds_stilts.data.steps import task_data
    from ds_stilts.formats.base import Limits
    from ds_stilts.recipe import Training
    from ds_stilts.tasks import get_task

    task = get_task(name)
    key = SplitKey(task=task, split="train", language="en", limits=Limits(max_tokens=task.max_tokens), training=True)
    with Encoder(tokenizer, 1) as encoder:
        data = task_data(task, open_prepared([prepare(key, encoder, root, folder)]), Training(), frozenset())
    return data.tokens, data.units


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--examples", type=int, default=3_000_000)
    parser.add_argument("--batch", type=int, default=4096, help="items in a step, over all ranks")
    parser.add_argument("--batch-tokens", type=int, help="tokens in a step, instead of items")
    parser.add_argument("--ranks", type=int, default=64)
    parser.add_argument("--micro-batch-tokens", type=int, default=8192)
    parser.add_argument("--steps", type=int, default=200, help="steps whose shares are looked at")
    options = parser.parse_args()

    from ds_stilts.data.mixture import Mixture
    from ds_stilts.data.sampling import phase_length, shares
    from ds_stilts.data.steps import StepPlanner, TaskData
    from ds_stilts.models.loading import load_tokenizer
    from ds_stilts.recipe import Training
    from ds_stilts.tasks import get_task

    tokenizer = load_tokenizer(options.tokenizer)
    tasks = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, share in SHARES.items():
            tokens, units = lengths(name, options.data_root, tokenizer, Path(folder))
            count = round(share * options.examples)
            tasks[name] = TaskData(
                task=get_task(name),
                prepared=None,  # type: ignore[arg-type]  # nothing is read
                loss_weight=1.0,
                units=np.resize(units, count),
                tokens=np.resize(tokens, count),
            )
    sizes = {name: len(data.tokens) for name, data in tasks.items()}
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    by_tokens = options.batch_tokens is not None
    batch = {"batch_tokens": options.batch_tokens} if by_tokens else {"batch_examples": options.batch}
    training = Training(epochs=1, **batch)
    began = time.perf_counter()
    of_items = {name: data.tokens for name, data in tasks.items()}
    num_steps = phase_length(training, sizes, {name: float(own.mean()) for name, own in of_items.items()})
    mixture = Mixture(
        sizes=sizes,
        shares=shares(sizes, training, num_steps),
        seed=1,
        batch=options.batch_tokens or options.batch,
        lengths=of_items if by_tokens else None,
    )
    planner = StepPlanner(
        mixture=mixture,
        tasks=tasks,
        world_size=options.ranks,
        micro_batch_tokens=options.micro_batch_tokens,
    )
    planned_s = time.perf_counter() - began
    grown_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mib
    chosen = np.linspace(0, mixture.num_steps - 1, min(options.steps, mixture.num_steps)).astype(int)
    uneven, fill, began = [], [], time.perf_counter()
    for step in chosen:
        micro_batches = planner.deal(int(step))
        loads = [sum(int(tasks[slot.task].tokens[slot.item]) for slot in slots) for slots in micro_batches]
        of_rank = np.array(loads).reshape(options.ranks, -1).sum(axis=1)
        uneven.append(of_rank.max() / of_rank.mean())
        fill.append(np.mean(loads) / max(loads))
    step_ms = (time.perf_counter() - began) / len(chosen) * 1000
    print(
        f"{sum(sizes.values()):,} items, {mixture.num_steps:,} steps of {options.batch_tokens or options.batch:,} "
        f"{'tokens' if by_tokens else 'items'} for {options.ranks} ranks, "
        f"{planner.accumulation} micro-batches each: planned in {planned_s:.1f} s, {grown_mib:.0f} MiB more\n"
        f"tokens of the fullest rank over the mean, {len(chosen)} steps: median {np.median(uneven):.4f}, "
        f"worst {max(uneven):.4f}; mean micro-batch over the fullest: {np.mean(fill):.4f}; {step_ms:.1f} ms a step"
    )


if __name__ == "__main__":
    main()
