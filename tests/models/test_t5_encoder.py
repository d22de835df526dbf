"""mT5's packed encoder against Hugging Face's own on padded input, which is the oracle: fp32, 1e-5."""

import pytest
import torch
from transformers import MT5EncoderModel

from ds_stilts.models import t5_attention
from ds_stilts.models.packing import Packing
from ds_stilts.models.t5_encoder import PackedT5Encoder
from tests.small import mt5

LENGTHS = (1, 1, 2, 3, 3, 3, 17, 64, 64, 130, 301)


def build(dropout: float = 0.0) -> MT5EncoderModel:
    """The encoder alone, as it is loaded to train heads on."""
    whole = mt5(dropout=dropout)
    alone = MT5EncoderModel(whole.config).eval()
    weights = {name: value for name, value in whole.state_dict().items() if name.startswith(("shared.", "encoder."))}
    assert not alone.load_state_dict(weights).missing_keys
    return alone


def sequences(lengths: tuple[int, ...] = LENGTHS) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(3, 64, (length,), generator=generator) for length in lengths]


def padded(parts: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    rows = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(part) for part in parts], batch_first=True)
    return {"input_ids": rows, "attention_mask": mask}


def test_several_layers_come_from_one_pass_bit_for_bit() -> None:
    encoder = PackedT5Encoder(build())
    with torch.no_grad():
        for layers in ((2, 0), (1,), (0, 1)):
            several = encoder(torch.cat(sequences()), Packing(lengths=LENGTHS), layer=layers)
            assert len(several) == len(layers)
            for states, layer in zip(several, layers, strict=True):
                assert torch.equal(states, encoder(torch.cat(sequences()), Packing(lengths=LENGTHS), layer=layer))


@pytest.mark.parametrize("layer", [None, 0, 1, 2])
def test_packed_states_equal_the_padded_hugging_face_model_at_every_layer(layer: int | None) -> None:
    with torch.no_grad():
        layers = build()(**padded(sequences()), output_hidden_states=True).hidden_states
        packed = PackedT5Encoder(build())(torch.cat(sequences()), Packing(lengths=LENGTHS), layer=layer)
    own = [torch.cat([states[i, :n] for i, n in enumerate(LENGTHS)]) for states in layers]
    chosen = 2 if layer is None else layer
    assert packed.shape == (sum(LENGTHS), 32)
    assert float((packed - own[chosen]).abs().max()) <= 1e-5
    assert all(float((packed - other).abs().max()) > 1e-2 for i, other in enumerate(own) if i != chosen)


def test_no_sequence_sees_a_neighbour() -> None:
    encoder = PackedT5Encoder(build())
    ids = torch.cat(sequences((5, 5, 9)))
    other = ids.clone()
    other[:5] = (other[:5] + 7) % 60 + 3
    with torch.no_grad():
        before, after = (encoder(each, Packing(lengths=(5, 5, 9))) for each in (ids, other))
    assert torch.equal(before[5:], after[5:])
    assert not torch.allclose(before[:5], after[:5], atol=1e-2)


def test_gradients_equal_the_padded_hugging_face_model_with_those_of_the_position_bias() -> None:
    lengths = (1, 2, 2, 7, 30)
    parts = sequences(lengths)
    weight = torch.randn(sum(lengths), 32, generator=torch.Generator().manual_seed(2))
    reference, packed = build(), PackedT5Encoder(build())
    batch = padded(parts)
    (reference(**batch).last_hidden_state[batch["attention_mask"].bool()] * weight).sum().backward()
    (packed(torch.cat(parts), Packing(lengths=lengths)) * weight).sum().backward()
    expected = dict(reference.named_parameters())
    assert any("relative_attention_bias" in name for name in expected)
    for name, parameter in packed.hf.named_parameters():
        assert parameter.grad is not None, name
        assert torch.allclose(parameter.grad, expected[name].grad, atol=2e-4, rtol=1e-4), name


def test_the_position_bias_is_looked_up_once_however_many_lengths_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = PackedT5Encoder(build())
    table = encoder.hf.encoder.block[0].layer[0].SelfAttention.relative_attention_bias
    shapes: list[torch.Size] = []
    table.register_forward_hook(lambda _module, _inputs, output: shapes.append(output.shape))
    with torch.no_grad():
        for lengths in ((3,), (1, 2, 3, 4, 5, 6, 40)):
            encoder(torch.cat(sequences(lengths)), Packing(lengths=lengths))
    assert shapes == [(2 * 3 - 1, 4), (2 * 40 - 1, 4)]


def test_dropout_falls_on_attention_while_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = PackedT5Encoder(build(dropout=0.5))
    ids, packing = torch.cat(sequences((8, 12))), Packing(lengths=(8, 12))
    seen: list[float] = []
    attend = t5_attention.attend
    monkeypatch.setattr(
        t5_attention,
        "attend",
        lambda *states, dropout_p, **rest: (seen.append(dropout_p), attend(*states, dropout_p=dropout_p, **rest))[1],
    )
    with torch.no_grad():
        assert torch.equal(encoder(ids, packing), encoder(ids, packing))
        assert set(seen) == {0.0}
        seen.clear()
        encoder.train()
        assert not torch.allclose(encoder(ids, packing), encoder(ids, packing), atol=1e-3)
    assert set(seen) == {0.5}


def test_activation_checkpointing_changes_no_gradient() -> None:
    lengths = (2, 5, 5)
    grads = []
    for checkpointing in (False, True):
        encoder = PackedT5Encoder(build()).train()
        if checkpointing:
            encoder.hf.activation_checkpointing_enable()
        encoder(torch.cat(sequences(lengths)), Packing(lengths=lengths)).square().sum().backward()
        grads.append({name: parameter.grad for name, parameter in encoder.hf.named_parameters()})
    for name, grad in grads[0].items():
        assert torch.allclose(grad, grads[1][name], atol=1e-5), name


def test_bf16_stays_near_fp32() -> None:
    lengths = (3, 3, 9)
    ids, packing = torch.cat(sequences(lengths)), Packing(lengths=lengths)
    with torch.no_grad():
        exact = PackedT5Encoder(build())(ids, packing)
        rounded = PackedT5Encoder(build().bfloat16())(ids, packing)
    assert rounded.dtype is torch.bfloat16
    assert float((rounded.float() - exact).abs().max()) < 0.1 * float(exact.abs().max())
