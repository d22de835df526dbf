"""Builds the DeepSpeed engine of a phase from a shipped or user-given JSON and the recipe."""

import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ds_stilts.engine.optimizer import adamw, schedule
from ds_stilts.errors import RecipeError
from ds_stilts.recipe import Training
from ds_stilts.resources import config_path

_OURS = {
    "train_batch_size": "batch_examples",
    "train_micro_batch_size_per_gpu": "micro_batch_tokens",
    "gradient_accumulation_steps": "micro_batch_tokens",
    "gradient_clipping": "clip",
    "optimizer": "lr, weight_decay, adam_betas and adam_eps",
    "scheduler": "schedule and warmup",
}


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """A DeepSpeed JSON that fits beside a recipe."""

    name: str
    values: dict[str, Any]

    @property
    def zero_stage(self) -> int:
        return int(self.values.get("zero_optimization", {}).get("stage", 0))

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.values.get("bf16", {}).get("enabled") else torch.float32


def load_engine_config(name_or_path: str) -> EngineConfig:
    """Read a file of `ds_configs/` by name, or a user's JSON.

    Raises:
        RecipeError: not found, not JSON, fp16 (not supported here), or a key that the recipe decides.
    """
    path = Path(name_or_path) if Path(name_or_path).is_file() else config_path(name_or_path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RecipeError(f"{path}, line {error.lineno}: not valid JSON ({error.msg})") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: a DeepSpeed JSON is an object, found {type(values).__name__}")
    for key, ours in _OURS.items():
        if key in values:
            raise RecipeError(f"{path}: '{key}' is decided by the recipe ({ours}); remove it from the DeepSpeed JSON")
    if values.get("fp16", {}).get("enabled"):
        raise RecipeError(f"{path}: fp16 is not supported; enable bf16 instead, which needs no loss scaling")
    return EngineConfig(name=path.stem, values=values)


def training_engine(
    objective: nn.Module, config: EngineConfig, training: Training, *, num_steps: int, accumulation: int
) -> Any:
    """A DeepSpeed engine that trains `objective` with client AdamW, schedule, clipping and accumulation."""
    import deepspeed

    quiet()
    optimizer = adamw(objective, training)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule(training, num_steps))
    engine, *_ = deepspeed.initialize(
        model=objective,
        optimizer=optimizer,
        lr_scheduler=scheduler,
        dist_init_required=False,
        config={
            **config.values,
            "train_micro_batch_size_per_gpu": 1,  # micro-batches are token budgets; DeepSpeed only counts them
            "gradient_accumulation_steps": accumulation,
            "gradient_clipping": training.clip,
        },
    )
    return engine


def scoring_model(model: nn.Module, config: EngineConfig, device: torch.device) -> nn.Module:
    """The model ready for forward passes only: partitioned by an engine without optimizer under ZeRO-3, else as it is.

    ZeRO-1 and 2 partition only optimizer states and gradients, of which scoring has none.
    """
    import deepspeed

    quiet()
    if config.zero_stage < 3:
        return model.to(device, config.dtype).eval()
    engine, *_ = deepspeed.initialize(
        model=model.to(config.dtype),
        dist_init_required=False,
        config={**config.values, "train_micro_batch_size_per_gpu": 1},
    )
    engine.eval()
    scored: nn.Module = engine
    return scored


def quiet() -> None:
    """DeepSpeed says a page at every start, and calls torch in ways that torch warns its own users about."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    logging.getLogger("deepspeed").setLevel(logging.WARNING)
