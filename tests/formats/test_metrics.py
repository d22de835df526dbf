"""Metrics digit for digit as their reference programs compute them."""

import warnings
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ds_stilts.errors import DataError
from ds_stilts.formats import metrics

# Printed by seqeval 0.0.12's `f1_score` (PyPI wheel, Python 3.11), which XTREME (google-research/xtreme, 838c13b,
# evaluate.py) scores UDPOS and PAN-X with. Exact: the same divisions in the same order.
SEQEVAL_0_0_12 = [
    (
        [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "I-ORG", "I-ORG", "O"]],
        [["B-PER", "I-PER", "O", "B-ORG"], ["B-ORG", "I-ORG", "O", "O"]],
        0.3333333333333333,
    ),
    ([["DET", "NOUN", "NOUN", "VERB"]], [["DET", "NOUN", "VERB", "VERB"]], 0.3333333333333333),
    ([["SCONJ", "SCONJ", "SYM", "X"]], [["SCONJ", "CCONJ", "SYM", "X"]], 0.75),
    ([["OTHER", "NOUN", "O"]], [["OTHER", "NOUN", "VERB"]], 0.6666666666666666),
    ([["B-A-X", "I-B-X", "O"]], [["B-X", "I-X", "O"]], 1.0),
    ([["B", "I", "O", "E", "S"]], [["B", "I", "O", "S", "S"]], 0.75),
    ([["B-PER", "O"], ["B-LOC", "O"]], [["B-PER"], ["B-LOC", "O"]], 0.5),
    ([["O", "I-PER", "I-LOC"]], [["I-PER", "I-PER", "B-LOC"]], 0.5),
    ([["O", "O"]], [["O", "O"]], 0.0),
]


@pytest.mark.parametrize(("golds", "predictions", "f1"), SEQEVAL_0_0_12)
def test_chunk_f1_is_that_of_seqeval_0_0_12(golds, predictions, f1):
    assert metrics.chunk_f1(golds, predictions) == 100 * f1


TAG_SETS = {
    "IOB": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "IOBES": ["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "E-LOC", "S-LOC"],
    "UD": ["NOUN", "SCONJ", "SYM", "CCONJ", "X", "INTJ", "ADJ", "PROPN", "PUNCT", "VERB", "DET"],
    "begins with a position's letter": ["O", "OTHER", "OTHER-PER", "ETC", "BAD", "INTJ", "SYM", "."],
    "types with hyphens": ["B-A-X", "I-A-X", "B-X", "I-B-X", "O-X", "X-B"],
    "bare prefixes": ["B", "I", "E", "S", "O", "B-", "I-", "-PER", "-", "."],
}
SENTENCES = st.one_of(
    *(
        st.lists(st.lists(st.tuples(st.sampled_from(tags), st.sampled_from(tags), st.booleans()), max_size=7))
        for tags in (*TAG_SETS.values(), [tag for tags in TAG_SETS.values() for tag in tags])
    )
)
"""Sentences of (gold, another tag, whether the prediction is right)."""


@settings(max_examples=600, deadline=None)
@example([[], [("B-PER", "OTHER-PER", False), ("-PER", "O", True)]])
@given(SENTENCES)
def test_chunk_f1_is_the_oracles_on_any_tags(sentences):
    from seqeval import metrics as oracle  # `make setup` installs it; without it this test must fail, not vanish
    from seqeval.metrics.sequence_labeling import get_entities

    golds = [[gold for gold, _, _ in sentence] for sentence in sentences]
    predictions = [[gold if right else other for gold, other, right in sentence] for sentence in sentences]
    expected = 100.0 * oracle.f1_score(golds, predictions) if golds else 0.0
    assert metrics.chunk_f1(golds, predictions) == expected
    if golds:
        counts = metrics.chunk_counts(golds, predictions)
        for place, (sentence, *tags) in enumerate(zip(counts.tolist(), golds, predictions, strict=True)):
            # seqeval strings sentences together, and reads a tag such as "OTHER-PER" otherwise behind an "O".
            true, found = (set(get_entities([[], own] if place else [own])) for own in tags)
            assert sentence == [len(true & found), len(found), len(true)]


@settings(max_examples=200, deadline=None)
@given(SENTENCES, SENTENCES)
def test_chunk_f1_is_the_oracles_for_sentences_of_other_lengths(sentences, others):
    from seqeval import metrics as oracle

    golds, predictions = ([[tag for tag, _, _ in sentence] for sentence in side] for side in (sentences, others))
    if golds and predictions:
        assert metrics.chunk_f1(golds, predictions) == 100.0 * oracle.f1_score(golds, predictions)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(TAG_SETS)).flatmap(lambda name: st.lists(st.sampled_from(TAG_SETS[name]), max_size=12)))
def test_chunks_are_the_oracles_entities(tags):
    from seqeval.metrics.sequence_labeling import get_entities

    assert metrics.chunks(tags) == set(get_entities(tags))


@pytest.mark.parametrize("name", sorted(TAG_SETS))
def test_chunk_f1_is_the_oracles_on_many_sentences(name):
    from seqeval import metrics as oracle

    draw = Random(name)
    golds = [draw.choices(TAG_SETS[name], k=draw.randrange(30)) for _ in range(300)]
    predictions = [[tag if draw.random() < 0.8 else draw.choice(TAG_SETS[name]) for tag in tags] for tags in golds]
    assert metrics.chunk_f1(golds, predictions) == 100.0 * oracle.f1_score(golds, predictions) > 0


