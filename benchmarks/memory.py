"""Measures what the ranks of a real engine hold in memory, beside what `ds-stilts plan` predicts (docs/memory.md).

    nice -n 10 env OMP_NUM_THREADS=1 python benchmarks/memory.py --config zero2_fp32

Builds an XLM-R-architecture encoder from random weights with one classification head, starts the run's own engine on
CPU ranks, and trains some steps on random tokens. RSS is read above what a rank has after all imports and the process
group: "held" between steps with the allocator trimmed, "peak" as the kernel's high-water mark of a step. Needs about
25 bytes a parameter and rank.
"""

import argparse
import ctypes
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("DS_ACCELERATOR", "cpu")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from ds_stilts.cluster.local import run_ranks
from ds_stilts.data.batch import PackedBatch, TaskRows
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.world import World
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.models.packing import Packing
from ds_stilts.planning.shapes import Weight
from ds_stilts.planning.states import held, model_states, peak
from ds_stilts.planning.zero import read_setting
from ds_stilts.recipe import Training
from ds_stilts.tasks.task import Task

STEPS, SEQUENCES, LENGTH = 3, 4, 16
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
TASK = Task(
    name="nli", title="", format="sentence_pair", languages=("en",), splits={}, labels=("a", "b", "c"), metrics=("x",)
)


def main() -> None:
    """Run one configuration and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="zero2_fp32")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--keep-freed", action="store_true", help="leave the C library as it is")
    options = parser.parse_args()
    import deepspeed.runtime.zero.muon.muon_optimizer  # noqa: F401  (every engine imports it, and torch's compiler with it)
    from transformers import XLMRobertaForMaskedLM  # noqa: F401

    out = Path(f"/tmp/ds_stilts-memory-{os.getpid()}")
    out.mkdir()
    run_ranks(lambda: _rank(options, out), options.ranks)
    rows = [json.loads(path.read_text()) for path in sorted(out.iterdir())]
    for path in out.iterdir():
        path.unlink()
    out.rmdir()
    print(json.dumps({"config": options.config, "ranks": rows}, indent=1))


def _rank(options: argparse.Namespace, out: Path) -> None:
    if not options.keep_freed:
        for parameter in _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD:
            assert ctypes.CDLL("libc.so.6").mallopt(parameter, 65536) == 1
    world = World.join()
    config, training = load_engine_config(options.config), Training(steps=STEPS, lr=1e-5)
    baseline = _memory()["held"]
    model = build_model(options)
    weights = [Weight(name, tuple(p.shape), "blocks") for name, p in model.named_parameters()]
    built = _memory()["held"] - baseline
    _reset_peak()
    engine = training_engine(Objective(model, [TASK]), config, training, num_steps=STEPS, accumulation=1)
    del model
    made = _memory()
    steps = []
    rng = np.random.default_rng(world.rank)
    for _ in range(STEPS):
        _reset_peak()
        loss, _ = engine(random_batch(rng, options.vocabulary), {TASK.name: 1 / (world.size * SEQUENCES)})
        engine.backward(loss)
        engine.step()
        del loss
        steps.append({key: value - baseline for key, value in _memory().items()})
    setting = read_setting(config.values)
    if setting.stage < 3:
        setting = replace(setting, overlap_comm=False)  # as the engine on a CPU
    terms = model_states(weights, setting, world.size, 1)
    total = sum(weight.numel for weight in weights)
    # NCCL scatters in place; gloo works on a copy, which a plan for GPUs does not count
    gloo = setting.dtype_bytes * min(setting.reduce_bucket, total) if setting.stage == 3 else 0
    row: dict[str, Any] = {
        "parameters": total,
        "baseline": baseline,
        "model_built": built,
        "engine_made": {key: value - baseline for key, value in made.items()},
        "steps": steps,
        "predicted": {"held": held(terms), "peak": peak(terms) + gloo, "of_it_gloo": gloo},
        "terms": {f"{term.name} ({term.when})": term.bytes for term in terms},
    }
    (out / f"{world.rank}.json").write_text(json.dumps(row))
    world.barrier()


def build_model(options: argparse.Namespace) -> MultiTaskModel:
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    torch.manual_seed(1)
    hf = XLMRobertaForMaskedLM(
        XLMRobertaConfig(
            vocab_size=options.vocabulary,
            hidden_size=options.hidden,
            num_hidden_layers=options.layers,
            num_attention_heads=options.hidden // 64,
            intermediate_size=4 * options.hidden,
            max_position_embeddings=514,
            type_vocab_size=1,
        )
    )
    encoder = PackedEncoder(hf.base_model)
    return MultiTaskModel(encoder, {TASK.head: build_head("classification", encoder.hidden_size, 3, 0.1)})


def random_batch(rng: np.random.Generator, vocabulary: int) -> PackedBatch:
    tokens = SEQUENCES * LENGTH
    rows = TaskRows(
        rows=torch.arange(0, tokens, LENGTH),
        rows_per_sequence=torch.ones(SEQUENCES, dtype=torch.long),
        targets=torch.from_numpy(rng.integers(0, 3, SEQUENCES)),
    )
    return PackedBatch(
        ids=torch.from_numpy(rng.integers(5, vocabulary, tokens)),
        types=torch.zeros(tokens, dtype=torch.long),
        packing=Packing(lengths=(LENGTH,) * SEQUENCES),
        tasks={TASK.name: rows},
    )


def _memory() -> dict[str, int]:
    """Bytes resident now, once the C library has given back what is free, and their high-water mark."""
    high = _status("VmHWM")
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return {"held": _status("VmRSS"), "peak": high}


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


if __name__ == "__main__":
    main()
