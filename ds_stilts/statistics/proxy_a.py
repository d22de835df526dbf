"""The proxy A-distance of two samples: how well a linear classifier tells which of them a piece is from.

2 · (1 - 2ε) with ε the error on pieces that it has not learned from: 0 where it guesses, 2 where it is always right
(Ben-David et al. 2006, "Analysis of Representations for Domain Adaptation"; of texts Blitzer et al. 2007, "Biographies,
Bollywood, Boom-boxes and Blenders"). Of two samples of one source it lies around 0, below as often as above.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, vstack
from scipy.special import expit

FOLDS = 5


def proxy_a_distance(ours_NV: csr_matrix, theirs_MV: csr_matrix, fold_N: np.ndarray, fold_M: np.ndarray) -> float:
    """Cross-validated, with each sample's errors counted by themselves: guessing is 1/2 whatever their sizes are.

    Args:
        ours_NV, theirs_MV: float [pieces, vocabulary], rows of length 1.
        fold_N, fold_M: int [pieces], which of the `FOLDS` parts a piece is in; none is empty. What belongs together
            (pieces of one text) must be in one part.
    """
    rows_PV = csr_matrix(vstack([ours_NV, theirs_MV]))
    is_ours_P: np.ndarray = np.repeat([True, False], [ours_NV.shape[0], theirs_MV.shape[0]])
    fold_P = np.concatenate([fold_N, fold_M])
    right = []
    for fold in range(FOLDS):
        asked = fold_P == fold
        weights_V, bias = logistic_regression(rows_PV[~asked], is_ours_P[~asked])
        told, is_ours = rows_PV[asked] @ weights_V + bias > 0, is_ours_P[asked]
        right.append([told[is_ours].mean(), 1 - told[~is_ours].mean()])
    error = 1 - float(np.mean(right))
    return 2 * (1 - 2 * error)


def logistic_regression(rows_NV: csr_matrix, is_one_N: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights [vocabulary] and bias that minimise Σ log loss + ‖weights‖² / 2: scikit-learn's default, C = 1.

    Args:
        rows_NV: float [rows, vocabulary].
        is_one_N: bool [rows].
    """
    signs_N = np.where(is_one_N, 1.0, -1.0)

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        weights_V, margins_N = point[:-1], signs_N * (rows_NV @ point[:-1] + point[-1])
        slopes_N = -signs_N * expit(-margins_N)
        gradient: np.ndarray = np.append(rows_NV.T @ slopes_N + weights_V, slopes_N.sum())
        return float(np.logaddexp(0, -margins_N).sum() + weights_V @ weights_V / 2), gradient

    found = minimize(loss, np.zeros(rows_NV.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    return found.x[:-1], float(found.x[-1])
