"""mT5 folders in and out: whole where it writes text, the encoder alone where heads read it, never tied."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSeq2SeqLM, MT5EncoderModel

from ds_stilts.errors import CheckpointError
from ds_stilts.models.loading import load_start, make_start, max_tokens_of, save_folder
from ds_stilts.models.packing import Packing
from ds_stilts.models.pairing import Pairing
from ds_stilts.models.seq2seq import PackedSeq2Seq
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.recipe import Architecture
from tests.small import mt5, mt5_tokenizer, tokenizer, xlmr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A start model as its authors would publish it."""
    mt5().save_pretrained(tmp_path / "model")
    mt5_tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_model_that_writes_is_loaded_whole_and_its_output_matrix_stays_its_own(folder: Path) -> None:
    start = load_start(str(folder), text=True)
    expected = mt5().state_dict()
    for name, value in start.masked_lm.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert start.text and isinstance(start.encoder, PackedT5Encoder)
    assert start.masked_lm.lm_head.weight is not start.masked_lm.shared.weight
    assert start.masked_lm.decoder.embed_tokens.weight is start.masked_lm.shared.weight
    start.masked_lm.tie_weights()
    assert start.masked_lm.lm_head.weight is not start.masked_lm.shared.weight


def test_an_encoder_that_is_asked_to_write_is_refused(tmp_path: Path) -> None:
    xlmr().save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"is an encoder, which writes no text; remove `start\.use`"):
        load_start(str(tmp_path), text=True)


def test_for_heads_the_encoder_is_loaded_alone(folder: Path) -> None:
    start = load_start(str(folder))
    expected = mt5().state_dict()
    assert not start.text and isinstance(start.masked_lm, MT5EncoderModel)
    for name, value in start.masked_lm.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert (start.encoder.hidden_size, start.encoder.num_layers, start.encoder.dropout) == (32, 2, 0.0)


@pytest.mark.parametrize("missing", ["lm_head.weight", "decoder.block.2.layer.1.EncDecAttention.o.weight"])
def test_weights_that_are_missing_are_named_and_never_drawn_at_random(folder: Path, missing: str) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights[missing]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=f"lacks weights that its config asks for, the first is {missing}"):
        load_start(str(folder), text=True)
    load_start(str(folder))  # heads need neither


def test_a_saved_folder_opens_with_transformers_alone_and_gives_the_same_logits(folder: Path, tmp_path: Path) -> None:
    start = load_start(str(folder), text=True)
    with torch.no_grad():
        for parameter in start.masked_lm.parameters():
            parameter.add_(0.01)  # as if trained
    state = {name: parameter.detach().clone() for name, parameter in start.masked_lm.named_parameters()}
    save_folder(start.masked_lm, start.tokenizer, tmp_path / "saved", state)
    changed = mt5()
    with torch.no_grad():
        for parameter in changed.parameters():
            parameter.add_(0.01)
        opened = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "saved").eval()
        batch = {"input_ids": torch.tensor([[5, 6, 7, 1]]), "labels": torch.tensor([[8, 1]])}
        torch.testing.assert_close(opened(**batch).logits, changed(**batch).logits, atol=1e-5, rtol=0)


def test_an_mt5_from_nothing_has_its_own_output_matrix_and_sensible_first_losses() -> None:
    torch.manual_seed(0)
    shape = Architecture(family="mt5", hidden_size=64, layers=2, heads=4, intermediate_size=96, dropout=0.3)
    start = make_start(shape, mt5_tokenizer())
    config, model = start.masked_lm.config, start.masked_lm.eval()
    assert start.text and model.lm_head.weight is not model.shared.weight
    assert (config.d_kv, config.d_ff, config.num_decoder_layers, config.dropout_rate) == (16, 96, 2, 0.3)
    assert (config.pad_token_id, config.eos_token_id, config.decoder_start_token_id) == (0, 1, 0)
    packing = Packing(lengths=(37,))
    pairing = Pairing(sources=packing, targets=packing, source_of=(0,))
    assert isinstance(start.encoder, PackedT5Encoder)
    writer = PackedSeq2Seq(start.encoder)
    with torch.no_grad():
        ids = torch.arange(3, 40)
        loss = writer.token_losses(writer.encoder(ids, packing), ids, pairing).mean()
    assert float(loss) < 1.3 * torch.log(torch.tensor(float(config.vocab_size)))


def test_no_length_is_too_long_for_relative_positions(folder: Path) -> None:
    assert max_tokens_of(str(folder)) == load_start(str(folder)).encoder.max_tokens >= 100_000
