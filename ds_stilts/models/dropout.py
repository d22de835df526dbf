"""Dropout for CPUs, where torch's own takes longer than the activation function beside it.

torch draws one double-precision number an element. Here 15 random bits decide, four elements at a draw of the same
generator, so seeds and saved random states work as ever. That takes about half of the time, forward and backward, and
half of what torch keeps for the backward pass (`benchmarks/dropout.py`). Other devices keep torch's.
"""

from typing import Any

import torch
from torch import nn

_BITS = 15
_CHOICES = 1 << _BITS
_LANES = 4
"""Elements that one draw of 64 bits decides."""
_INTEGERS = {torch.float32: torch.int32, torch.bfloat16: torch.int16, torch.float16: torch.int16}
"""Integers as wide as the numbers that they mask."""


class Dropout(nn.Dropout):
    """`nn.Dropout` through `drop`."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return drop(states, self.p) if self.training else states


def use_dropout(model: nn.Module) -> None:
    """Put `Dropout` in the place of every `nn.Dropout` in `model`; nothing that is saved or loaded changes."""
    _exchange(model, nn.Dropout, Dropout)


def use_torch_dropout(model: nn.Module) -> None:
    """The opposite of `use_dropout`."""
    _exchange(model, Dropout, nn.Dropout)


def _exchange(model: nn.Module, old: type[nn.Dropout], new: type[nn.Dropout]) -> None:
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is old:
                setattr(module, name, new(child.p).train(child.training))


def drop(states: torch.Tensor, probability: float) -> torch.Tensor:
    """Zero each element with a probability, and divide the others by the probability of being kept.

    On a CPU the probability is rounded to a multiple of 2^-15, and the elements are scaled for the rounded one: the
    expectation is exact.

    Args:
        states: of any shape; float32, bfloat16 or float16.
        probability: from 0 up to, not including, 1.
    """
    plain = states.device.type != "cpu" or states.dtype not in _INTEGERS or torch.compiler.is_compiling()
    if plain or not 0 < round(probability * _CHOICES) < _CHOICES:
        return nn.functional.dropout(states, probability)
    dropped: torch.Tensor = _Drop.apply(states, round(probability * _CHOICES))
    return dropped


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, threshold: int) -> torch.Tensor:
        mask = _mask(states.numel(), threshold)
        ctx.save_for_backward(mask)
        ctx.scale = _CHOICES / (_CHOICES - threshold)
        return _masked(states, mask, ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        (mask,) = ctx.saved_tensors
        return _masked(gradient, mask, ctx.scale), None


def _mask(count: int, threshold: int) -> torch.Tensor:
    """int16 [count]: all bits set where an element is kept, none where it is dropped.

    Comparing would give truth values, which are slow to multiply with; the sign of a difference, spread over all bits
    by an arithmetic shift, is not.
    """
    draws = torch.empty(-(-count // _LANES), dtype=torch.int64).random_()
    choices = draws.view(torch.int16)[:count].bitwise_and_(_CHOICES - 1)  # random_() leaves the sign bit out
    return choices.neg_().add_(threshold - 1).bitwise_right_shift_(_BITS)


def _masked(states: torch.Tensor, mask: torch.Tensor, scale: float) -> torch.Tensor:
    """The elements that the mask keeps, scaled; 0 for the others."""
    integer = _INTEGERS[states.dtype]
    kept = states.contiguous().view(integer) & mask.to(integer).view(states.shape)
    return kept.view(states.dtype).mul_(scale)
