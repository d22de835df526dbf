"""Promises of the start model: alignment as dialled, a loadable Hugging Face folder, equal bytes."""

import numpy as np
import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.recipe import Architecture
from ds_stilts.synthetic import oracle_start
from ds_stilts.synthetic.oracle import meaning_vector, word_vectors
from ds_stilts.synthetic.tokenizer import SPACE, vocabulary

ARCHITECTURE = Architecture(hidden_size=32, layers=2, heads=2, intermediate_size=64, max_tokens=64)


def start(folder, **changes):
    values = {"preset": "tiny", "world_seed": 7, "seed": 1, "sigma": 0.3, "scale": 0.4, "architecture": ARCHITECTURE}
    oracle_start(folder, **{**values, **changes})
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return start(tmp_path_factory.mktemp("oracle") / "start")


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
def test_cosine_of_equal_meanings_is_as_dialled_and_of_different_ones_zero(sigma, lexicons):
    width, scale = 256, 0.4
    pieces = vocabulary(lexicons)
    vectors = word_vectors(pieces, seed=1, sigma=sigma, scale=scale, width=width)[4:-1]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    words = {c: {} for c in ("aa", "bb")}
    for i, piece in enumerate(pieces):
        if piece.language in words and piece.text.startswith(SPACE):
            words[piece.language].setdefault(piece.meaning, []).append(i)
    same, different = [], []
    meanings = sorted(words["aa"].keys() & words["bb"].keys())
    assert len(meanings) > 50
    for n, meaning in enumerate(meanings):
        first = unit[words["aa"][meaning][0]]
        same.append(first @ unit[words["bb"][meaning][0]])
        different.append(first @ unit[words["bb"][meanings[n - 1]][0]])
    assert np.mean(same) == pytest.approx(1 / (1 + sigma**2), abs=0.02)
    assert abs(np.mean(different)) < 0.03
    assert vectors.std() == pytest.approx(scale, rel=0.02)


def test_a_portmanteau_suffix_lies_between_its_meanings():
    both, one, other = (meaning_vector(m, seed=1, width=512) for m in (("NEG", "PASS"), ("NEG",), ("PASS",)))
    for single in (one, other):
        cosine = both @ single / np.linalg.norm(both) / np.linalg.norm(single)
        assert cosine == pytest.approx(2**-0.5, abs=0.08)


def test_a_stem_starts_at_one_place_however_the_tokenizer_spells_it(lexicons):
    pieces = vocabulary(lexicons)
    vectors = word_vectors(pieces, seed=1, sigma=1.0, scale=0.4, width=16)[4:-1]
    rows = {piece.text: vector for piece, vector in zip(pieces, vectors, strict=True)}
    for stem in lexicons["hh"].stems.values():
        assert np.array_equal(rows[stem], rows[SPACE + stem])


def test_the_folder_loads_as_a_masked_language_model_with_its_tokenizer(folder, lexicons):
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.model_type == "xlm-roberta"
    assert model.config.max_position_embeddings == 66
    assert tokenizer.is_fast
    assert len(tokenizer) == model.config.vocab_size
    weights = model.get_input_embeddings().weight
    expected = word_vectors(vocabulary(lexicons), seed=1, sigma=0.3, scale=0.4, width=32)
    assert torch.equal(weights.detach(), torch.from_numpy(expected))
    assert model.get_output_embeddings().weight is weights
    assert not weights[tokenizer.pad_token_id].any()
    logits = model(**tokenizer("?", return_tensors="pt")).logits
    assert logits.shape == (1, 3, len(tokenizer))


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(folder, tmp_path):
    again, other = start(tmp_path / "again"), start(tmp_path / "other", seed=2)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in names)
    assert (folder / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()
    assert (folder / "tokenizer.json").read_bytes() == (other / "tokenizer.json").read_bytes()


def test_making_a_model_leaves_the_callers_random_numbers_alone(tmp_path):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    start(tmp_path / "start")
    assert torch.equal(torch.rand(3), expected)


def test_an_unknown_preset_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="no preset 'huge'"):
        start(tmp_path / "start", preset="huge")
    assert not list(tmp_path.iterdir())
