"""T5's attention over packed sequences, registered with transformers so that its blocks run unchanged.

T5 adds to every score a number that depends on how far apart query and key are (Raffel et al. 2020, section 2.1). It
is looked up once a forward pass for every distance that occurs, by `distance_bias`, and laid out here for one length at
a time: nothing of the size of the whole packed batch squared exists. As in `attention`, sequences of equal length are
one SDPA call. Scores are not scaled.

The lookup is one call of the embedding however many lengths a batch holds: under ZeRO-3 each call is a collective, and
ranks hold different lengths.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface

from ds_stilts.models.attend import attend
from ds_stilts.models.packing import Packing
from ds_stilts.models.pairing import Pairing

Attend = Callable[..., torch.Tensor]

NAME = "ds_stilts_packed_t5"
NO_BIAS = torch.zeros(0)
"""What cross-attention, which has no bias, is given as one: transformers would make a whole-batch tensor for None."""


def distance_bias(attention: nn.Module, longest: int) -> torch.Tensor:
    """Bias of every distance between two tokens of a sequence.

    Args:
        attention: the self-attention of a stack's first block, which holds the table for all blocks.
        longest: tokens of the longest sequence.

    Returns:
        [2 longest - 1, heads]: entry `longest - 1 + key position - query position`.
    """
    table = attention.relative_attention_bias
    assert isinstance(table, nn.Embedding)
    distances = torch.arange(1 - longest, longest, device=table.weight.device)
    buckets = attention._relative_position_bucket(  # type: ignore[operator]
        distances,
        bidirectional=not attention.is_decoder,
        num_buckets=attention.relative_attention_num_buckets,
        max_distance=attention.relative_attention_max_distance,
    )
    found: torch.Tensor = table(buckets)
    return found


def packed_t5_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    position_bias: torch.Tensor,
    layout: "Packing | Pairing | Steps",
    scaling: float,
    dropout: float = 0.0,
    **_kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention within each packed sequence, or from each packed target to its own source.

    Args:
        query: [1, heads, T, head width].
        key, value: [1, heads, T or source tokens, head width].
        attention_mask: always None; what may be seen follows from `layout`.
        position_bias: what `distance_bias` gave, or `NO_BIAS` for cross-attention.
        layout: the encoder's packing; the decoder's pairing; or one more step of a generation.

    Returns:
        [1, T, heads, head width], as transformers expects, and no attention weights.
    """
    assert attention_mask is None and query.shape[0] == 1
    dtype = query.dtype
    if query.device.type == "cpu" and dtype is torch.bfloat16:  # as in `attention`: torch 2.13's slow CPU kernel
        query, key, value, position_bias = (states.float() for states in (query, key, value, position_bias))
    states = query[0], key[0], value[0]
    attending = partial(attend, dropout_p=dropout, scale=scaling)
    crosses = position_bias.numel() == 0
    if isinstance(layout, Steps):
        attended = (
            _step_across(*states, layout, attending) if crosses else _step_back(*states, position_bias, attending)
        )
    elif crosses:
        assert isinstance(layout, Pairing)
        attended = _across(*states, layout, attending)
    else:
        packing = layout.targets if isinstance(layout, Pairing) else layout
        attended = _within(*states, packing, position_bias, attending, causal=isinstance(layout, Pairing))
    return attended.unsqueeze(0).to(dtype), None


class Steps:
    """One token of each of S targets that grow in step, target i reading source i.

    Args:
        sources: the packed sources; all their keys are in the cache, and in the cache of the targets' own keys all
            tokens of one step are followed by all of the next.
    """

    def __init__(self, sources: Packing) -> None:
        self.sources = sources


def _within(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packing: Packing,
    bias_KH: torch.Tensor,
    attending: Attend,
    *,
    causal: bool,
) -> torch.Tensor:
    """[T, heads, width] of self-attention; states [heads, T, width]."""
    assert query.shape[1] == packing.num_tokens
    sizes = [count * length for count, length in packing.groups]
    parts = zip(*(states.split(sizes, dim=1) for states in (query, key, value)), strict=True)
    blocks = []
    for (count, length), part in zip(packing.groups, parts, strict=True):
        dense = [states.unflatten(1, (count, length)).transpose(0, 1) for states in part]
        place = torch.arange(length, device=query.device)
        distances = place[None, :] - place[:, None]
        bias = bias_KH[distances + bias_KH.shape[0] // 2].permute(2, 0, 1)  # [heads, length, length]
        if causal:
            bias = bias.masked_fill(distances > 0, float("-inf"))
        blocks.append(_joined(attending(*dense, attn_mask=bias[None])))
    return torch.cat(blocks)


def _across(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, pairing: Pairing, attending: Attend
) -> torch.Tensor:
    """[U, heads, width] of cross-attention; query [heads, U, width], key and value [heads, T, width]."""
    index = pairing.source_tokens.to(key.device)
    key, value = key.index_select(1, index), value.index_select(1, index)
    num_queries = [count * length for count, length, _ in pairing.groups]
    num_keys = [count * length for count, _, length in pairing.groups]
    parts = zip(query.split(num_queries, dim=1), key.split(num_keys, dim=1), value.split(num_keys, dim=1), strict=True)
    blocks = []
    for (count, _, _), part in zip(pairing.groups, parts, strict=True):
        dense = [states.unflatten(1, (count, -1)).transpose(0, 1) for states in part]
        blocks.append(_joined(attending(*dense)))
    return torch.cat(blocks)


def _step_back(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias_KH: torch.Tensor, attending: Attend
) -> torch.Tensor:
    """[S, heads, width]: the newest token of each target looks back; key [heads, n S, width]."""
    num_targets = query.shape[1]
    dense = [states.unflatten(1, (-1, num_targets)).permute(2, 0, 1, 3) for states in (query, key, value)]
    num_steps = dense[1].shape[2]
    back = bias_KH[bias_KH.shape[0] // 2 + 1 - num_steps : bias_KH.shape[0] // 2 + 1]  # distances 1 - n to 0
    bias = back.transpose(0, 1)[None, :, None]  # [1, heads, 1, n]
    return _joined(attending(*dense, attn_mask=bias))


def _step_across(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, steps: Steps, attending: Attend
) -> torch.Tensor:
    """[S, heads, width]: the newest token of each target reads its source."""
    sizes = [count * length for count, length in steps.sources.groups]
    counts = [count for count, _ in steps.sources.groups]
    parts = zip(query.split(counts, dim=1), key.split(sizes, dim=1), value.split(sizes, dim=1), strict=True)
    blocks = []
    for count, part in zip(counts, parts, strict=True):
        dense = [states.unflatten(1, (count, -1)).transpose(0, 1) for states in part]
        blocks.append(_joined(attending(*dense)))
    return torch.cat(blocks)


def _joined(attended: torch.Tensor) -> torch.Tensor:
    """[count, heads, length, width] as packed tokens [count * length, heads, width]."""
    return attended.transpose(1, 2).flatten(0, 1)


# A name that is not in transformers' mask registry makes it build no mask at all.
AttentionInterface.register(NAME, packed_t5_attention)
