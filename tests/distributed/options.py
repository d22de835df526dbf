"""Training with recipe keys that only a real engine proves. Functions run in every rank of a fresh world."""

from typing import Any

import numpy as np
import torch

from ds_stilts.data.batch import training_batch
from ds_stilts.engine.deepspeed_engine import load_engine_config, scoring_model, training_engine
from ds_stilts.engine.export import full_parameters
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.world import World
from ds_stilts.models.freezing import freeze_parameters
from ds_stilts.models.lora import add_adapters
from tests.distributed import plain, tiny, tiny_mt5


def train_with(world: World, config: str, changes: dict[str, Any], dropout: float, num_steps: int) -> dict[str, Any]:
    """Train with `changes` to the tiny recipe; losses by micro-batch, gradient norms and what is logged as the learning
    rate by step, and (rank 0) the parameters."""
    training = tiny.TRAINING.model_validate({**tiny.TRAINING.model_dump(), **changes})
    tasks = tiny.data()
    planner = tiny.planner(tasks, world.size)
    objective = Objective(tiny.model(tiny.masked_lm(dropout=dropout)), tiny.TASKS)
    freeze_parameters(objective.model.encoder, training.freeze, "")
    add_adapters(objective.model.encoder, training.lora, "", plain.ADAPTER_SEED)
    engine = training_engine(
        objective,
        load_engine_config(config),
        training,
        num_steps=plain.STEPS,
        accumulation=planner.accumulation,
    )
    torch.manual_seed(100 + world.rank)
    losses, norms, lrs = [], [], []
    for step in range(num_steps):
        share = planner.share(step, world.rank)
        for slots in share.micro_batches:
            loss, _ = engine(training_batch(slots, tasks, step, tiny.MASKING), share.coefficients)
            engine.backward(loss * (world.size * planner.accumulation))
            engine.step()
            losses.append(float(loss.detach()))
        norms.append(float(engine.get_global_grad_norm()))
        lrs.append(float(engine.lr_scheduler.get_last_lr()[0]))
    parameters = {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}
    return {"losses": losses, "norms": norms, "lrs": lrs, "parameters": parameters}


def train_text_with(world: World, config: str, changes: dict[str, Any]) -> dict[str, np.ndarray]:
    """Twelve steps of an mT5 that writes text, with `changes` to its recipe: (rank 0) its parameters."""
    training = tiny_mt5.TRAINING.model_validate({**tiny_mt5.TRAINING.model_dump(), **changes})
    tasks, objective = tiny_mt5.text_data(), tiny_mt5.text_objective()
    planner = tiny.planner(tasks, world.size, training)
    freeze_parameters(objective.model.encoder, training.freeze, "")
    add_adapters(objective.model.encoder, training.lora, "", plain.ADAPTER_SEED)
    engine = training_engine(
        objective,
        load_engine_config(config),
        training,
        num_steps=plain.STEPS,
        accumulation=planner.accumulation,
    )
    for step in range(plain.STEPS):
        share = planner.share(step, world.rank)
        for slots in share.micro_batches:
            loss, _ = engine(training_batch(slots, tasks, step, tiny.MASKING), share.coefficients)
            engine.backward(loss * (world.size * planner.accumulation))
            engine.step()
    return {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}


def score_with(world: World, config: str) -> list[float]:
    """A forward pass of a model that only scores: the first token's state."""
    tasks = tiny.data()
    objective = Objective(tiny.model(tiny.masked_lm()), tiny.TASKS)
    scorer = scoring_model(objective, load_engine_config(config), world.device)
    slots = tiny.planner(tasks, 1).share(0, 0).micro_batches[0]
    with torch.no_grad():
        states, _ = scorer(training_batch(slots, tasks, 0, tiny.MASKING), None)
    return states[0].float().tolist()
