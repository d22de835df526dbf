"""Alignment and uniformity against the definitions, written out pair by pair, and at their known extremes."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from ds_stilts.evaluation import geometry as module
from ds_stilts.evaluation.geometry import Geometry, alignment, geometry, read_geometry, uniformity, write_geometry


def unit(vectors: torch.Tensor) -> np.ndarray:
    array = vectors.double().numpy()
    return np.asarray(array / np.linalg.norm(array, axis=1, keepdims=True))


@pytest.mark.parametrize("block", [3, 7, 2048])
def test_uniformity_is_the_log_mean_potential_of_all_pairs(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    torch.manual_seed(0)
    vectors = torch.randn(20, 5) + 0.5
    units = unit(vectors)
    pairs = [(i, j) for i in range(20) for j in range(i)]
    expected = math.log(np.mean([math.exp(-2 * ((units[i] - units[j]) ** 2).sum()) for i, j in pairs]))
    assert uniformity(vectors) == pytest.approx(expected, abs=1e-12)


def test_uniformity_is_that_of_the_papers_own_code() -> None:
    """`torch.pdist(x).pow(2).mul(-2).exp().mean().log()` of Wang and Isola 2020."""
    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(50, 8).double(), dim=1)
    assert uniformity(vectors) == pytest.approx(
        float(torch.pdist(vectors).pow(2).mul(-2).exp().mean().log()), abs=1e-12
    )


def test_alignment_is_the_mean_squared_distance_of_pairs() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(9, 4), torch.randn(9, 4)
    expected = np.mean([((x - y) ** 2).sum() for x, y in zip(unit(one), unit(other), strict=True)])
    assert alignment(one, other) == pytest.approx(expected, abs=1e-12)


def test_extremes() -> None:
    same, opposite = torch.tensor([[1.0, 2.0]]), torch.tensor([[-3.0, -6.0]])
    assert alignment(same, 5 * same) == pytest.approx(0.0, abs=1e-12)
    assert alignment(same, opposite) == pytest.approx(4.0)
    assert uniformity(same.repeat(5, 1)) == pytest.approx(0.0, abs=1e-12)
    assert uniformity(torch.cat([same, opposite])) == pytest.approx(-8.0)
    torch.manual_seed(0)
    assert uniformity(torch.randn(500, 512)) == pytest.approx(-4.0, abs=0.02), "spread evenly, all near 90 degrees"


def test_of_a_large_set_every_other_text_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    vectors = torch.randn(15, 4)
    monkeypatch.setattr(module, "MOST_TEXTS", 8)
    assert uniformity(vectors) == uniformity(vectors[::2])


def test_a_language_has_the_pairs_of_its_queries_and_the_spread_of_its_texts(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vectors = torch.randn(10, 4)
    found = geometry(vectors, range(2, 6), [(2, 9), (3, 8)])
    assert found.alignment == alignment(vectors[[2, 3]], vectors[[9, 8]]) and found.pairs == 2
    assert found.uniformity == uniformity(vectors[2:6])
    write_geometry(tmp_path / "new", "de", found)
    assert read_geometry(tmp_path / "new", "de") == found
    assert read_geometry(tmp_path, "de") is None


def test_without_pairs_or_with_one_text_there_is_no_figure() -> None:
    assert geometry(torch.randn(3, 4), range(1), []) == Geometry(alignment=None, uniformity=None, pairs=0)
