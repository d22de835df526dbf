"""Whether a model is right as often as it says it is: expected calibration error of the rows of one language.

Only where one answer is chosen among few and the model gives it a probability: classes and choices, by a head's softmax
or by the likelihoods of the labels' texts. Spans, tags of whole sentences and nearest neighbours have none.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Seq
from typing import Any

import numpy as np

from ds_stilts.tasks.task import Task

NUM_BINS = 15
_FORMATS = ("sentence_pair", "multiple_choice")


def expected_calibration_error(confidences: np.ndarray, right: np.ndarray, num_bins: int = NUM_BINS) -> float:
    """Expected calibration error in percent (Guo et al. 2017, arXiv:1706.04599, equation 3).

    Bins ((m - 1) / M, m / M] are equally wide; the error is the mean over examples of |accuracy - mean confidence| of
    their bin.

    Args:
        confidences: probabilities [N] of the predictions.
        right: bool [N].
    """
    bins = np.clip(np.ceil(confidences.astype(np.float64) * num_bins) - 1, 0, num_bins - 1).astype(np.int64)
    surplus = np.bincount(bins, weights=confidences - right.astype(np.float64), minlength=num_bins)
    return float(100.0 * np.abs(surplus).sum() / len(confidences))


def calibration(task: Task, rows: Seq[Mapping[str, Any]]) -> dict[str, float]:
    """`ece` of the rows whose gold is known; nothing where rows have no probability."""
    known = [row for row in rows if row["gold"] is not None]
    if task.format not in _FORMATS or not known or any(row["confidence"] is None for row in known):
        return {}
    right = np.array([row["gold"] == row["prediction"] for row in known])
    return {"ece": expected_calibration_error(np.array([row["confidence"] for row in known]), right)}
