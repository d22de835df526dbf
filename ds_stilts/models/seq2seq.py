"""mT5 text-to-text over packed sequences: sources in, for every target token its cross entropy; or one step of writing.

The wrapped model is untouched, so Hugging Face is the oracle. mT5's output matrix is not its word embedding (unlike
T5 v1.0's), so decoder states reach it unscaled. Only target positions reach it: there are no others.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy

from ds_stilts.models.packing import Packing
from ds_stilts.models.pairing import Pairing
from ds_stilts.models.t5_attention import Steps
from ds_stilts.models.t5_encoder import PackedT5Encoder, run_stack, use_packed_attention
from ds_stilts.recipe import Architecture


class OutputMatrix(nn.Linear):
    """An output layer that can be asked for some tokens only: of a vocabulary of 250,112, two or three labels'."""

    def forward(self, states_ND: torch.Tensor, tokens: list[int] | None = None) -> torch.Tensor:
        """Logits [N, vocabulary], or [N, tokens]. The weight is read in here, where ZeRO-3 has it gathered.

        `linear` is looked up at each call: under ZeRO-3 DeepSpeed puts one there that keeps no gathered weight.
        """
        return functional.linear(states_ND, self.weight if tokens is None else self.weight[tokens], self.bias)


class PackedSeq2Seq(nn.Module):
    """Args:
    encoder: over the `MT5ForConditionalGeneration` that also holds the decoder.
    """

    def __init__(self, encoder: PackedT5Encoder) -> None:
        super().__init__()
        use_packed_attention(encoder.hf.decoder)
        encoder.hf.lm_head.__class__ = OutputMatrix  # the same module, parameter and name
        self.encoder = encoder
        self.heads = nn.ModuleDict()
        """None: every task is text."""

    @property
    def start_id(self) -> int:
        """What a target's first token is predicted from."""
        return int(self.encoder.hf.config.decoder_start_token_id)

    def target_states(self, sources_TD: torch.Tensor, targets_U: torch.Tensor, pairing: Pairing) -> torch.Tensor:
        """The decoder's states [U, D] from which each target token is predicted, given those before it.

        Args:
            sources_TD: states of the packed sources.
            targets_U: int64 [U], the packed targets.
            pairing: how targets divide and what they read.
        """
        starts = torch.tensor(pairing.targets.starts, dtype=torch.long, device=targets_U.device)
        inputs_U = targets_U.roll(1).index_fill(0, starts, self.start_id)
        longest = max(pairing.targets.lengths, default=1)
        return run_stack(self.encoder.hf.decoder, inputs_U, pairing, longest, sources_TD=sources_TD)

    def losses(self, states_UD: torch.Tensor, targets_U: torch.Tensor) -> torch.Tensor:
        """Cross entropy of each target token, fp32 [U]. The negative log-likelihood of a target is the sum over its
        tokens."""
        return cross_entropy(self.encoder.hf.lm_head(states_UD).float(), targets_U, reduction="none")

    def logits_of(self, states_ND: torch.Tensor, tokens: list[int]) -> torch.Tensor:
        """Logits of some tokens only, fp32 [N, tokens], from decoder states [N, D]."""
        logits: torch.Tensor = self.encoder.hf.lm_head(states_ND, tokens=tokens)
        return logits.float()

    def token_losses(self, sources_TD: torch.Tensor, targets_U: torch.Tensor, pairing: Pairing) -> torch.Tensor:
        """`losses` of the `target_states`."""
        return self.losses(self.target_states(sources_TD, targets_U, pairing), targets_U)

    def next_logits(self, writing: "Writing", tokens_S: torch.Tensor | None = None) -> torch.Tensor:
        """Logits [S, vocabulary] of what follows one more token of each target, target i reading source i.

        Args:
            writing: what was written before; this step is added to it.
            tokens_S: int64 [S], in packed order of the sources; None in the first step.
        """
        if tokens_S is None:
            count = len(writing.sources.lengths)
            tokens_S = torch.full((count,), self.start_id, device=writing.sources_TD.device)
        writing.num_steps += 1
        hf = self.encoder.hf
        states = run_stack(
            hf.decoder,
            tokens_S,
            Steps(writing.sources),
            writing.num_steps,
            sources_TD=writing.sources_TD,
            cache=writing.cache,
        )
        logits: torch.Tensor = hf.lm_head(states)
        return logits


def untied(model: Any) -> Any:
    """Give an mT5 an output matrix of its own, on the device and of the values of the embedding; returns the model.

    transformers ties the two whatever the config says, unless it finds both in a checkpoint, with different values
    (`MT5Config.__post_init__` and `PreTrainedModel.tie_weights` of 5.23). mT5's checkpoints have both.
    """
    if model.lm_head.weight is model.shared.weight:
        model.lm_head.weight = nn.Parameter(model.shared.weight.detach().clone())
    model.config.tie_word_embeddings = False  # so that nothing ties them again
    model.all_tied_weights_keys.pop("lm_head.weight", None)
    return model


def make_mt5(architecture: Architecture, vocabulary_size: int, tokenizer: Any) -> Any:
    """A random mT5 of an `architecture` section, in training mode.

    transformers initialises the output matrix like the embedding, with a standard deviation of 1, which tied or scaled
    models need. Here it is width ** -0.5, that of the other matrices, so that first logits are near 0 and 1.
    """
    from transformers import MT5Config, MT5ForConditionalGeneration

    config = MT5Config(
        vocab_size=vocabulary_size,
        d_model=architecture.hidden_size,
        d_kv=architecture.hidden_size // architecture.heads,
        d_ff=architecture.intermediate_size,
        num_layers=architecture.layers,
        num_heads=architecture.heads,
        dropout_rate=architecture.dropout,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    model = untied(MT5ForConditionalGeneration(config))
    nn.init.normal_(model.lm_head.weight, std=architecture.hidden_size**-0.5)
    return model.train()


class Writing:
    """Targets that grow by a token a step: their sources' states, and keys and values of what is written.

    Args:
        sources_TD: states of the packed sources.
    """

    def __init__(self, sources_TD: torch.Tensor, sources: Packing) -> None:
        from transformers import DynamicCache, EncoderDecoderCache

        self.sources_TD, self.sources = sources_TD, sources
        self.cache: Any = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self.num_steps = 0
