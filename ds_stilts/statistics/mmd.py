"""The maximum mean discrepancy of two samples of vectors (Gretton et al. 2012, "A Kernel Two-Sample Test", JMLR 13).

Squared and without bias (equation 3 there), with a Gaussian kernel as wide as the median distance (section 8 there): 0
on average of two samples of one source, below it as often as above, and never above 2.
"""

import numpy as np
from scipy.spatial.distance import cdist, pdist


def median_distance(points_ND: np.ndarray) -> float:
    """Of all pairs of two points; at least two, not all the same."""
    return float(np.median(pdist(points_ND)))


def squared_mmd(ours_ND: np.ndarray, theirs_MD: np.ndarray, width: float) -> float:
    """With the kernel exp(-|x - y|² / (2 · width²)).

    Args:
        ours_ND, theirs_MD: float; at least two points each.
        width: the same for all samples that are to be compared.
    """

    def kernel(squares: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.exp(squares / (-2 * width**2))
        return values

    within = (kernel(pdist(points, "sqeuclidean")).mean() for points in (ours_ND, theirs_MD))
    return float(sum(within) - 2 * kernel(cdist(ours_ND, theirs_MD, "sqeuclidean")).mean())
