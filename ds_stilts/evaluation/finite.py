"""Refuses to make predictions of what a model gives when it is not finite: every comparison with NaN is false."""

import torch

from ds_stilts.errors import CheckpointError

REMEDY = (
    "the model's weights are broken, or overflow in the engine's precision: start from another checkpoint, or take an "
    "fp32 config"
)


def check_finite(numbers: torch.Tensor, what: str) -> None:
    """Raise CheckpointError, saying what is not finite, e.g. "task 'xnli': logits"."""
    if not torch.isfinite(numbers).all():
        raise CheckpointError(f"{what} are not finite; {REMEDY}")
