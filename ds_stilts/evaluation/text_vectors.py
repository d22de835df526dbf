"""Vectors of plain texts: of each the mean of a model's last hidden states over all tokens, special ones too."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ds_stilts.errors import CheckpointError
from ds_stilts.evaluation.similarity import cut
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.packing import Packing
from ds_stilts.models.t5_encoder import PackedT5Encoder


class TextReader:
    """Args:
    encoder: with values; it is in evaluation mode, and on `device`, from now on.
    tokenizer: its own.
    budget: tokens of a forward pass at most; a longer text has one of its own.
    """

    def __init__(
        self, encoder: PackedEncoder | PackedT5Encoder, tokenizer: Any, *, budget: int, device: torch.device | str
    ) -> None:
        self._encoder, self._tokenizer = encoder.to(device).eval(), tokenizer
        self._budget, self._device = budget, torch.device(device)

    @torch.no_grad()
    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """fp64 [texts, D]; of texts that are too long for the model, of their beginnings.

        Raises:
            CheckpointError: the model's states are not finite.
        """
        ids = self._tokenizer(list(texts), truncation=True, max_length=self._encoder.max_tokens)["input_ids"]
        found: np.ndarray = np.empty((len(texts), self._encoder.hidden_size))
        for places in cut([len(own) for own in ids], self._budget):
            places = sorted(places, key=lambda place: len(ids[place]))
            packing = Packing(lengths=tuple(len(ids[place]) for place in places))
            packed_T = torch.tensor([token for place in places for token in ids[place]], device=self._device)
            states_TD = self._encoder(packed_T, packing).double().cpu()
            for place, own_TD in zip(places, states_TD.split(packing.lengths), strict=True):
                found[place] = own_TD.mean(dim=0).numpy()
        if not np.isfinite(found).all():
            raise CheckpointError("the start model's states are not finite; look at its weights")
        return found
