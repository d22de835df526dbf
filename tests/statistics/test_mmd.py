"""The discrepancy of two samples, by its definition written out and by what is known of Gaussians."""

import numpy as np
import pytest

from ds_stilts.statistics.mmd import median_distance, squared_mmd


def test_it_is_its_definition() -> None:
    draw = np.random.default_rng(1)
    ours, theirs, width = draw.normal(size=(5, 3)), draw.normal(1, 2, size=(7, 3)), 1.7

    def kernel(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.exp(-((one - other) ** 2).sum() / (2 * width**2)))

    within = [
        sum(kernel(a, b) for i, a in enumerate(own) for j, b in enumerate(own) if i != j) / (len(own) * (len(own) - 1))
        for own in (ours, theirs)
    ]
    between = sum(kernel(a, b) for a in ours for b in theirs) / (len(ours) * len(theirs))
    assert squared_mmd(ours, theirs, width) == pytest.approx(sum(within) - 2 * between, abs=1e-12)


def test_of_one_source_it_is_0_on_average_and_of_two_gaussians_what_theory_says() -> None:
    """In one dimension with variance 1 and width w the expected kernel of means d apart is
    w / √(w² + 2) · exp(-d² / (2 (w² + 2)))."""
    draw, width, apart = np.random.default_rng(2), 1.0, 1.5
    none = [squared_mmd(draw.normal(size=(100, 1)), draw.normal(size=(100, 1)), width) for _ in range(200)]
    assert abs(np.mean(none)) < 4 * np.std(none) / np.sqrt(200) and min(none) < 0
    expected = 2 * width / np.sqrt(width**2 + 2) * (1 - np.exp(-(apart**2) / (2 * (width**2 + 2))))
    found = [squared_mmd(draw.normal(size=(200, 1)), draw.normal(apart, size=(200, 1)), width) for _ in range(50)]
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(50))


def test_the_median_distance_is_over_pairs_of_two_points() -> None:
    assert median_distance(np.array([[0.0], [1.0], [3.0]])) == 2.0, "of 1, 2 and 3"
