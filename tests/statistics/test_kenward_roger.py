"""Kenward and Roger's correction against their formulas written with matrices of rows × rows, and where it is exact."""

from collections.abc import Sequence

import numpy as np
import pytest

from ds_stilts.statistics.kenward_roger import adjusted_slope
from ds_stilts.statistics.products import Products


def indicators(codes: np.ndarray) -> np.ndarray:
    return (codes[:, None] == np.unique(codes)).astype(float)


def dense(
    design: np.ndarray, effects: Sequence[np.ndarray], ratios: Sequence[float], residual: float, place: int
) -> tuple[float, float]:
    """Halekoh and Højsgaard 2014, section 2.2 and appendix."""
    every = [one @ one.T for one in effects] + [np.eye(len(design))]
    inverse = np.linalg.inv(sum(residual * r * v for r, v in zip([*ratios, 1.0], every, strict=True)))
    covariance = np.linalg.inv(design.T @ inverse @ design)
    first = [-design.T @ inverse @ one @ inverse @ design for one in every]
    second = [[design.T @ inverse @ a @ inverse @ b @ inverse @ design for b in every] for a in every]
    information = [
        [
            np.trace(inverse @ a @ inverse @ b) / 2
            - np.trace(covariance @ second[i][j])
            + np.trace(covariance @ first[i] @ covariance @ first[j]) / 2
            for j, b in enumerate(every)
        ]
        for i, a in enumerate(every)
    ]
    weights = np.linalg.inv(information)
    pairs = [(i, j) for i in range(len(every)) for j in range(len(every))]
    added = sum(weights[i, j] * (second[i][j] - first[i] @ covariance @ first[j]) for i, j in pairs)
    slopes = np.array([(covariance @ one @ covariance)[place, place] for one in first])
    return (
        float((covariance + 2 * covariance @ added @ covariance)[place, place] ** 0.5),
        float(2 * covariance[place, place] ** 2 / (slopes @ weights @ slopes)),
    )


@pytest.mark.parametrize("ratios", [[0.5, 1.0, 0.3, 0.2], [0.0, 1.0, 0.0, 0.3]])
def test_small_products_give_what_large_matrices_give(ratios: list[float]) -> None:
    draw = np.random.default_rng(1)
    languages, tasks, seeds = (axis.ravel() for axis in np.indices((10, 2, 3)))
    kept = draw.random(len(languages)) < 0.8  # not every language has every task
    families = draw.integers(0, 4, 10)[languages]
    design = np.column_stack([np.ones(60), draw.normal(size=10)[languages]])[kept]
    effects = [indicators(codes[kept]) for codes in (families, languages, tasks, seeds)]
    products = Products.of(draw.normal(size=kept.sum()), design, effects)
    assert adjusted_slope(products, np.array(ratios), 0.7, 1) == pytest.approx(dense(design, effects, ratios, 0.7, 1))


def test_a_balanced_covariate_of_the_language_has_exactly_two_degrees_of_freedom_less_than_languages() -> None:
    draw = np.random.default_rng(2)
    languages, tasks, seeds = (axis.ravel() for axis in np.indices((9, 2, 3)))
    design = np.column_stack([np.ones(54), draw.normal(size=9)[languages]])
    products = Products.of(np.zeros(54), design, [indicators(codes) for codes in (languages, tasks, seeds)])
    assert adjusted_slope(products, np.array([1.0, 0.3, 0.2]), 0.7, 1)[1] == pytest.approx(7)
