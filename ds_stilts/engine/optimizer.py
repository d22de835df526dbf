"""The optimizer of a phase and its parameter groups. The learning rate over time: `ds_stilts.engine.schedules`."""

from typing import Any

import torch
from torch import nn

from ds_stilts.engine.lamb import Lamb
from ds_stilts.recipe import Training

ONLY_WHOLE = {
    "adafactor": "Adafactor keeps a mean for each row and column of a matrix",
    "lamb": "LAMB sets each parameter's step by the norm of that parameter",
}
"""Optimizers that need each parameter in its own shape, and why. ZeRO 1 to 3 hand the optimizer one flat partition of
all parameters of a group instead: it would run, and compute something else."""


def parameter_groups(model: nn.Module, training: Training) -> list[dict[str, Any]]:
    """Trained parameters by learning rate and weight decay; those with the recipe's full learning rate come first.

    Biases and LayerNorm weights are not decayed (Devlin et al. 2019's optimizer).

    With `layer_lr_decay` d, the parameters of an encoder of L layers have lr · d^(L + 1 - depth), for their depth in
    `ds_stilts.models.depth`: the last layer lr · d, the embeddings lr · d^(L + 1), and all that lies above the encoder
    lr. This is discriminative fine-tuning (Howard & Ruder 2018, §3.2) with the exponents of BEiT's code
    (microsoft/unilm, beit/optim_factory.py); in ELECTRA's (model/optimization.py) those of the encoder are one larger.
    """
    norms = {id(p) for module in model.modules() if _is_norm(module) for p in module.parameters(recurse=False)}
    powers = _slower(model, training.layer_lr_decay)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            plain = id(parameter) in norms or name.endswith("bias")
            groups.setdefault((powers.get(parameter, 0), plain), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": training.lr * training.layer_lr_decay**power,
            "weight_decay": 0.0 if plain else training.weight_decay,
            **({"adapts": not plain} if training.optimizer == "lamb" else {}),
        }
        for (power, plain), parameters in sorted(groups.items(), key=lambda group: group[0])
    ]


def _slower(model: nn.Module, decay: float) -> dict[nn.Parameter, int]:
    """The power of `decay` that an encoder's parameter learns at; nothing where all learn alike."""
    if decay == 1.0:
        return {}
    from ds_stilts.models.depth import depths, encoder_of

    encoder = encoder_of(model)
    return {parameter: encoder.num_layers + 1 - depth for parameter, depth in depths(encoder).items()}


def _is_norm(module: nn.Module) -> bool:
    """LayerNorm, or a model's own variant of it (`MT5LayerNorm`)."""
    return isinstance(module, nn.LayerNorm) or type(module).__name__.endswith(("LayerNorm", "RMSNorm"))


def build_optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    """The optimizer that a recipe asks for.

    "adamw" (Loshchilov & Hutter 2019) is torch's fused one on every device, also where ZeRO keeps the states on the
    CPU: the formula is that of DeepSpeed's FusedAdam and DeepSpeedCPUAdam, the speed on a CPU that of the latter (25
    million fp32 parameters on two cores: 11 to 14 ms a step for both), and no compiler is needed.
    "adafactor" is transformers' with the settings of its T5 guide and of its Trainer: the recipe's learning rate as it
    is, neither relative steps nor parameter scale.
    "lamb": `ds_stilts.engine.lamb`.
    """
    groups = parameter_groups(model, training)
    if training.optimizer == "adafactor":
        from transformers.optimization import Adafactor

        adafactor: torch.optim.Optimizer = Adafactor(
            groups, lr=training.lr, scale_parameter=False, relative_step=False, warmup_init=False
        )
        return adafactor
    adam: dict[str, Any] = {"lr": training.lr, "betas": training.adam_betas, "eps": training.adam_eps}
    if training.optimizer == "lamb":
        return Lamb(groups, **adam)
    return torch.optim.AdamW(groups, **adam, fused=True)
