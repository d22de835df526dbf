"""What ranks do in these tests. Each function runs in every rank of a fresh world and returns something picklable."""

import contextlib
import io
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ds_stilts.data.batch import training_batch
from ds_stilts.data.steps import StepPlanner, TaskData
from ds_stilts.engine import checkpoint
from ds_stilts.engine.checkpoint import Cursor
from ds_stilts.engine.choosing import Look
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.export import full_parameters
from ds_stilts.engine.failpoints import VARIABLE
from ds_stilts.engine.loop import train
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.universal import reshape
from ds_stilts.engine.watch import Watch
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError, StoppedCleanly
from ds_stilts.models.depth import encoder_of
from ds_stilts.phases.watching import watch_gradients
from ds_stilts.recipe import Average, Training
from tests.distributed import tiny, tiny_mt5

STEPS = 12


def parity(world: World, config_name: str) -> dict[str, Any]:
    """Twelve steps on the engine: final parameters (rank 0), and which tasks this rank held in each micro-batch."""
    tasks = tiny.data()
    planner = tiny.planner(tasks, world.size)
    hf = tiny.masked_lm()
    objective = Objective(tiny.model(hf), tiny.TASKS)
    engine = training_engine(
        objective, load_engine_config(config_name), tiny.TRAINING, num_steps=STEPS, accumulation=planner.accumulation
    )
    held = []
    for step in range(STEPS):
        share = planner.share(step, world.rank)
        for slots in share.micro_batches:
            held.append(sorted({slot.task for slot in slots}))
            loss, _ = engine(training_batch(slots, tasks, step, tiny.MASKING), share.coefficients)
            engine.backward(loss * (world.size * planner.accumulation))
            engine.step()
    released = sum(
        p.ds_tensor is not None and p.numel() == 0 for p in objective.parameters() if hasattr(p, "ds_tensor")
    )
    parameters = {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}
    return {"parameters": parameters, "held": held, "released": released, "accumulation": planner.accumulation}


def six_steps(world: World, folder: str, config_name: str, crash_at: int | None) -> dict[str, Any]:
    """Train to step 6 with dropout, checkpointing every 3; with `crash_at`, every rank is killed when that step begins.

    Returns (rank 0) final parameters; losses are in the folder's metrics.jsonl.
    """
    fail = "" if crash_at is None else f"loop.step:step{crash_at}=kill"
    parameters: dict[str, Any] = train_tiny(world, folder, config_name, fail=fail)["parameters"]
    return parameters


def six_steps_averaged(world: World, folder: str, config_name: str, crash_at: int | None) -> dict[str, Any]:
    """As `six_steps`, ending with the mean of the weights after steps 2, 4 and 6; saved at every step, all are kept."""
    fail = "" if crash_at is None else f"loop.step:step{crash_at}=kill"
    average = Average(last=3, every=2)
    return train_tiny(world, folder, config_name, every=1, keep=9, average=average, fail=fail)


def parameters_at(world: World, folder: str, config_name: str, step: int) -> dict[str, Any]:
    """Full fp32 parameters (rank 0) of the checkpoint of a step of `train_tiny`."""
    made = build_tiny(world, config_name, "xlmr", 0.1, steps=6)
    checkpoint.load(made.engine, Path(folder) / "checkpoints" / f"step-{step}", world)
    return {name: tensor.numpy() for name, tensor in full_parameters(made.objective, world).items()}


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """A training of a tiny model, ready to begin."""

    engine: Any
    objective: nn.Module
    planner: StepPlanner
    tasks: dict[str, TaskData]
    training: Training
    zero_stage: int


def build_tiny(world: World, config_name: str, model: str, dropout: float, **changes: Any) -> Tiny:
    """Engine and data of `model`, "xlmr" (all formats) or "mt5" (text-to-text); `changes` are those of its recipe."""
    if model == "mt5":
        training = tiny_mt5.TRAINING.model_copy(update=changes)
        tasks, objective = tiny_mt5.text_data(training), tiny_mt5.text_objective(dropout)
    else:
        training = tiny.TRAINING.model_copy(update=changes)
        tasks, objective = tiny.data(training), Objective(tiny.model(tiny.masked_lm(dropout=dropout)), tiny.TASKS)
    watch_gradients(objective, encoder_of(objective), training, "tiny")
    config = load_engine_config(config_name)
    planner = tiny.planner(tasks, world.size, training)
    assert training.steps is not None
    engine = training_engine(objective, config, training, num_steps=training.steps, accumulation=planner.accumulation)
    return Tiny(
        engine=engine, objective=objective, planner=planner, tasks=tasks, training=training,
        zero_stage=config.zero_stage,
    )  # fmt: skip


