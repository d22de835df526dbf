"""Initial values for a model that is still shapes only: under ZeRO-3 each rank reads its own part, else everything.

DeepSpeed partitions a model that is already in memory, on every rank. Here a parameter is made, filled where this rank
keeps it, and partitioned before the next one is made, so that a rank never holds more than its partition and one
parameter; memory that is reserved and not written does not count. Where values come from: `ds_stilts.models.weights`.
"""

from typing import Any

import torch
from torch import nn

from ds_stilts.engine.deepspeed_engine import EngineConfig, for_deepspeed, quiet
from ds_stilts.models.weights import Weights, named_once, replace_parameters


class InitialValues:
    """The fp32 values that an objective's parameters begin with, slice by slice.

    Args:
        objective: encoder and heads, before an engine is built over them.
        weights: source of every parameter of the model that it belongs to; the others (heads) are in memory already and
            equal on all ranks.
    """

    def __init__(self, objective: nn.Module, weights: Weights) -> None:
        self._weights = weights
        sources = {id(parameter): name for name, parameter in named_once(weights.model).items()}
        self._sources: dict[str, str] = {}
        self._kept: dict[str, torch.Tensor] = {}
        for name, parameter in objective.named_parameters():
            if id(parameter) in sources:
                self._sources[name] = sources[id(parameter)]
            else:
                self._kept[name] = parameter.detach().reshape(-1)

    def copy_into(self, name: str, target: torch.Tensor, first: int) -> None:
        """Write elements from `first` on of a flattened parameter into `target`, [n] of any dtype and device."""
        if name in self._kept:
            target.copy_(self._kept[name][first : first + len(target)])
            return
        self._weights.copy_into(self._sources[name], target, first)

    def replace(self, objective: nn.Module, made: dict[int, nn.Parameter]) -> None:
        """Put new parameters into the objective, and into those parts of the model that are tied to it."""
        replace_parameters(objective, made)
        replace_parameters(self._weights.model, made)


def place(objective: nn.Module, weights: Weights | None, config: EngineConfig) -> InitialValues | None:
    """Give an objective its initial values where this rank keeps them; before the engine is built. A collective.

    Args:
        objective: its parameters on the meta device are those of `weights.model`.
        weights: None: the model is in memory already, and nothing is done.

    Returns:
        What `restore_masters` needs.
    """
    if weights is None:
        return None
    values = InitialValues(objective, weights)
    if config.zero_stage == 3:
        _partition(objective, values, config)
    else:
        _fill(objective, values)
    return values


def _fill(objective: nn.Module, values: InitialValues) -> None:
    made: dict[int, nn.Parameter] = {}
    for name, old in objective.named_parameters():
        if old.device.type == "meta":
            made[id(old)] = new = nn.Parameter(torch.empty(old.shape), requires_grad=old.requires_grad)
            values.copy_into(name, new.data.view(-1), 0)
    values.replace(objective, made)


def _partition(objective: nn.Module, values: InitialValues, config: EngineConfig) -> None:
    import deepspeed

    quiet()
    # Given a module, even an empty one, it also puts DeepSpeed's `linear` in place, which keeps no gathered weight.
    init = deepspeed.zero.Init(module=nn.Module(), config_dict_or_path=for_deepspeed(config))
    largest = max(parameter.numel() for parameter in objective.parameters())
    # One buffer for all: what lies between many freed ones of many sizes would never go back to the system.
    buffer = torch.empty(largest, dtype=config.dtype, device=init.local_device)
    made: dict[int, nn.Parameter] = {}
    for name, old in objective.named_parameters():
        whole = buffer[: old.numel()].view(old.shape)
        new = nn.Parameter(whole, requires_grad=old.requires_grad)
        # What `Init` does to each parameter (runtime/zero/partition_parameters.py, _zero_init_param), without sending
        # it whole from rank 0 to all others.
        init._convert_to_deepspeed_param(new)
        first, count = own_range(new)
        if init.zero_param_process_group is not None:  # hpZ: each node keeps a second copy, cut in other places
            first, count = 0, new.numel()
        values.copy_into(name, whole.view(-1)[first : first + count], first)
        new.partition()  # type: ignore[attr-defined]
        made[id(old)] = new
    values.replace(objective, made)


def own_range(parameter: Any) -> tuple[int, int]:
    """First element and number of elements, padding excluded, of what this rank keeps of a ZeRO-3 parameter."""
    size = -(-parameter.ds_numel // parameter.ds_zero_partition_world_size)
    first = min(size * parameter.ds_zero_partition_rank, parameter.ds_numel)
    return first, min(size, parameter.ds_numel - first)


def restore_masters(objective: nn.Module, values: InitialValues | None, config: EngineConfig) -> None:
    """Make the fp32 masters of a bf16 engine the checkpoint's values; after the engine is built. A collective.

    DeepSpeed makes them from the bf16 parameters, so each phase would begin by rounding what the one before learned.
    Parameters that are kept on NVMe stay rounded. Frozen ones have no master: an export takes them from their source.
    """
    if values is None or config.dtype is torch.float32:
        return
    from deepspeed.utils import safe_set_full_fp32_param, safe_set_local_fp32_param

    trained = {name: parameter for name, parameter in objective.named_parameters() if parameter.requires_grad}
    for name, parameter in trained.items():
        if hasattr(parameter, "ds_tensor"):
            if parameter.ds_tensor.numel() != parameter.ds_tensor.ds_numel:
                continue
            first, count = own_range(parameter)
            part = torch.zeros(parameter.ds_tensor.numel())
            values.copy_into(name, part[:count], first)
            safe_set_local_fp32_param(parameter, part)
        else:
            full = torch.empty(parameter.shape)
            values.copy_into(name, full.view(-1), 0)
            if hasattr(parameter, "fp32_master"):  # ZeRO stage 0
                parameter.fp32_master.data.copy_(full)
            else:
                safe_set_full_fp32_param(parameter, full.to(parameter.device))
