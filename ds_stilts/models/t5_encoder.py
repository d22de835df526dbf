"""mT5's encoder over packed sequences, with the interface of `PackedEncoder`: `[T]` tokens in, `[T, D]` states out.

The wrapped model is untouched (names, weights, `save_pretrained`). Its stack's own `forward` would lay the position
bias out over the whole packed batch, so the stack's parts are called here instead, each as a module: DeepSpeed's hooks
fire at every one. Positions are relative: there is no longest input but memory's.
"""

from typing import Any

import torch
from torch import nn

from ds_stilts.models import t5_attention
from ds_stilts.models.dropout import use_dropout
from ds_stilts.models.encoder import Layer
from ds_stilts.models.packing import Packing
from ds_stilts.models.pairing import Pairing

MAX_TOKENS = 1 << 20
"""Longest input: none that the model sets; tasks and recipes set one."""


class PackedT5Encoder(nn.Module):
    """Runs the encoder of an mT5 or T5 model over packed sequences.

    Args:
        hf: `MT5EncoderModel`, or `MT5ForConditionalGeneration` of which only the encoder is read here.
    """

    max_tokens = MAX_TOKENS

    def __init__(self, hf: Any) -> None:
        super().__init__()
        use_packed_attention(hf.encoder)
        use_dropout(hf)
        self.hf = hf

    @property
    def hidden_size(self) -> int:
        return int(self.hf.config.d_model)

    @property
    def num_layers(self) -> int:
        return int(self.hf.config.num_layers)

    @property
    def dropout(self) -> float:
        """What heads on top of it take over."""
        return float(self.hf.config.dropout_rate)

    def forward(
        self, ids_T: torch.Tensor, packing: Packing, types_T: torch.Tensor | None = None, layer: Layer = None
    ) -> torch.Tensor:
        """Encode packed tokens; arguments and result as those of `PackedEncoder`. There are no token types.

        States of a `layer` below the last are a block's output as it is; only the last has the final LayerNorm.
        """
        states: torch.Tensor = run_stack(self.hf.encoder, ids_T, packing, max(packing.lengths, default=1), layer=layer)
        return states


def use_packed_attention(stack: Any) -> None:
    """Let every block of an mT5 stack attend through `packed_t5_attention`."""
    stack.config._attn_implementation = t5_attention.NAME


def run_stack(
    stack: Any,
    ids_T: torch.Tensor,
    layout: Packing | Pairing | t5_attention.Steps,
    longest: int,
    *,
    sources_TD: torch.Tensor | None = None,
    cache: Any = None,
    layer: Layer = None,
) -> torch.Tensor:
    """What `MT5Stack.forward` computes, on packed tokens.

    Args:
        stack: `MT5Stack`, an encoder or a decoder.
        ids_T: int64 [T].
        layout: see `packed_t5_attention`.
        longest: most tokens of a sequence, with those in the cache.
        sources_TD: encoder states, for a decoder.
        cache: an `EncoderDecoderCache` that keys and values are added to.
        layer: see `PackedEncoder.forward`.

    Returns:
        [T, D] in the model's dtype; of several layers [K, T, D].
    """
    kept = {}
    last = len(stack.block)
    wanted = (last,) if layer is None else layer if isinstance(layer, tuple) else (layer,)
    hidden = stack.dropout(stack.embed_tokens(ids_T.unsqueeze(0)))
    bias = t5_attention.distance_bias(stack.block[0].layer[0].SelfAttention, longest)
    no_bias = t5_attention.NO_BIAS.to(hidden.device)
    sources = None if sources_TD is None else sources_TD.unsqueeze(0)
    for number, block in enumerate(stack.block):
        if number in wanted:
            kept[number] = hidden
        if number >= max(wanted):
            break
        # Positional as in transformers, so that activation checkpointing sees every tensor.
        hidden, _, _ = block(hidden, None, bias, sources, None, no_bias, past_key_values=cache, layout=layout)
    if last in wanted:
        kept[last] = stack.dropout(stack.final_layer_norm(hidden))
    return torch.cat([kept[number] for number in wanted]) if isinstance(layer, tuple) else kept[wanted[0]].squeeze(0)
