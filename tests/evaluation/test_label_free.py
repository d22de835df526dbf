"""What predictions say without labels, of predictions made by hand."""

import json
import random
from typing import Any

import pytest
from sklearn.metrics import cohen_kappa_score

from ds_stilts.evaluation.label_free import kappa, label_free, mean_entropy
from ds_stilts.formats.base import Prediction
from ds_stilts.tasks import get_task


def said(prediction: Any, entropy: float) -> Prediction:
    return Prediction(gold="null", prediction=json.dumps(prediction), score=0.0, entropy=entropy)


def test_agreement_is_over_items_that_both_languages_have_and_entropy_over_all() -> None:
    own = {"1": said("entailment", 0.2), "2": said("neutral", 0.4), "3": said("neutral", 0.6)}
    pivot = {"1": said("entailment", 0.0), "2": said("contradiction", 0.0), "9": said("neutral", 0.0)}
    found = label_free(own, pivot, get_task("xnli"))
    # of two items one is the same; by chance, half of one's answers and half of the other's meet in one label
    assert (found.entropy, found.agreement) == (pytest.approx(0.4), pytest.approx(100 * (0.5 - 0.25) / (1 - 0.25)))


def test_without_a_pivot_or_a_common_item_nothing_agrees_or_disagrees() -> None:
    own = {"1": said("entailment", 0.2)}
    assert label_free(own, None, get_task("xnli")).agreement is None
    assert label_free(own, {"2": said("entailment", 0.1)}, get_task("xnli")).agreement is None


def test_of_tags_every_word_counts_once() -> None:
    sentences = [said(["O", "O", "O"], 0.1), said(["O"], 0.5), said([], 0.0)]
    assert mean_entropy(sentences, get_task("panx")) == pytest.approx((3 * 0.1 + 0.5) / 4)


def test_agreement_is_scikit_learns_kappa() -> None:
    draw = random.Random(3)
    for bias in (0.0, 0.5, 0.9):
        pairs = [("a", "a") if draw.random() < bias else (draw.choice("abc"), draw.choice("aab")) for _ in range(50)]
        assert kappa(pairs) == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_a_model_that_says_one_thing_of_everything_does_not_agree_beyond_chance() -> None:
    assert kappa([("a", "a")] * 9) == 0 and kappa([("a", "b")] * 9) == 0
    assert kappa([("a", "a"), ("b", "b")]) == 1 and kappa([("a", "b"), ("b", "a")]) == -1
