"""Attention of dense blocks, as the packed attentions call it for each group of equally long sequences."""

import torch
from torch import nn

from ds_stilts.models.dropout import drop


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    scale: float | None = None,
) -> torch.Tensor:
    """What `torch.nn.functional.scaled_dot_product_attention` computes, and through it, but for dropout on a CPU.

    torch has no fused kernel for that: it falls back to separate products and a dropout which costs more than both.
    The same products with `ds_stilts.models.dropout` take about two thirds of the time (`benchmarks/dropout.py`).

    Args:
        query, key, value: [count, heads, length, width].
        attn_mask: added to the scores; broadcastable to them.
        dropout_p: of the attention probabilities.
        scale: of the scores; None: width ** -0.5.
    """
    if query.device.type != "cpu" or not dropout_p:
        return nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=attn_mask, dropout_p=dropout_p, scale=scale
        )
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = torch.matmul(query * factor if factor != 1.0 else query, key.transpose(-1, -2))
    if attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(drop(scores.softmax(dim=-1), dropout_p), value)
