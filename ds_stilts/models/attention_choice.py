"""Which of the ways of `ds_stilts.models.attention` a model takes: what it can do is tried, not assumed."""

import torch

from ds_stilts.errors import RecipeError
from ds_stilts.models.attention import DEFAULT, WAYS
from ds_stilts.models.packing import Packing

FASTEST = ("varlen", "flash")
"""On a GPU in half precision, in this order, where they work: one kernel for all sequences. Else the default."""
HALF = (torch.bfloat16, torch.float16)
_LENGTHS = (1, 3, 3, 17)
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Of states of about 1 with 24, 8 and 11 bits, and their gradients."""


def choose_attention(asked: str, *, device: torch.device, dtype: torch.dtype, width: int, dropout: float) -> str:
    """The way to take.

    Args:
        asked: a way, or "auto".
        dtype: of the model.
        width: of a head.
        dropout: of attention probabilities, in what the model is about to do: 0 where it only scores.

    Raises:
        RecipeError: the way that was asked for does not work here.
    """
    if asked != "auto":
        reason = why_not(asked, device=device, dtype=dtype, width=width, dropout=dropout)
        if reason:
            raise RecipeError(f"engine.attention: '{asked}' does not work here: {reason}; give another, or `auto`")
        return asked
    if device.type == "cuda" and dtype in HALF:
        for way in FASTEST:
            if why_not(way, device=device, dtype=dtype, width=width, dropout=dropout) is None:
                return way
    return DEFAULT


def why_not(way: str, *, device: torch.device, dtype: torch.dtype, width: int, dropout: float) -> str | None:
    """Why a way cannot be taken; None if it can: a small batch gets the same states and gradients as the oracle's."""
    if way in FASTEST and (device.type != "cuda" or dtype not in HALF):
        return "its kernel needs a GPU and half precision"
    if way == "varlen" and dropout:
        return f"it has no attention dropout, and the model asks for {dropout:g}"
    torch_state = torch.get_rng_state()  # what is tried here must not move what is drawn later
    try:
        generator = torch.Generator().manual_seed(0)
        drawn = [torch.randn(2, sum(_LENGTHS), width, generator=generator) for _ in range(4)]
        states = [part.to(device, dtype).requires_grad_() for part in drawn[:3]]
        upstream = drawn[3].transpose(0, 1).to(device, dtype)
        expected, found = (_try(name, states, upstream) for name in ("eager", way))
    except (RuntimeError, ImportError, ValueError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    finally:
        torch.set_rng_state(torch_state)
    if any(not (a - b).abs().max() <= _TOLERANCE[dtype] for a, b in zip(expected, found, strict=True)):
        return "on a small batch its numbers are not those of plain attention"
    return None


def _try(way: str, states: list[torch.Tensor], upstream: torch.Tensor) -> list[torch.Tensor]:
    packing = Packing(lengths=_LENGTHS)
    attended = WAYS[way](states[0], states[1], states[2], packing, states[0].shape[-1] ** -0.5, 0.0)
    return [attended.detach(), *torch.autograd.grad(attended, states, upstream)]
