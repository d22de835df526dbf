"""Shapes, and what training one costs in arithmetic."""

import json
from pathlib import Path

import pytest

from ds_stilts.bench.model import open_folder, parse_shape, step_flops
from ds_stilts.errors import RecipeError
from ds_stilts.planning.public_models import PUBLIC_MODELS
from tests import small


def test_a_shape_is_layers_times_width() -> None:
    shape = parse_shape("12x768")
    assert shape is not None
    assert (shape.layers, shape.hidden_size, shape.heads, shape.intermediate_size) == (12, 768, 12, 3072)
    assert parse_shape("some/folder") is None


@pytest.mark.parametrize("model", ["0x256", "4x100", "4x0", "97x64"])
def test_a_shape_that_is_none_is_a_sentence(model: str) -> None:
    with pytest.raises(RecipeError, match=f"--model {model}: LAYERSxWIDTH has 1 to 96 layers"):
        parse_shape(model)


@pytest.mark.parametrize(("length", "gflop"), [(128, 1.850), (384, 1.925), (512, 1.963)])
def test_the_arithmetic_of_xlm_r_large_is_the_published_one(length: int, gflop: float, tmp_path: Path) -> None:
    """6·12·L·d² + 12·L·d·s a token for L = 24, d = 1024 (Kaplan et al. 2020; DeepSpeed's 64 TFLOP/s of BERT-Large)."""
    (tmp_path / "config.json").write_text(json.dumps(PUBLIC_MODELS["FacebookAI/xlm-roberta-large"]))
    flops = step_flops(tmp_path, tokens=3 * length, tokens_squared=3 * length**2)
    assert flops / (3 * length) == pytest.approx(gflop * 1e9, rel=5e-4)


def test_a_model_that_is_no_encoder_is_a_sentence(tmp_path: Path) -> None:
    small.mt5().config.save_pretrained(tmp_path)
    small.mt5_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match="is an mT5; bench compares encoders"):
        open_folder(str(tmp_path))
