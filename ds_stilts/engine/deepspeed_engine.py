"""Builds the DeepSpeed engine of a phase from a shipped or user-given JSON and the recipe.

What such a JSON may say: `ds_stilts.engine.ds_config`. What it and a recipe can do together, and on which machine:
`ds_stilts.engine.fit`.
"""

import json
import logging
import os
import socket
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from ds_stilts.engine.ds_config import AUTO, PER_NODE, check_values
from ds_stilts.engine.layers import prepare_layers
from ds_stilts.engine.optimizer import build_optimizer
from ds_stilts.engine.schedules import schedule
from ds_stilts.errors import ClusterError, RecipeError
from ds_stilts.recipe import Training
from ds_stilts.resources import config_path


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """A DeepSpeed JSON that fits beside a recipe."""

    name: str
    values: dict[str, Any]

    @property
    def zero(self) -> dict[str, Any]:
        """The section `zero_optimization`."""
        section: dict[str, Any] = self.values.get("zero_optimization", {})
        return section

    @property
    def zero_stage(self) -> int:
        return int(self.zero.get("stage", 0))

    @property
    def whole(self) -> "EngineConfig":
        """The same numbers with everything on every rank, for scoring without partitions."""
        return replace(self, values={**self.values, "zero_optimization": {"stage": 0}})

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.values.get("bf16", {}).get("enabled") else torch.float32

    @property
    def nvme_folders(self) -> list[str]:
        """Folders that optimizer states or parameters are kept in, as the JSON writes them."""
        sections = [self.zero.get(key) or {} for key in ("offload_optimizer", "offload_param")]
        return [str(section.get("nvme_path", "")) for section in sections if section.get("device") == "nvme"]


def load_engine_config(name_or_path: str) -> EngineConfig:
    """Read a file of `ds_configs/` by name, or a user's JSON.

    Raises:
        RecipeError: not found, not JSON, or something that `check_values` refuses.
    """
    path = Path(name_or_path) if Path(name_or_path).is_file() else config_path(name_or_path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RecipeError(f"{path}, line {error.lineno}: not valid JSON ({error.msg})") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: a DeepSpeed JSON is an object, found {type(values).__name__}")
    check_values(values, path)
    return EngineConfig(name=path.stem, values=values)


def training_engine(
    objective: nn.Module, config: EngineConfig, training: Training, *, num_steps: int, accumulation: int
) -> Any:
    """A DeepSpeed engine that trains `objective` with the recipe's optimizer, schedule, clipping and accumulation.

    A collective.

    Raises:
        RecipeError: the warm-up leaves no step, or the model's layers cannot be recomputed or compiled.
        ClusterError: nodes have different numbers of ranks where the JSON asks for the number per node.
    """
    import deepspeed

    quiet()
    prepare_layers(objective, training)
    optimizer = build_optimizer(objective, training)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule(training, num_steps))
    engine, *_ = deepspeed.initialize(
        model=objective,
        optimizer=optimizer,
        lr_scheduler=scheduler,
        dist_init_required=False,
        config={
            **for_deepspeed(config),
            "gradient_accumulation_steps": accumulation,
            "gradient_clipping": training.clip,
        },
    )
    if config.zero_stage == 0:
        _mend_stage_0(engine, config)
    return engine


def scoring_model(model: nn.Module, config: EngineConfig, device: torch.device) -> nn.Module:
    """The model ready for forward passes only: partitioned by an engine without optimizer under ZeRO-3, else as it is.

    ZeRO-1 and 2 partition only optimizer states and gradients, of which scoring has none.
    """
    import deepspeed

    quiet()
    if config.zero_stage < 3:
        return model.to(device, config.dtype).eval()
    values = for_deepspeed(config)
    # hpZ's second copy serves the backward pass, and DeepSpeed 0.19.8 cannot make it without an optimizer: its
    # engine calls a method that is not there (runtime/engine.py, _set_zero_group_parallelism).
    values["zero_optimization"].pop(PER_NODE, None)
    engine, *_ = deepspeed.initialize(model=model.to(config.dtype), dist_init_required=False, config=values)
    engine.eval()
    scored: nn.Module = engine
    return scored


def quiet() -> None:
    """DeepSpeed says a page at every start, and calls torch in ways that torch warns its own users about."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    logging.getLogger("deepspeed").setLevel(logging.WARNING)


def for_deepspeed(config: EngineConfig) -> dict[str, Any]:
    """The JSON with what depends on machine and ranks filled in; a collective."""
    from deepspeed.accelerator import get_accelerator

    zero = dict(config.zero)
    for key in ("offload_optimizer", "offload_param"):
        if (zero.get(key) or {}).get("device") == "nvme":
            zero[key] = {**zero[key], "nvme_path": os.path.expandvars(str(zero[key].get("nvme_path", "")))}
    if zero.get(PER_NODE) == AUTO:
        zero[PER_NODE] = _ranks_per_node()
    if config.zero_stage in (1, 2) and get_accelerator().device_name() == "cpu":
        # Nothing overlaps where there are no streams: gradients would be copied into a second bucket for nothing.
        zero["overlap_comm"] = False
    return {
        **config.values,
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "train_micro_batch_size_per_gpu": 1,  # micro-batches are token budgets; DeepSpeed only counts them
    }


def _ranks_per_node() -> int:
    hosts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(hosts, socket.gethostname())
    counts = Counter(hosts)
    if len(set(counts.values())) > 1:
        raise ClusterError(
            f'zero_optimization.{PER_NODE}: "auto" needs the same number of ranks on every node, found {dict(counts)}'
        )
    return len(hosts) // len(counts)


def _mend_stage_0(engine: Any, config: EngineConfig) -> None:
    """Make stage 0 keep what the other stages keep. Seen in DeepSpeed 0.19.8; delete what a test no longer needs.

    bf16 (runtime/fp16/unfused_optimizer.py): an optimizer step with zero gradients at the start leaves Adam's counter
    one ahead, which makes the first update 0.74 of what it should be, and decays the weights where there is no warm-up.
    And the fp32 masters are out of reach of `safe_get_full_fp32_param`, so that an export would take their rounding.

    fp32 (runtime/engine.py, clip_fp32_gradients): the gradient norm is computed for clipping and thrown away.
    """
    if config.dtype is torch.bfloat16:
        wrapper = engine.optimizer
        wrapper.optimizer.state.clear()
        wrapper.refresh_fp32_params()
        for halves, masters in zip(wrapper.fp16_groups, wrapper.fp32_groups, strict=True):
            for half, master in zip(halves, masters, strict=True):
                half.fp32_master = master
        return

    def clip() -> None:
        norm = nn.utils.clip_grad_norm_(engine.module.parameters(), engine.gradient_clipping())
        engine.optimizer._global_grad_norm = float(norm)

    engine.clip_fp32_gradients = clip
