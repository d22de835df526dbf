"""Depths of parameters, worked out here from their names, for every architecture that is supported."""

import re

import pytest
from torch import nn
from transformers import MT5EncoderModel

from ds_stilts.models.depth import depths, encoder_of
from ds_stilts.models.encoder import SUPPORTED, PackedEncoder
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.models.seq2seq import PackedSeq2Seq
from ds_stilts.models.t5_encoder import PackedT5Encoder
from tests.models.test_architectures import build
from tests.small import mt5


@pytest.mark.parametrize("kind", SUPPORTED)
def test_every_encoder_parameter_has_the_depth_that_its_name_says(kind: str) -> None:
    encoder = PackedEncoder(build(kind).base_model)
    found = depths(encoder)
    named = dict(encoder.hf.named_parameters())
    assert found.keys() == set(named.values())
    for name, parameter in named.items():
        layer = re.match(r"(?:encoder|transformer)\.layer\.(\d)\.", name)
        expected = int(layer[1]) + 1 if layer else 3 if name.startswith("encoder.LayerNorm.") else 0
        assert found[parameter] == expected, name
    assert {name.split(".")[0] for name, p in named.items() if found[p] == 0} <= {"embeddings", "embeddings_project"}
    assert set(found.values()) == {0, 1, 2, 3}


@pytest.mark.parametrize("alone", [True, False])
def test_of_mt5_the_encoder_has_depths_and_what_it_does_not_share_with_the_decoder(alone: bool) -> None:
    whole = mt5()
    hf = MT5EncoderModel(whole.config) if alone else whole
    found = depths(PackedT5Encoder(hf))
    names = {name: found[parameter] for name, parameter in hf.named_parameters() if parameter in found}
    assert names["shared.weight"] == 0
    assert names["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] == 1
    assert names["encoder.block.0.layer.1.DenseReluDense.wo.weight"] == 1
    assert names["encoder.block.1.layer.0.SelfAttention.q.weight"] == 2
    assert names["encoder.final_layer_norm.weight"] == 2
    assert {name.split(".")[0] for name in names} == {"shared", "encoder"}


def test_the_encoder_is_found_in_whatever_is_trained() -> None:
    encoder = PackedEncoder(build("bert").base_model)
    assert encoder_of(MultiTaskModel(encoder, {"a": nn.Linear(32, 2)})) is encoder
    text = PackedT5Encoder(mt5())
    assert encoder_of(PackedSeq2Seq(text)) is text
