"""How well a linear classifier tells two samples apart, against scikit-learn's, and by what is known beforehand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from ds_stilts.statistics.proxy_a import FOLDS, logistic_regression, proxy_a_distance


def pieces(draw: np.random.Generator, shares_V: np.ndarray, count: int) -> csr_matrix:
    """Of 32 words each."""
    return csr_matrix(normalize(draw.multinomial(32, shares_V, size=count).astype(float)))


def distance(ours: csr_matrix, theirs: csr_matrix) -> float:
    """In runs of neighbours."""
    folds = (np.arange(one.shape[0]) * FOLDS // one.shape[0] for one in (ours, theirs))
    return proxy_a_distance(ours, theirs, *folds)


def zipf(vocabulary: int) -> np.ndarray:
    shares_V = 1 / np.arange(1, vocabulary + 1)
    return shares_V / shares_V.sum()


def test_the_classifier_is_scikit_learns() -> None:
    draw = np.random.default_rng(1)
    rows, labels = pieces(draw, zipf(300), 500), draw.random(500) < 0.4
    weights_V, bias = logistic_regression(rows, labels)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(rows, labels)
    assert weights_V == pytest.approx(theirs.coef_[0], abs=1e-3) and bias == pytest.approx(
        theirs.intercept_[0], abs=1e-3
    )


def test_two_samples_of_one_source_are_told_by_chance_and_two_without_a_common_word_always() -> None:
    draw, one = np.random.default_rng(2), zipf(400)
    other = np.concatenate([np.zeros(400), one])
    one = np.concatenate([one, np.zeros(400)])
    by_chance = [distance(pieces(draw, one, 400), pieces(draw, one, 400)) for _ in range(10)]
    assert abs(np.mean(by_chance)) < 3 * 2 / np.sqrt(10 * 800)
    assert distance(pieces(draw, one, 400), pieces(draw, other, 400)) == 2


def test_the_distance_is_that_of_the_best_classifier_there_can_be() -> None:
    """Two words of which ours has the first with p = .55: by the likelihood ratio, which is linear, ours are told where
    it came more often than 16 times of 32, and half of the ties."""
    draw, p = np.random.default_rng(3), 0.55
    right = binom.sf(16, 32, p) + binom.pmf(16, 32, p) / 2
    found = distance(pieces(draw, np.array([p, 1 - p]), 4000), pieces(draw, np.array([1 - p, p]), 4000))
    assert found == pytest.approx(2 * (1 - 2 * (1 - right)), abs=0.08)


def test_pieces_of_one_text_are_not_learned_from_and_told() -> None:
    """Every text has a word of its own in its four pieces, which lie side by side; beside it all is noise."""
    draw, texts = np.random.default_rng(4), 100 * FOLDS

    def sample(first: int) -> csr_matrix:
        noise = draw.multinomial(31, np.ones(20) / 20, size=4 * texts // FOLDS)
        own = np.zeros((len(noise), 2 * texts))
        own[np.arange(len(noise)), first + np.arange(len(noise)) // 4] = 10
        return csr_matrix(normalize(np.hstack([noise, own])))

    assert abs(distance(sample(0), sample(texts))) < 0.25
