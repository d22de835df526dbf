"""Expected calibration error against the definition, and only where rows carry a probability."""

import random
from typing import Any

import numpy as np
import pytest

from ds_stilts.evaluation.calibration import calibration, expected_calibration_error
from tests.small import task

NLI = task("nli", labels=("a", "b", "c"))


def by_definition(confidences: list[float], right: list[bool], num_bins: int) -> float:
    total = 0.0
    for m in range(1, num_bins + 1):
        bin = [i for i, p in enumerate(confidences) if (m - 1) / num_bins < p <= m / num_bins]
        if bin:
            accuracy = sum(right[i] for i in bin) / len(bin)
            total += len(bin) / len(right) * abs(accuracy - sum(confidences[i] for i in bin) / len(bin))
    return 100 * total


def test_it_is_that_of_guo_et_al() -> None:
    draw = random.Random(1)
    confidences = [draw.random() for _ in range(500)]
    right = [draw.random() < p**2 for p in confidences]
    for num_bins in (1, 10, 15):
        found = expected_calibration_error(np.array(confidences), np.array(right), num_bins)
        assert found == pytest.approx(by_definition(confidences, right, num_bins), abs=1e-9)


def test_by_hand_and_at_the_edges_of_bins() -> None:
    # (0.4, 0.6] holds 0.5 and 0.6: mean 0.55, half right; 1.0 is in the last bin, right
    found = expected_calibration_error(np.array([0.5, 0.6, 1.0]), np.array([True, False, True]), 5)
    assert found == pytest.approx(100 * (2 / 3 * 0.05))
    assert expected_calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0.0
    assert expected_calibration_error(np.array([1.0, 1.0]), np.array([False, True])) == 50.0


def row(gold: Any, prediction: Any, confidence: float | None) -> dict[str, Any]:
    return {"gold": gold, "prediction": prediction, "confidence": confidence}


def test_rows_without_gold_do_not_count() -> None:
    rows = [row("a", "a", 0.9), row("b", "a", 0.9), row(None, "a", 0.1)]
    assert calibration(NLI, rows) == {"ece": pytest.approx(40.0)}
    assert calibration(NLI, rows[2:]) == {}


def test_without_probabilities_there_is_none() -> None:
    assert calibration(NLI, [row("a", "a", 0.9), row("a", "a", None)]) == {}
    assert calibration(task("sts", "pair_regression", metrics=("pearson",)), [row(1.0, 1.0, 0.9)]) == {}
