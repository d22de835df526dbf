"""AdamW and the learning-rate schedule, as the BERT family is fine-tuned."""

from collections.abc import Callable

import torch
from torch import nn

from ds_stilts.recipe import Training


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Two groups: decayed, and biases and LayerNorm weights, which are not (Devlin et al. 2019's optimizer)."""
    norms = {id(p) for module in model.modules() if isinstance(module, nn.LayerNorm) for p in module.parameters()}
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (plain if id(parameter) in norms or name.endswith("bias") else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def adamw(model: nn.Module, training: Training) -> torch.optim.AdamW:
    """Fused AdamW (Loshchilov & Hutter 2019) from torch: needs no compiled DeepSpeed op on any device."""
    return torch.optim.AdamW(
        parameter_groups(model, training.weight_decay),
        lr=training.lr,
        betas=training.adam_betas,
        eps=training.adam_eps,
        fused=True,
    )


def schedule(training: Training, num_steps: int) -> Callable[[int], float]:
    """Factor of the learning rate at a step: linear warm-up from 0, then linear decay to 0 or constant.

    The formula of transformers' `get_linear_schedule_with_warmup`.
    """
    warmup = round(training.warmup * num_steps)

    def factor(step: int) -> float:
        if step < warmup:
            return step / max(1, warmup)
        if training.schedule == "constant":
            return 1.0
        return max(0.0, (num_steps - step) / max(1, num_steps - warmup))

    return factor
