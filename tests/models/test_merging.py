"""Sums of models, held against sums that are written by hand in torch."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ds_stilts.models import merging
from ds_stilts.models.loading import open_start
from ds_stilts.models.merging import mean_heads, merged_parameters
from ds_stilts.models.weights import Weights, named_once
from tests.small import tokenizer, xlmr

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def opened(folder: Path, values: Mapping[str, torch.Tensor]) -> Weights:
    """A model folder with these values, opened as a phase opens it."""
    folder.mkdir()
    xlmr().config.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    save_file(
        {name: value.contiguous() for name, value in values.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    weights = open_start(str(folder), seed=3).weights
    assert weights is not None
    return weights


def values_of(seed: int) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in named_once(xlmr(seed)).items()}


@pytest.fixture(scope="module")
def values() -> list[dict[str, torch.Tensor]]:
    """A start model and three models beside it, with numbers that subtraction would lose."""
    found = [values_of(seed) for seed in range(4)]
    found[0]["roberta.embeddings.word_embeddings.weight"][0, 0] = 1e9
    found[1]["roberta.embeddings.word_embeddings.weight"][0, 0] = 1e-30
    found[1]["roberta.embeddings.word_embeddings.weight"][0, 1] = -0.0
    return found


@pytest.fixture(scope="module")
def models(values: list[dict[str, torch.Tensor]], tmp_path_factory: pytest.TempPathFactory) -> list[Weights]:
    root = tmp_path_factory.mktemp("models")
    return [opened(root / str(number), own) for number, own in enumerate(values)]


def summed(start: Weights, *parts: tuple[Weights, Fraction]) -> dict[str, torch.Tensor]:
    return dict(merged_parameters(start, parts, start.shapes))


def same_bits(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> bool:
    assert found.keys() == expected.keys() and all(values.dtype is torch.float32 for values in found.values())
    return all(torch.equal(found[name].view(torch.int32), expected[name].view(torch.int32)) for name in expected)


def test_one_model_of_weight_1_comes_out_bit_for_bit(
    models: list[Weights], values: list[dict[str, torch.Tensor]]
) -> None:
    assert same_bits(summed(models[0], (models[1], Fraction(1))), values[1])


@pytest.mark.parametrize(("times", "weight"), [(2, HALF), (3, THIRD), (49, Fraction(1, 49))])
def test_a_model_averaged_with_itself_comes_out_bit_for_bit(
    models: list[Weights], values: list[dict[str, torch.Tensor]], times: int, weight: Fraction
) -> None:
    found = summed(models[0], *[(models[2], weight)] * times)
    assert same_bits(found, values[2])


def test_weight_0_is_the_start_model_bit_for_bit(models: list[Weights], values: list[dict[str, torch.Tensor]]) -> None:
    zero = Fraction(0)
    assert same_bits(summed(models[0], (models[1], zero), (models[2], zero)), values[0])


@pytest.mark.parametrize("weights", [(0.5, 0.5, 0.5), (0.7, 0.2, 0.1), (-1.0, 0.3, 0.4), (1.0, 1.0, 1.0)])
def test_a_sum_is_start_plus_weighed_differences(
    models: list[Weights], values: list[dict[str, torch.Tensor]], weights: tuple[float, ...]
) -> None:
    found = summed(models[0], *zip(models[1:], map(Fraction, weights), strict=True))
    for name, own in found.items():
        start = values[0][name].double()
        expected = start + sum(w * (one[name].double() - start) for w, one in zip(weights, values[1:], strict=True))
        torch.testing.assert_close(own, expected.float(), rtol=2e-6, atol=1e-9)


def test_a_parameter_that_a_model_lacks_is_as_the_start_has_it(
    models: list[Weights], values: list[dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    bare = opened(tmp_path / "bare", {k: v for k, v in values[1].items() if k.startswith("roberta.")})
    found = summed(models[0], (bare, HALF), (models[2], HALF))
    name = "lm_head.dense.weight"
    assert name in bare.missing
    expected = 0.5 * values[0][name].double() + 0.5 * values[2][name].double()
    assert torch.equal(found[name], expected.float())


def test_how_a_parameter_is_cut_changes_no_bit(models: list[Weights], monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [(model, THIRD) for model in models[1:3]]
    whole = summed(models[0], *parts)
    monkeypatch.setattr(merging, "_CHUNK", 7)
    assert same_bits(summed(models[0], *parts), whole)


def test_heads_of_several_models_are_averaged_and_others_kept() -> None:
    first = {"nli.w": torch.tensor([1.0, -0.0]), "qa.w": torch.tensor([-0.0, 3.0])}
    found = mean_heads([first, {"nli.w": torch.tensor([2.0, 4.0])}])
    assert torch.equal(found["nli.w"], torch.tensor([1.5, 2.0]))
    assert torch.equal(found["qa.w"].view(torch.int32), first["qa.w"].view(torch.int32))


def test_heads_of_one_name_in_two_shapes_are_told() -> None:
    with pytest.raises(ValueError, match=r"^nli\.w$"):
        mean_heads([{"nli.w": torch.zeros(2)}, {"nli.w": torch.zeros(3)}])
