"""Self-attention over packed sequences, registered with transformers so that its encoders run unchanged.

CPU and every device without a varlen kernel: SDPA is called once for each group of equally long sequences, on views of
the packed tensors. Measured on CPU against one call a sequence, nested tensors (0.49 ×) and a block-diagonal mask
(0.58 ×), this was the fastest. No token of one sequence ever sees a token of another.
"""

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface

from ds_stilts.models.packing import Packing

NAME = "ds_stilts_packed"


def packed_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention within each packed sequence.

    Args:
        query, key, value: [1, heads, T, head width], T = all packed tokens.
        attention_mask: always None; what may be seen follows from `packing`.
        packing: how the T tokens divide into sequences.

    Returns:
        [1, T, heads, head width], as transformers expects, and no attention weights.
    """
    assert attention_mask is None and query.shape[0] == 1 and query.shape[2] == packing.num_tokens
    blocks, start = [], 0
    for count, length in packing.groups:
        end = start + count * length

        def block(states: torch.Tensor, start: int = start, end: int = end, count: int = count) -> torch.Tensor:
            return states[0, :, start:end].unflatten(1, (count, -1)).transpose(0, 1)  # [count, heads, length, width]

        attended = nn.functional.scaled_dot_product_attention(
            block(query), block(key), block(value), dropout_p=dropout, scale=scaling
        )
        blocks.append(attended.transpose(1, 2).flatten(0, 1))  # [count * length, heads, width]
        start = end
    return torch.cat(blocks).unsqueeze(0), None


# A name that is not in transformers' mask registry makes it build no mask at all.
AttentionInterface.register(NAME, packed_attention)
