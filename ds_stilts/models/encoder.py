"""A Hugging Face encoder that reads packed sequences: `[T]` tokens in, `[T, D]` states out, no padding anywhere.

The wrapped model is untouched (parameter names, weights, `save_pretrained`), so Hugging Face is the oracle. What this
adds is the position of each token: XLM-R counts from `padding_idx + 1` (fairseq's convention), BERT from 0. Both are
read from the model, since counting XLM-R from 0 shifts every position silently.
"""

from typing import TypeAlias

import torch
from torch import nn
from transformers import PreTrainedModel

from ds_stilts.errors import CheckpointError
from ds_stilts.models import attention
from ds_stilts.models.dropout import use_dropout
from ds_stilts.models.packing import Packing

Layer: TypeAlias = int | tuple[int, ...] | None
"""Which hidden states: one, several, or the last."""
SUPPORTED = (
    "bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta", "xlm-roberta-xl",
)  # fmt: skip
"""`model_type` of the encoders that are tested to give the same states packed as padded. What they share: absolute
position embeddings that are looked up by position id, and attention that sees the whole sequence."""


def check_supported(model_type: str, name: str) -> None:
    """Raise CheckpointError, naming what is supported, for an architecture that is not known to work packed."""
    if model_type not in SUPPORTED:
        raise CheckpointError(
            f"'{name}' is a model of type '{model_type}', which cannot be read without padding here; the encoders that "
            f"can: {', '.join(SUPPORTED)}"
        )


class PackedEncoder(nn.Module):
    """Runs a BERT- or RoBERTa-like encoder over packed sequences.

    Args:
        hf: the encoder (`XLMRobertaModel`, `BertModel`, …; see `SUPPORTED`), without pooler.
        told_segments: whether its tokenizer tells segment A from B. A model whose tokenizer does not was never told:
            the BERTs that were distilled from XLM-R (MiniLM) have two token types, of which they have met one.
    """

    def __init__(self, hf: PreTrainedModel, *, told_segments: bool = True) -> None:
        super().__init__()
        self.reads_types = told_segments and getattr(hf.config, "type_vocab_size", 0) > 1
        use_dropout(hf)
        self.hf = hf
        self.attend_by(attention.DEFAULT)

    def attend_by(self, way: str) -> None:
        """Take one of `attention.WAYS` from now on; all give the same states but for rounding."""
        self.attention = way
        self.hf.set_attn_implementation(attention.registered(way))

    @property
    def hidden_size(self) -> int:
        return int(self.hf.config.hidden_size)

    @property
    def dropout(self) -> float:
        """Probability with which the encoder drops elements of its states while training."""
        config = self.hf.config
        return float(config.dropout if config.model_type == "distilbert" else config.hidden_dropout_prob)

    @property
    def attention_dropout(self) -> float:
        """Probability with which attention drops what a token looks at while training."""
        config = self.hf.config
        distil = config.model_type == "distilbert"
        return float(config.attention_dropout if distil else config.attention_probs_dropout_prob)

    @property
    def head_width(self) -> int:
        return self.hidden_size // int(self.hf.config.num_attention_heads)

    @property
    def num_layers(self) -> int:
        return int(self.hf.config.num_hidden_layers)

    @property
    def first_position(self) -> int:
        """Position id of a sequence's first token."""
        padding = getattr(self.hf.embeddings.position_embeddings, "padding_idx", None)
        return 0 if padding is None else int(padding) + 1

    @property
    def max_tokens(self) -> int:
        """Longest sequence that has a position for each token."""
        return int(self.hf.config.max_position_embeddings) - self.first_position

    def forward(
        self, ids_T: torch.Tensor, packing: Packing, types_T: torch.Tensor | None = None, layer: Layer = None
    ) -> torch.Tensor:
        """Encode packed tokens.

        Args:
            ids_T: int64 [T].
            packing: division of T into sequences.
            types_T: int64 [T] token types, for models that are told segment A from B; None: all 0.
            layer: which hidden states to return: 0 = embeddings, 1 = first block, …; None: the last; several: all of
                them, from one pass.

        Returns:
            [T, D] in the model's dtype; of several layers [K, T, D].
        """
        types = {"token_type_ids": types_T.unsqueeze(0)} if self.reads_types and types_T is not None else {}
        output = self.hf(
            input_ids=ids_T.unsqueeze(0),
            position_ids=packing.positions(self.first_position, ids_T.device).unsqueeze(0),
            **types,
            packing=packing,
            output_hidden_states=layer is not None,
        )
        if isinstance(layer, tuple):
            return torch.cat([output.hidden_states[number] for number in layer])
        states = output.last_hidden_state if layer is None else output.hidden_states[layer]
        return states.squeeze(0)
