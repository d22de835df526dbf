"""Hugging Face folders in and out: what is refused, and that a stranger's transformers can open what we write."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers.processors import TemplateProcessing
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from ds_stilts.errors import CheckpointError
from ds_stilts.formats.encoding import encode_texts
from ds_stilts.models.loading import check_folder, load_start, load_tokenizer, make_start, open_start, save_folder
from ds_stilts.models.packing import Packing
from ds_stilts.recipe import Architecture
from tests.small import bert, tokenizer, xlmr

IDS = torch.tensor([[0, 5, 6, 7, 8, 2]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A start model as its authors would publish it."""
    xlmr().save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_loaded_model_is_fp32_and_gives_the_published_models_states(folder: Path) -> None:
    start = load_start(str(folder))
    assert {parameter.dtype for parameter in start.masked_lm.parameters()} == {torch.float32}
    start.encoder.eval()
    with torch.no_grad():
        states = start.encoder(IDS[0], Packing(lengths=(6,)))
        expected = xlmr().base_model(IDS).last_hidden_state[0]
    torch.testing.assert_close(states, expected, atol=1e-5, rtol=0)


def test_a_model_to_train_starts_in_training_mode(folder: Path) -> None:
    assert load_start(str(folder)).masked_lm.training


def test_the_language_head_is_tied_to_the_embedding(folder: Path) -> None:
    start = load_start(str(folder))
    assert start.language_head.decoder.weight is start.encoder.hf.embeddings.word_embeddings.weight


@pytest.mark.parametrize("biases", [["lm_head.bias"], ["lm_head.bias", "lm_head.decoder.bias"]])
def test_an_output_matrix_that_differs_from_the_embedding_stays_its_own_whatever_the_config_says(
    folder: Path, tmp_path: Path, biases: list[str]
) -> None:
    file = folder / "model.safetensors"
    stored = load_file(file)
    del stored["lm_head.bias"]
    stored |= dict.fromkeys(biases, torch.randn(32)) | {"lm_head.decoder.weight": torch.randn(32, 32)}
    save_file({name: value.clone() for name, value in stored.items()}, file, {"format": "pt"})
    start = load_start(str(folder))
    save_folder(start.masked_lm, start.tokenizer, tmp_path / "again", start.masked_lm.state_dict())
    start.masked_lm.eval()
    with torch.no_grad():
        logits = start.language_head(start.encoder(IDS[0], Packing(lengths=(6,))))
        for path in (folder, tmp_path / "again"):
            expected = AutoModelForMaskedLM.from_pretrained(path).eval()(IDS).logits[0]
            torch.testing.assert_close(logits, expected, atol=1e-5, rtol=0)


def test_an_output_matrix_that_is_stored_twice_is_tied(folder: Path) -> None:
    file = folder / "model.safetensors"
    stored = load_file(file)
    stored["lm_head.decoder.weight"] = stored["roberta.embeddings.word_embeddings.weight"].clone()
    save_file(stored, file, {"format": "pt"})
    start = load_start(str(folder))
    assert start.language_head.decoder.weight is start.encoder.hf.embeddings.word_embeddings.weight


def test_bert_is_a_start_model_too(tmp_path: Path) -> None:
    bert().save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    start = load_start(str(tmp_path))
    assert start.encoder.first_position == 0
    assert start.language_head(torch.zeros(3, 32)).shape == (3, 32)