def test_neighbouring_equal_tags_are_one_chunk_so_splitting_them_costs_both():
    # NOUN NOUN is one gold chunk; tagged NOUN VERB it becomes two wrong ones: of DET, NOUN and of DET, NOUN, VERB
    # only DET is common, 2 * (1/3 * 1/2) / (1/3 + 1/2) = 0.4, where token accuracy is 2/3
    gold, guess = ["DET", "NOUN", "NOUN"], ["DET", "NOUN", "VERB"]
    assert metrics.chunk_f1([gold], [guess]) == pytest.approx(40)
    assert metrics.accuracy(gold, guess) == pytest.approx(200 / 3)
    # two SCONJ are two chunks (S is seqeval's "single"): 2 of 3 are found, in all 2 * (2/3 * 2/3) / (4/3)
    assert metrics.chunk_f1([["DET", "SCONJ", "SCONJ"]], [["DET", "SCONJ", "SYM"]]) == pytest.approx(200 / 3)
    # a sentence's end parts equal neighbours
    assert metrics.chunk_f1([["NOUN"], ["NOUN"]], [["NOUN"], ["VERB"]]) == 50.0


def test_neighbouring_equal_tags_are_one_chunk_but_those_with_s_are_not():
    assert metrics.chunks(["NOUN", "NOUN", "X"]) == {("NOUN", 0, 1), ("X", 2, 2)}
    assert metrics.chunks(["SCONJ", "SCONJ", "SYM"]) == {("SCONJ", 0, 0), ("SCONJ", 1, 1), ("SYM", 2, 2)}
    assert metrics.chunks(["O", "OTHER"]) == set()


NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
SMALL = st.integers(0, 4).map(float)  # many ties
PAIRS = st.one_of(*(st.lists(st.tuples(kind, kind), min_size=2, max_size=40) for kind in (NUMBERS, SMALL)))


@settings(max_examples=300, deadline=None)
@given(PAIRS)
def test_correlations_are_those_of_scipy(pairs):
    from scipy import stats

    golds, predictions = map(list, zip(*pairs, strict=True))
    if len(set(golds)) == 1 or len(set(predictions)) == 1:
        assert metrics.pearson(golds, predictions) == metrics.spearman(golds, predictions) == 0.0
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        expected = stats.pearsonr(golds, predictions).statistic, stats.spearmanr(golds, predictions).statistic
    found = metrics.pearson(golds, predictions) / 100, metrics.spearman(golds, predictions) / 100
    assert found == pytest.approx(expected, abs=1e-6)


def test_correlations_of_hand_made_numbers():
    assert metrics.pearson([1, 2, 3], [2, 4, 6]) == metrics.spearman([1, 2, 3], [1, 10, 1000]) == pytest.approx(100)
    assert metrics.pearson([1, 2, 3], [3, 2, 1]) == pytest.approx(-100)
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
    assert metrics.spearman([0, 1, 1, 5], [1, 2, 3, 4]) == pytest.approx(100 * 4.5 / (4.5 * 5) ** 0.5)
    # constant numbers have no correlation; scipy gives nan
    assert metrics.pearson([0.5, 0.5], [1, 2]) == metrics.pearson([1, 2], [0.1, 0.1]) == 0.0


LABELS = st.lists(st.tuples(st.sampled_from("01"), st.sampled_from("01")), min_size=1, max_size=30)


@settings(max_examples=200, deadline=None)
@given(LABELS)
def test_accuracy_and_binary_f1_are_those_of_scikit_learn(pairs):
    from sklearn.metrics import accuracy_score, f1_score

    golds, predictions = map(list, zip(*pairs, strict=True))
    assert metrics.accuracy(golds, predictions) == pytest.approx(100 * accuracy_score(golds, predictions))
    expected = 100 * f1_score(golds, predictions, pos_label="1", zero_division=0)
    assert metrics.binary_f1(golds, predictions, "1") == pytest.approx(expected)


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.pearson, metrics.spearman])
def test_golds_and_predictions_of_other_number_are_our_fault_and_do_not_pass(metric):
    with pytest.raises(ValueError, match="2 golds for 3 predictions"):
        metric([1, 2], [1, 2, 3])


def test_accuracy_and_binary_f1_are_in_percent():
    assert metrics.accuracy(["a", "b", "a"], ["a", "b", "b"]) == pytest.approx(200 / 3)
    assert metrics.binary_f1(["1", "1", "0"], ["1", "0", "1"], "1") == 50.0
    assert metrics.binary_f1(["0"], ["0"], "1") == 0.0


def test_rows_without_gold_are_dropped_and_none_left_is_an_error():
    rows = [{"gold": None}, {"gold": []}, {"gold": 0}, {"gold": False}]
    assert metrics.with_gold(rows, "t", "en") == rows[2:]
    with pytest.raises(DataError, match="task 't', language 'en': none of the 2 predictions has a gold label"):
        metrics.with_gold(rows[:2], "t", "en")
