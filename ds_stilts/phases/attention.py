"""Sets how a stage's model attends, on all ranks alike."""

import torch

from ds_stilts.engine.world import World
from ds_stilts.models import t5_attention
from ds_stilts.models.attention import DEFAULT
from ds_stilts.models.attention_choice import choose_attention
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.t5_encoder import PackedT5Encoder


def set_attention(
    encoder: PackedEncoder | PackedT5Encoder, asked: str, world: World, dtype: torch.dtype, *, trains: bool
) -> str:
    """Let an encoder attend in the way that is asked for, or for "auto" in the fastest that works; returns its name.

    A collective: where ranks would choose differently, all take the default.

    Args:
        asked: `engine.attention` of the recipe; mT5 has one way only (see `phases.checks`).
        dtype: of the model.
        trains: whether attention dropout counts.

    Raises:
        RecipeError: the way that was asked for does not work here.
    """
    if isinstance(encoder, PackedT5Encoder):
        return t5_attention.NAME
    way = choose_attention(
        asked,
        device=world.device,
        dtype=dtype,
        width=encoder.head_width,
        dropout=encoder.attention_dropout if trains else 0.0,
    )
    way = way if len(set(world.gather(way))) == 1 else DEFAULT
    encoder.attend_by(way)
    return way