@pytest.mark.parametrize("inputs", [["input_ids", "attention_mask"], ["input_ids", "token_type_ids", "attention_mask"]])
@pytest.mark.parametrize("second", [0, 1])
def test_segments_are_told_apart_where_the_models_own_tokenizer_does(
    inputs: list[str], second: int, tmp_path: Path
) -> None:
    """BERT with XLM-R's tokenizer, as multilingual MiniLM: two token types, of which pre-training has seen one."""
    bert().save_pretrained(tmp_path)
    own = tokenizer()
    own.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair=f"<s> $A </s> $B:{second} </s>:{second}", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    own.save_pretrained(tmp_path)
    options = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**options, "model_input_names": inputs}))
    given = AutoTokenizer.from_pretrained(tmp_path)("ab", "cde", return_tensors="pt")
    assert int(given.get("token_type_ids", torch.zeros(1)).max()) == (second if len(inputs) == 3 else 0)
    start = load_start(str(tmp_path))
    start.encoder.eval()
    ((ids, b),) = encode_texts(start.tokenizer, [("ab", "cde")], 64)
    types = (torch.arange(len(ids)) >= b).long()
    with torch.no_grad():
        states = start.encoder(torch.tensor(ids), Packing(lengths=(len(ids),)), types)
        expected = AutoModel.from_pretrained(tmp_path).eval()(**given).last_hidden_state[0]
    torch.testing.assert_close(states, expected, atol=1e-5, rtol=0)


def test_a_bare_encoder_gets_a_fresh_language_head(tmp_path: Path) -> None:
    xlmr().base_model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert load_start(str(tmp_path)).language_head(torch.zeros(3, 32)).shape == (3, 32)


def test_a_tokenizer_larger_than_the_embedding_is_refused_with_both_numbers(tmp_path: Path) -> None:
    xlmr(vocabulary=30).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="has 32 pieces but the model's embedding has 30 rows"):
        load_start(str(tmp_path))


