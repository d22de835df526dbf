"""Vectors of plain texts, against Hugging Face's hidden states of one text at a time."""

import numpy as np
import pytest
import torch

from ds_stilts.errors import CheckpointError
from ds_stilts.evaluation.text_vectors import TextReader
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.t5_encoder import PackedT5Encoder
from tests.small import mt5, mt5_tokenizer, tokenizer, xlmr

TEXTS = ["a sea of words", "b", "", "the law of the land and the sea " * 3, "ab", "c"]


@pytest.mark.parametrize("budget", [1, 30, 10_000])
def test_each_is_the_mean_of_its_own_last_states_whatever_the_batch(budget: int) -> None:
    hf, pieces = xlmr(max_tokens=40).base_model, tokenizer()
    found = TextReader(PackedEncoder(hf), pieces, budget=budget, device="cpu").vectors(TEXTS)
    for own, text in zip(found, TEXTS, strict=True):
        given = pieces(text, truncation=True, max_length=40, return_tensors="pt")
        with torch.no_grad():
            states_TD = xlmr(max_tokens=40).base_model(**given).last_hidden_state[0]
        assert own == pytest.approx(states_TD.double().mean(dim=0).numpy(), abs=1e-5), text


def test_an_mt5s_encoder_gives_them_too() -> None:
    found = TextReader(PackedT5Encoder(mt5()), mt5_tokenizer(), budget=100, device="cpu").vectors(TEXTS[:2])
    for own, text in zip(found, TEXTS, strict=False):
        with torch.no_grad():
            states_TD = mt5().encoder(**mt5_tokenizer()(text, return_tensors="pt")).last_hidden_state[0]
        assert own == pytest.approx(states_TD.double().mean(dim=0).numpy(), abs=1e-5), text


def test_states_that_are_not_finite_are_a_sentence() -> None:
    broken = xlmr()
    with torch.no_grad():
        broken.base_model.embeddings.LayerNorm.weight.fill_(np.nan)
    with pytest.raises(CheckpointError, match="not finite; look at its weights"):
        TextReader(PackedEncoder(broken.base_model), tokenizer(), budget=100, device="cpu").vectors(["a"])
