"""LAMB (You et al. 2020, "Large Batch Optimization for Deep Learning", algorithm 2): Adam's direction for each
parameter, as long as the parameter itself. torch has none, and DeepSpeed's runs on GPUs only and must be compiled."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class Lamb(torch.optim.Optimizer):
    """Args:
    params: parameters or groups. A group with "adapts" False (biases, LayerNorm) gets no trust ratio, as in the
        authors' code: `exclude_from_layer_adaptation` falls back on the names that are excluded from weight decay,
        however much that is.
    lr, betas, eps, weight_decay: as in AdamW.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | list[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "adapts": True})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Groups of older checkpoints do not say whether they adapt: those that decay did."""
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("adapts", group["weight_decay"] != 0)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = 0
                    state["exp_avg"] = torch.zeros_like(parameter)
                    state["exp_avg_sq"] = torch.zeros_like(parameter)
                state["step"] += 1
                state["exp_avg"].lerp_(parameter.grad, 1 - beta1)
                state["exp_avg_sq"].mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
                mean = state["exp_avg"] / (1 - beta1 ** state["step"])
                spread = (state["exp_avg_sq"] / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
                update = mean.div_(spread).add_(parameter, alpha=group["weight_decay"])
                length, of_update = parameter.norm(), update.norm()
                trust = torch.where((length > 0) & (of_update > 0), length / of_update, torch.ones_like(length))
                if not group["adapts"]:
                    trust = torch.ones_like(length)
                parameter.sub_(update.mul_(group["lr"] * trust))