def test_missing_encoder_weights_are_named_and_never_drawn_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["roberta.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"the first is roberta\.encoder\.layer\.1\.output\.dense\.weight"):
        load_start(str(folder))


def test_pickled_weights_are_refused_unopened(folder: Path) -> None:
    trap = folder / "opened"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (trap,)

    (folder / "model.safetensors").unlink()
    torch.save({"roberta.embeddings.word_embeddings.weight": Trap()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="safetensors"):
        load_start(str(folder))
    assert not trap.exists()


def test_code_in_a_folder_is_never_run(folder: Path) -> None:
    trap = folder / "opened"
    (folder / "theirs.py").write_text(f"import pathlib; pathlib.Path({str(trap)!r}).touch()\nclass M: ...\n")
    config = folder / "config.json"
    text = config.read_text().replace('"model_type": "xlm-roberta"', '"model_type": "theirs"')
    config.write_text(text.replace("{", '{"auto_map": {"AutoConfig": "theirs.M"},', 1))
    with pytest.raises(CheckpointError):
        load_start(str(folder))
    assert not trap.exists()


def test_nothing_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no tokenizer could be loaded from"):
        load_tokenizer(str(tmp_path))
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"it has no config\.json"):
        load_start(str(tmp_path))


@pytest.mark.parametrize(
    ("file", "values", "sentence"),
    [
        ("config.json", {"num_attention_heads": 5}, r"of which no model can be built: The hidden size \(32\) is not a"),
        ("config.json", {"hidden_act": "gleu"}, "of which no model can be built: KeyError 'gleu'; take it from"),
        ("config.json", {"pad_token_id": 99}, "of which no model can be built: Padding_idx must be within"),
        ("config.json", {"hidden_size": None}, "config.json that cannot be used: .* Field 'hidden_size' expected int"),
        ("config.json", {"dtype": "bfloat"}, "cannot be used: module 'torch' has no attribute 'bfloat'"),
        ("tokenizer.json", {"added_tokens": ...}, "no tokenizer could be loaded from .*; put the model's tokenizer"),
    ],
)
def test_values_that_make_no_model_are_a_sentence(
    folder: Path, file: str, values: dict[str, Any], sentence: str
) -> None:
    found = json.loads((folder / file).read_text())
    changed = {key: value for key, value in {**found, **values}.items() if value is not ...}
    (folder / file).write_text(json.dumps(changed))
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_start(str(folder))
    assert "\n" not in str(caught.value)


def test_a_shard_that_the_index_names_must_be_there_and_in_the_folder(tmp_path: Path) -> None:
    xlmr().save_pretrained(tmp_path, max_shard_size="20KB")
    tokenizer().save_pretrained(tmp_path)
    assert check_folder(str(tmp_path)) == 3
    lost = sorted(tmp_path.glob("model-*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(CheckpointError, match=f"has no {lost.name}, which its model.safetensors.index.json names"):
        check_folder(str(tmp_path))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(index.read_text().replace(lost.name, f"../{lost.name}"))
    with pytest.raises(CheckpointError, match="names a weight file outside its folder"):
        check_folder(str(tmp_path))


def test_random_init_needs_no_weights_but_config_and_tokenizer(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors"):
        check_folder(str(folder))
    assert check_folder(str(folder), random_init=True) == 3
    one, other = (load_start(str(folder), seed=seed, random_init=True).masked_lm for seed in (1, 2))
    assert not torch.equal(one.lm_head.dense.weight, other.lm_head.dense.weight)


def test_an_opened_model_has_no_values_yet(folder: Path) -> None:
    start = open_start(str(folder))
    assert {parameter.device.type for parameter in start.masked_lm.parameters()} == {"meta"}
    assert (start.encoder.hidden_size, start.encoder.max_tokens) == (32, 512)


def test_damaged_weights_are_a_sentence(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="safetensors"):
        load_start(str(folder))


def test_a_saved_folder_opens_with_transformers_alone_and_gives_the_same(folder: Path, tmp_path: Path) -> None:
    start = load_start(str(folder))
    with torch.no_grad():
        for parameter in start.masked_lm.parameters():
            parameter.add_(0.01)  # as if trained
    # what an engine hands over: every parameter once, so without the tied output matrix
    state = {name: parameter.detach().clone() for name, parameter in start.masked_lm.named_parameters()}
    save_folder(start.masked_lm, start.tokenizer, tmp_path / "saved", state)
    start.masked_lm.eval()
    with torch.no_grad():
        states = start.encoder(IDS[0], Packing(lengths=(6,)))
        opened = AutoModel.from_pretrained(tmp_path / "saved").eval()(IDS).last_hidden_state[0]
        logits = AutoModelForMaskedLM.from_pretrained(tmp_path / "saved").eval()(IDS).logits[0]
        torch.testing.assert_close(opened, states, atol=1e-5, rtol=0)
        torch.testing.assert_close(logits, start.language_head(states), atol=1e-5, rtol=0)
    assert "ds_stilts" not in (tmp_path / "saved" / "config.json").read_text()
    assert AutoTokenizer.from_pretrained(tmp_path / "saved")("ab")["input_ids"] == start.tokenizer("ab")["input_ids"]


def test_a_bare_encoder_can_be_saved_and_started_from(folder: Path, tmp_path: Path) -> None:
    encoder = load_start(str(folder)).encoder
    save_folder(encoder.hf, tokenizer(), tmp_path / "saved", dict(encoder.hf.named_parameters()))
    again = load_start(str(tmp_path / "saved")).encoder
    for name, parameter in encoder.hf.named_parameters():
        assert torch.equal(parameter, again.hf.get_parameter(name)), name


def test_saving_leaves_the_model_as_it_is(folder: Path, tmp_path: Path) -> None:
    start = load_start(str(folder))
    before = start.masked_lm.config._attn_implementation
    save_folder(start.masked_lm, start.tokenizer, tmp_path / "saved", start.masked_lm.state_dict())
    assert start.masked_lm.config._attn_implementation == before == "ds_stilts_grouped"


def test_a_model_made_from_nothing_has_the_recipes_shape_and_xlm_rs_positions() -> None:
    shape = Architecture(hidden_size=16, layers=2, heads=2, intermediate_size=24, max_tokens=40, dropout=0.2)
    start = make_start(shape, tokenizer())
    config = start.encoder.hf.config
    assert (start.encoder.hidden_size, start.encoder.num_layers, start.encoder.max_tokens) == (16, 2, 40)
    assert (config.vocab_size, config.hidden_dropout_prob, config.pad_token_id) == (32, 0.2, 1)
    assert start.encoder.first_position == 2
