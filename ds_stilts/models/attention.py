"""The ways in which packed sequences attend, each registered with transformers so that its encoders run unchanged.

No token of one sequence ever sees a token of another, whichever way. Which one a model takes: `attention_choice`.

grouped        SDPA once for each group of equally long sequences, on views of the packed tensors; every device. The
               fastest on a CPU: nested tensors took twice as long there, one block-diagonal mask 1.7 times.
block_diagonal SDPA once, with a mask that keeps sequences apart; every device. Work and memory grow with the square of
               all tokens: only for many short sequences on a device where each call costs more than that.
varlen         torch.nn.attention.varlen, one flash kernel for all; GPUs in half precision, no attention dropout.
flash          the same kernel from the package flash-attn, which has dropout; GPUs in half precision.
eager          plain products and softmax, sequence by sequence: the oracle.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface

from ds_stilts.models.attend import attend
from ds_stilts.models.packing import Packing

DEFAULT = "grouped"

Way = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Packing, float, float], torch.Tensor]
"""(query, key, value [heads, T, width], packing, scale of the scores, dropout of the probabilities) → [T, heads,
width]."""


def registered(way: str) -> str:
    """The name that transformers knows a way by."""
    return f"ds_stilts_{way}"


def grouped(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, scale: float, dropout: float
) -> torch.Tensor:
    """See the module."""
    sizes = [count * length for count, length in packing.groups]
    # `split` has one backward that joins all parts; slices would each add a whole-batch tensor of zeros.
    parts = zip(*(states.split(sizes, dim=1) for states in (query, key, value)), strict=True)
    blocks = []
    for (count, _), part in zip(packing.groups, parts, strict=True):
        dense = [states.unflatten(1, (count, -1)).transpose(0, 1) for states in part]  # [count, heads, length, width]
        attended = attend(*dense, dropout_p=dropout, scale=scale)
        blocks.append(attended.transpose(1, 2).flatten(0, 1))  # [count * length, heads, width]
    return torch.cat(blocks)


def block_diagonal(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, scale: float, dropout: float
) -> torch.Tensor:
    """See the module."""
    owner_T = packing.owners(query.device)
    mask_TT = torch.zeros(len(owner_T), len(owner_T), dtype=query.dtype, device=query.device)
    mask_TT.masked_fill_(owner_T[:, None] != owner_T[None, :], float("-inf"))
    states = (query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0))
    return attend(*states, attn_mask=mask_TT, dropout_p=dropout, scale=scale)[0].transpose(0, 1)


def varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, scale: float, dropout: float
) -> torch.Tensor:
    """See the module."""
    from torch.nn.attention.varlen import varlen_attn

    assert not dropout, "varlen attention has no dropout"
    bounds, longest = packing.bounds(query.device), packing.lengths[-1]
    states = [part.transpose(0, 1).contiguous() for part in (query, key, value)]
    attended = varlen_attn(*states, bounds, bounds, longest, longest, scale=scale)
    assert isinstance(attended, torch.Tensor)
    return attended


def flash(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, scale: float, dropout: float
) -> torch.Tensor:
    """See the module."""
    from flash_attn import flash_attn_varlen_func  # type: ignore[import-not-found]

    bounds, longest = packing.bounds(query.device), packing.lengths[-1]
    states = [part.transpose(0, 1).contiguous() for part in (query, key, value)]
    attended: torch.Tensor = flash_attn_varlen_func(
        *states, bounds, bounds, longest, longest, dropout_p=dropout, softmax_scale=scale
    )
    return attended


def eager(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, scale: float, dropout: float
) -> torch.Tensor:
    """See the module."""
    attended = []
    for start, length in zip(packing.starts, packing.lengths, strict=True):
        q, k, v = (states[:, start : start + length] for states in (query, key, value))
        probabilities = torch.softmax(q @ k.transpose(1, 2) * scale, dim=-1)
        attended.append((nn.functional.dropout(probabilities, dropout) @ v).transpose(0, 1))
    return torch.cat(attended)


WAYS: dict[str, Way] = {
    "grouped": grouped, "block_diagonal": block_diagonal, "varlen": varlen, "flash": flash, "eager": eager,
}  # fmt: skip


def packed_attention(
    way: Way,
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention within each packed sequence, as transformers calls it.

    Args:
        query, key, value: [1, heads, T, head width], T = all packed tokens.
        attention_mask: always None; what may be seen follows from `packing`.
        packing: how the T tokens divide into sequences.

    Returns:
        [1, T, heads, head width], as transformers expects, and no attention weights.
    """
    assert attention_mask is None and query.shape[0] == 1 and query.shape[2] == packing.num_tokens
    dtype = query.dtype
    if query.device.type == "cpu" and dtype is torch.bfloat16:
        # torch 2.13's CPU kernel takes 4 to 10 times as long backward in bf16 as in fp32 at 16 to 80 tokens a sequence,
        # and is no faster forward. Delete when that is mended.
        query, key, value = query.float(), key.float(), value.float()
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return way(query[0], key[0], value[0], packing, scale, dropout).unsqueeze(0).to(dtype), None


for _name, _way in WAYS.items():
    # A name that is not in transformers' mask registry makes it build no mask at all.
    AttentionInterface.register(registered(_name), partial(packed_attention, _way))
