"""The packed encoder against Hugging Face's own on padded input, which is the oracle: fp32, 1e-5."""

import pytest
import torch
from transformers import PreTrainedModel

from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.packing import Packing
from tests.small import bert, xlmr

LENGTHS = (1, 1, 2, 3, 3, 3, 17, 64, 64, 128, 301, 511, 512, 512)
PADDING = {"xlmr": 1, "bert": 0}


def build(kind: str) -> PreTrainedModel:
    model: PreTrainedModel = (xlmr() if kind == "xlmr" else bert()).base_model
    return model


def sequences(seed: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(4, 32, (length,), generator=generator) for length in LENGTHS]


def padded(
    model: PreTrainedModel, kind: str, parts: list[torch.Tensor], types: list[torch.Tensor] | None = None
) -> list[list[torch.Tensor]]:
    """hidden_states of each sequence, from one padded batch with an attention mask."""
    rows = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=PADDING[kind])
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(part) for part in parts], batch_first=True)
    kinds = torch.nn.utils.rnn.pad_sequence(types, batch_first=True) if types else None
    with torch.no_grad():
        states = model(
            input_ids=rows, attention_mask=mask, token_type_ids=kinds, output_hidden_states=True
        ).hidden_states
    return [[layer[i, : len(part)] for layer in states] for i, part in enumerate(parts)]


def largest_difference(states: torch.Tensor, expected: list[torch.Tensor]) -> float:
    return float((states - torch.cat(expected)).abs().max())


@pytest.fixture(scope="module", params=["xlmr", "bert"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def oracle(kind: str) -> list[list[torch.Tensor]]:
    return padded(build(kind), kind, sequences())


def test_packed_states_equal_the_padded_hugging_face_model(kind: str, oracle: list[list[torch.Tensor]]) -> None:
    encoder = PackedEncoder(build(kind))
    with torch.no_grad():
        states = encoder(torch.cat(sequences()), Packing(lengths=LENGTHS))
    assert states.shape == (sum(LENGTHS), encoder.hidden_size)
    assert largest_difference(states, [layers[-1] for layers in oracle]) <= 1e-5


def test_the_layer_is_the_index_into_hugging_faces_hidden_states(kind: str, oracle: list[list[torch.Tensor]]) -> None:
    encoder = PackedEncoder(build(kind))
    assert encoder.num_layers == 3
    for layer in range(4):
        with torch.no_grad():
            states = encoder(torch.cat(sequences()), Packing(lengths=LENGTHS), layer=layer)
        assert largest_difference(states, [layers[layer] for layers in oracle]) <= 1e-5
        assert largest_difference(states, [layers[layer - 1] for layers in oracle]) > 1e-2


def test_several_layers_come_from_one_pass_bit_for_bit(kind: str) -> None:
    encoder = PackedEncoder(build(kind)).eval()
    with torch.no_grad():
        several = encoder(torch.cat(sequences()), Packing(lengths=LENGTHS), layer=(3, 0, 2))
        for states, layer in zip(several, (3, 0, 2), strict=True):
            assert torch.equal(states, encoder(torch.cat(sequences()), Packing(lengths=LENGTHS), layer=layer))


def test_counting_xlm_r_positions_from_zero_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = padded(build("xlmr"), "xlmr", sequences())
    encoder = PackedEncoder(build("xlmr"))
    assert encoder.first_position == 2
    monkeypatch.setattr(PackedEncoder, "first_position", 0)
    with torch.no_grad():
        states = encoder(torch.cat(sequences()), Packing(lengths=LENGTHS))
    assert largest_difference(states, [layers[-1] for layers in oracle]) > 1e-3


def test_bert_counts_positions_from_zero_and_both_read_512_tokens() -> None:
    assert PackedEncoder(build("bert")).first_position == 0
    assert [PackedEncoder(build(kind)).max_tokens for kind in ("bert", "xlmr")] == [512, 512]


def test_bert_reads_token_types_and_xlm_r_has_none() -> None:
    types = [(torch.arange(length) * 2 >= length).long() for length in LENGTHS]
    oracle = padded(build("bert"), "bert", sequences(), types)
    ids, packing = torch.cat(sequences()), Packing(lengths=LENGTHS)
    with torch.no_grad():
        encoder = PackedEncoder(build("bert"))
        states = encoder(ids, packing, torch.cat(types))
        assert largest_difference(states, [layers[-1] for layers in oracle]) <= 1e-5
        assert float((states - encoder(ids, packing)).abs().max()) > 1e-2
        encoder = PackedEncoder(build("xlmr"))
        assert torch.equal(encoder(ids, packing, torch.cat(types)), encoder(ids, packing))


def test_no_sequence_sees_a_neighbour(kind: str) -> None:
    encoder = PackedEncoder(build(kind))
    lengths = (5, 5, 9)
    generator = torch.Generator().manual_seed(4)
    ids = torch.randint(4, 32, (19,), generator=generator)
    other = ids.clone()
    other[:5] = torch.randint(4, 32, (5,), generator=generator)
    with torch.no_grad():
        before, after = (encoder(each, Packing(lengths=lengths)) for each in (ids, other))
    assert torch.equal(before[5:], after[5:])
    assert not torch.allclose(before[:5], after[:5], atol=1e-2)


def test_gradients_equal_the_padded_hugging_face_model(kind: str) -> None:
    lengths = (2, 2, 7, 30)
    generator = torch.Generator().manual_seed(2)
    parts = [torch.randint(4, 32, (length,), generator=generator) for length in lengths]
    weight = torch.randn(sum(lengths), 32, generator=generator)
    reference, packed = build(kind), PackedEncoder(build(kind))
    rows = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=PADDING[kind])
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(part) for part in parts], batch_first=True)
    states = reference(input_ids=rows, attention_mask=mask).last_hidden_state
    (states[mask.bool()] * weight).sum().backward()
    (packed(torch.cat(parts), Packing(lengths=lengths)) * weight).sum().backward()
    expected = dict(reference.named_parameters())
    compared = 0
    for name, parameter in packed.hf.named_parameters():
        if parameter.grad is not None:
            compared += 1
            assert torch.allclose(parameter.grad, expected[name].grad, atol=2e-4, rtol=1e-4), name
    assert compared >= 16 * 3


def test_dropout_falls_on_attention_while_training_only() -> None:
    encoder = PackedEncoder(xlmr(attention_probs_dropout_prob=0.5).base_model)
    ids, packing = torch.arange(4, 24), Packing(lengths=(8, 12))
    with torch.no_grad():
        assert torch.equal(encoder(ids, packing), encoder(ids, packing))
        encoder.train()
        assert not torch.allclose(encoder(ids, packing), encoder(ids, packing), atol=1e-3)
