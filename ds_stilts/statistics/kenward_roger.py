"""Standard error and degrees of freedom of a slope in a mixed model of few groups.

The Wald intervals of REML take the variances for known and the slope for normal, and cover too little where languages
or families are few. Kenward and Roger 1997 (Biometrics 53:983-997) add to the covariance of the fixed effects what the
uncertainty of the variances adds to it, and take Student's t; for a single slope their degrees of freedom are
Satterthwaite's (Halekoh and Højsgaard 2014, doi:10.18637/jss.v059.i09, has the formulas in this notation).
"""

import numpy as np

from ds_stilts.statistics.products import Products


def adjusted_slope(products: Products, ratios: np.ndarray, residual: float, place: int) -> tuple[float, float]:
    """Standard error and degrees of freedom of one fixed effect.

    Args:
        ratios: variances of the random intercepts in units of the residual's, as REML estimates them; may be 0.
        residual: variance of the residuals, above 0.
        place: which fixed effect.
    """
    inverse, fixed, blocks = products.inverse(ratios), products.fixed, products.blocks
    # C'·V⁻ᵏ·C of k = 1, 2, 3.
    powers = [products.gram @ np.linalg.matrix_power(inverse.step / residual, power) for power in (1, 2, 3)]
    covariance = np.linalg.inv(powers[0][fixed, fixed])
    count = len(blocks) + 1
    # P_i and Q_ij of the paper, and tr(V⁻¹·V_i·V⁻¹·V_j); the residual is the last variance, of which V_i = I.
    first = [-powers[0][fixed, own] @ powers[0][own, fixed] for own in blocks] + [-powers[1][fixed, fixed]]
    second = np.empty((count, count, products.num_fixed, products.num_fixed))
    traces = np.empty((count, count))
    for i, own in enumerate(blocks):
        for j, other in enumerate(blocks):
            second[i, j] = powers[0][fixed, own] @ powers[0][own, other] @ powers[0][other, fixed]
            traces[i, j] = (powers[0][own, other] ** 2).sum()
        second[i, -1] = powers[0][fixed, own] @ powers[1][own, fixed]
        second[-1, i] = second[i, -1].T
        traces[i, -1] = traces[-1, i] = np.trace(powers[1][own, own])
    second[-1, -1] = powers[2][fixed, fixed]
    traces[-1, -1] = inverse.trace_of_square / residual**2

    pairs = [(i, j) for i in range(count) for j in range(count)]
    information = np.empty((count, count))
    for i, j in pairs:
        lost = 2 * covariance @ second[i, j] - covariance @ first[i] @ covariance @ first[j]
        information[i, j] = (traces[i, j] - np.trace(lost)) / 2
    of_variances = np.linalg.pinv(information, hermitian=True)
    added = sum(of_variances[i, j] * (second[i, j] - first[i] @ covariance @ first[j]) for i, j in pairs)
    larger = covariance + 2 * covariance @ added @ covariance
    slopes = np.array([(covariance @ one @ covariance)[place, place] for one in first])
    df = 2 * covariance[place, place] ** 2 / (slopes @ of_variances @ slopes)
    return float(np.sqrt(larger[place, place])), float(df)
