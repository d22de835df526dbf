"""What ranks do in the tests of partitioned loading and of exports; see `tests.distributed.scenarios`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.loading_memory import Peak, resident
from ds_stilts.data.batch import training_batch
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.export import export, full_parameters
from ds_stilts.engine.failpoints import VARIABLE
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.partitioned_loading import place, restore_masters
from ds_stilts.engine.world import World
from ds_stilts.errors import UserError
from ds_stilts.models.heads import build_head
from ds_stilts.models.loading import StartModel, open_start
from ds_stilts.models.multitask import MultiTaskModel
from tests.distributed import tiny

STEPS = 3
_KINDS = {"choice": ("choice", 1), "nli": ("classification", 3), "pos": ("tokens", 4), "qa": ("span", 2)}


def objective_of(start: StartModel) -> Objective:
    """Every kind of head over a start model, seeded."""
    torch.manual_seed(11)
    heads: dict[str, Any] = {
        name: build_head(kind, start.encoder.hidden_size, width, start.encoder.dropout)
        for name, (kind, width) in _KINDS.items()
    }
    return Objective(MultiTaskModel(start.encoder, {**heads, "text": start.language_head}), tiny.TASKS)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model folder on one engine."""

    folder: Path
    config: str
    seed: int = 7
    random_init: bool = False
    whole: bool = False
    """Load everything in every rank and leave partitioning to DeepSpeed."""
    out: Path | None = None
    """Export to this folder in the end."""


def train_from_folders(world: World, cases: list[Case]) -> list[dict[str, Any]]:
    """For each case `train_from_folder`, one engine after the other."""
    return [train_from_folder(world, case) for case in cases]


def train_from_folder(world: World, case: Case) -> dict[str, Any]:
    """A few steps from a model folder: (rank 0) parameters before and after, and the loss of each step."""
    config = load_engine_config(case.config)
    start = open_start(str(case.folder), seed=case.seed, random_init=case.random_init)
    if case.whole:
        assert start.weights is not None
        start.weights.fill()
    objective = objective_of(start)
    values = place(objective, None if case.whole else start.weights, config)
    tasks = tiny.data()
    planner = tiny.planner(tasks, world.size)
    engine = training_engine(
        objective, config, tiny.TRAINING, num_steps=tiny.TRAINING.steps, accumulation=planner.accumulation
    )
    restore_masters(objective, values, config)
    ties = [id(p) for _, p in start.masked_lm.named_parameters(remove_duplicate=False)]
    before = {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}
    losses = []
    for step in range(STEPS):
        share = planner.share(step, world.rank)
        total = torch.zeros(1)
        for slots in share.micro_batches:
            loss, _ = engine(training_batch(slots, tasks, step, tiny.MASKING), share.coefficients)
            total += loss.detach().float()
            engine.backward(loss * (world.size * planner.accumulation))
            engine.step()
        losses.append(float(world.sum(total)))
    after = {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}
    if case.out:
        heads = torch.nn.ModuleDict({name: objective.model.heads[name] for name in _KINDS})
        export(start.masked_lm, heads, start.tokenizer, case.out, world, card="a card", facts={}, max_shard_bytes=9000)
    return {
        "before": before,
        "after": after,
        "losses": losses,
        "tied": len(ties) - len(set(ties)),
        "held": sum(p.ds_tensor.numel() for p in objective.parameters() if hasattr(p, "ds_tensor")),
        "whole": sum(getattr(p, "ds_numel", p.numel()) for p in objective.parameters()),
    }


def memory_of_loading(world: World, folder: str) -> dict[str, float]:
    """Bytes that resident memory rises by while a folder is placed under ZeRO-3, and while it is exported again."""
    torch.set_num_threads(1)
    config = load_engine_config("zero3_fp32")
    open_start(folder)  # brings in what is imported only then
    with Peak(resident()) as loading:
        start = open_start(folder)
        objective = torch.nn.ModuleList([start.masked_lm])
        place(objective, start.weights, config)
    engine = training_engine(objective, config, tiny.TRAINING, num_steps=9, accumulation=1)
    world.barrier()
    with Peak(resident()) as exporting:
        export(start.masked_lm, None, start.tokenizer, Path(folder) / "out", world, card="", facts={})
    assert engine.global_steps == 0
    parts = [4.0 * parameter.ds_numel for parameter in objective.parameters()]
    return {"loading": loading.bytes, "exporting": exporting.bytes, "whole": sum(parts), "largest": max(parts)}


def export_untouched(world: World, folder: str, out: str) -> list[str]:
    """Export a model of which the ranks hold the encoder only; returns the names that stay without values."""
    start = open_start(folder, seed=3)
    place(torch.nn.ModuleList([start.encoder]), start.weights, load_engine_config("zero3_release_fp32"))
    others = {"other.out_proj.bias": torch.tensor([1.0, 2.0])}
    export(
        start.masked_lm, None, start.tokenizer, Path(out), world, card="a card", facts={"stage": "x"},
        kept_heads=others, weights=start.weights,
    )  # fmt: skip
    return [name for name, parameter in start.masked_lm.named_parameters() if parameter.device.type == "meta"]


def export_to_a_full_disk(world: World, folder: str, out: str) -> str:
    """The same on a disk that is full at the third parameter; returns the sentence that it ended with."""
    os.environ[VARIABLE] = "export.parameter:step2=enospc"
    try:
        export_untouched(world, folder, out)
    except UserError as error:
        return str(error)
    return ""