def train_tiny(
    world: World,
    folder: str,
    config_name: str,
    *,
    model: str = "xlmr",
    steps: int = 6,
    every: int = 3,
    keep: int = 2,
    dropout: float = 0.1,
    curve: Sequence[float] | None = None,
    left_at: int | None = None,
    average: Average | None = None,
    watched: Sequence[int] = (),
    fail: str = "",
) -> dict[str, Any]:
    """Train to a step, going on from what is in the folder; `fail` is what DS_STILTS_FAIL says while it lasts.

    With a `curve`, what a validation after each step finds, the weights of the best step are kept, and training stops
    at the third step in a row that is no better. The validation after step `left_at` is left for a stop.

    Returns final parameters (rank 0), the weight decay of each optimizer group, micro-batches a step, what was said on
    standard error, and the sentence that training was refused or stopped with, or "".
    """
    os.environ[VARIABLE] = fail
    saving = {"checkpoint_every": every, "keep_checkpoints": keep}
    made = build_tiny(
        world, config_name, model, dropout, steps=steps, average=average, gradient_cosines=list(watched), **saving
    )
    watch = None
    if curve is not None:

        def measure() -> Look:
            step = made.engine.global_steps
            if step == left_at:
                raise StoppedCleanly("told to")
            return Look(values={"task": curve[step - 1]})

        watch = Watch(every=1, patience=3, num_steps=steps, measure=measure)
    torch.manual_seed(100 + world.rank)
    refusal = ""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            train(
                made.engine,
                made.planner,
                made.tasks,
                made.training,
                tiny.MASKING,
                num_steps=steps,
                phase="arms/test",
                fingerprint="f",
                zero_stage=made.zero_stage,
                folder=Path(folder),
                world=world,
                stop=StopSource(world, Path(folder)),
                watch=watch,
            )
        except (CheckpointError, StoppedCleanly) as error:
            refusal = str(error)
    os.environ[VARIABLE] = ""
    return {
        "parameters": {name: tensor.numpy() for name, tensor in full_parameters(made.objective, world).items()},
        "read": weights_read(made),
        "decay": [group["weight_decay"] for group in made.engine.optimizer.param_groups],
        "accumulation": made.planner.accumulation,
        "said": said.getvalue(),
        "refusal": refusal,
    }


def weights_read(made: Tiny) -> dict[str, Any]:
    """By parameter, what the forward pass reads, whole and in fp32; a collective."""
    import deepspeed

    found = {}
    for name, parameter in made.objective.named_parameters():
        with deepspeed.zero.GatheredParameters([parameter], enabled=made.zero_stage == 3):
            found[name] = parameter.detach().float().cpu().numpy().copy()
    return found


def load_tiny(world: World, folder: str, config_name: str, *, model: str) -> dict[str, Any]:
    """What the engine holds after it has loaded the newest checkpoint of a `train_tiny` in the folder.

    Returns by parameter the weight that the forward pass reads, its fp32 master and both moments of Adam, all whole
    and in fp32; which checkpoint it was; what the optimizer has counted; its learning rates and weight decays.
    """
    from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

    made = build_tiny(world, config_name, model, 0.0, steps=6)
    here = Cursor(step=0, fingerprint="f", phase="arms/test", world_size=world.size, zero_stage=made.zero_stage)
    found = checkpoint.newest_good(Path(folder) / "checkpoints", here, world)
    assert found is not None
    checkpoint.load(made.engine, found, world)
    if made.zero_stage < 3:
        made.engine.optimizer._lazy_init_hp_params_optimizer_state()  # else the first step finds each one's moments
    held, read = {}, weights_read(made)
    for name, parameter in made.objective.named_parameters():
        moments = [safe_get_full_optimizer_state(parameter, key) for key in ("exp_avg", "exp_avg_sq")]
        kept = [tensor.numpy().copy() for tensor in (safe_get_full_fp32_param(parameter), *moments)]
        held[name] = [read[name], *kept]
    base = made.engine.optimizer.optimizer
    return {
        "held": held,
        "name": found.name,
        "counts": {float(state["step"]) for state in base.state.values()},
        "lr": made.engine.lr_scheduler.get_last_lr(),
        "decay": [group["weight_decay"] for group in base.param_groups],
    }


def train_with_little_room(world: World, folder: str, config_name: str, max_bytes: int) -> dict[str, Any]:
    """As `train_tiny`, saving at every step, but rank 1 cannot write files longer than `max_bytes`."""
    if world.rank == 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, resource.RLIM_INFINITY))
    return train_tiny(world, folder, config_name, every=1)


def reshape_here(world: World, folder: str) -> list[str]:
    """What `ds-stilts reshape` does, in a process that has everything imported already."""
    return [path.name for path in reshape(Path(folder))]


def newest_of_each(world: World, folders: list[str]) -> list[str]:
    """What each checkpoint folder offers: the name of the newest good one, or the sentence that refuses it."""
    here = Cursor(step=0, fingerprint="f", phase="arms/test", world_size=world.size, zero_stage=2)
    found = []
    for folder in folders:
        try:
            path = checkpoint.newest_good(Path(folder), here, world)
            found.append(path.name if path else "none")
        except CheckpointError as error:
            found.append(str(error))
    return found


def stop_while_training(world: World, folder: str) -> str:
    """A stop file is there from the start: the loop must save after its first step and leave with StoppedCleanly."""
    (Path(folder) / "STOP").touch()
    refusal: str = train_tiny(world, folder, "zero2_fp32")["refusal"]
    return refusal
