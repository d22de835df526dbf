"""What is chosen, and that a way which computes something else is found out."""

from typing import Any

import pytest
import torch

from ds_stilts.errors import RecipeError
from ds_stilts.models import attention_choice
from ds_stilts.models.attention import WAYS, grouped
from ds_stilts.models.attention_choice import choose_attention, why_not
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.packing import Packing
from tests.small import bert, xlmr

HERE: dict[str, Any] = {"device": torch.device("cpu"), "dtype": torch.float32, "width": 8, "dropout": 0.1}


def test_a_cpu_attends_by_groups_unless_told_otherwise() -> None:
    assert choose_attention("auto", **HERE) == "grouped"
    for way in ("grouped", "block_diagonal", "eager"):
        assert choose_attention(way, **HERE) == way
        assert why_not(way, **{**HERE, "dtype": torch.bfloat16}) is None


@pytest.mark.parametrize("way", ["varlen", "flash"])
def test_a_way_that_needs_a_gpu_is_refused_with_the_reason(way: str) -> None:
    with pytest.raises(RecipeError, match=f"engine.attention: '{way}' does not work here: its kernel needs a GPU"):
        choose_attention(way, **HERE)


def test_varlen_is_not_taken_where_attention_drops() -> None:
    gpu = {**HERE, "device": torch.device("cuda"), "dtype": torch.bfloat16}
    assert why_not("varlen", **gpu) == "it has no attention dropout, and the model asks for 0.1"


def test_a_way_that_computes_something_else_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(query: Any, key: Any, value: Any, packing: Packing, scale: float, dropout: float) -> torch.Tensor:
        return grouped(query, key, value, Packing(lengths=(packing.num_tokens,)), scale, dropout)

    monkeypatch.setitem(WAYS, "block_diagonal", leaking)
    assert why_not("block_diagonal", **HERE) == "on a small batch its numbers are not those of plain attention"


def test_a_way_that_fails_is_not_taken_on_a_gpu_and_the_default_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_choice, "why_not", lambda way, **_: "no such kernel")
    assert choose_attention("auto", **{**HERE, "device": torch.device("cuda"), "dtype": torch.bfloat16}) == "grouped"


def test_trying_moves_no_random_state() -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    why_not("grouped", **HERE)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("way", ["grouped", "block_diagonal", "eager"])
@pytest.mark.parametrize("build", [xlmr, bert])
def test_every_way_gives_the_padded_hugging_face_models_states(way: str, build: Any) -> None:
    lengths = (1, 2, 2, 30)
    generator = torch.Generator().manual_seed(2)
    parts = [torch.randint(4, 32, (length,), generator=generator) for length in lengths]
    model = build()
    padding = int(model.config.pad_token_id)
    rows = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=padding)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(part) for part in parts], batch_first=True)
    with torch.no_grad():
        expected = model.base_model(input_ids=rows, attention_mask=mask).last_hidden_state[mask.bool()]
        encoder = PackedEncoder(model.base_model)
        encoder.attend_by(way)
        states = encoder(torch.cat(parts), Packing(lengths=lengths))
    assert float((states - expected).abs().max()) <= 1e-5
    assert (encoder.attention, encoder.attention_dropout, encoder.head_width) == (way, 0.0, 8)
