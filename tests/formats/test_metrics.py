"""Metrics digit for digit as their reference programs compute them."""

import pytest
from hypothesis import given, settings
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


POS = ["NOUN", "SCONJ", "SYM", "CCONJ", "X", "INTJ", "ADJ", "O", "ETC", "BAD", ".", "."]
NER = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-PER", "S-LOC", "I-A-PER", "B", "OTHER-PER"]
SENTENCES = st.one_of(*(st.lists(st.lists(st.sampled_from(tags), max_size=6), min_size=1) for tags in (POS, NER)))


@settings(max_examples=300, deadline=None)
@given(SENTENCES, st.data())
def test_chunk_f1_agrees_with_the_oracle_on_any_tags(golds, data):
    from seqeval import metrics as oracle  # `make setup` installs it; without it this test must fail, not vanish

    predictions = data.draw(SENTENCES)
    assert metrics.chunk_f1(golds, predictions) == 100.0 * oracle.f1_score(golds, predictions)


def test_neighbouring_equal_tags_are_one_chunk_but_those_with_s_are_not():
    assert metrics.chunks(["NOUN", "NOUN", "X"]) == {("NOUN", 0, 1), ("X", 2, 2)}
    assert metrics.chunks(["SCONJ", "SCONJ", "SYM"]) == {("SCONJ", 0, 0), ("SCONJ", 1, 1), ("SYM", 2, 2)}
    assert metrics.chunks(["O", "OTHER"]) == set()


# By hand from the official SQuAD v1.1 script, evaluate-v1.1.py (Rajpurkar et al. 2016); exact match and F1 as shares.
SQUAD = [
    ("The Cat!", ["cat"], 1, 1.0),
    ("a cat sat", ["the cat", "cat sat down"], 0, 0.8),
    ("cat", ["dog", "the cat sat"], 0, 2 / 3),
    ("the the", ["an"], 1, 0.0),  # nothing is left of either: equal, but no word in common
    ("", ["the"], 1, 0.0),
    ("１９９８", ["1998"], 0, 0.0),  # full-width digits keep their width
    ("北京市", ["北京"], 0, 0.0),  # no segmentation: one token against another
    ("«Paris»", ["Paris"], 0, 0.0),  # only ASCII punctuation goes
    ("a la carte", ["la carte"], 1, 1.0),  # English articles in every language
    ("cat cat", ["cat"], 0, 2 / 3),
    ("co-op", ["coop"], 1, 1.0),
]


@pytest.mark.parametrize(("prediction", "golds", "exact", "f1"), SQUAD)
def test_squad_scores_are_those_of_the_official_script(prediction, golds, exact, f1):
    assert metrics.exact_match(prediction, golds) == exact
    assert metrics.answer_f1(prediction, golds) == pytest.approx(f1)


def test_exact_match_and_f1_may_come_from_different_golds():
    assert metrics.squad_scores([["the", "b c"], ["x"]], ["b", "y"]) == {
        "exact_match": 0.0,
        "f1": pytest.approx(100 * (2 / 3) / 2),
    }


def test_accuracy_and_binary_f1_are_in_percent():
    assert metrics.accuracy(["a", "b", "a"], ["a", "b", "b"]) == pytest.approx(200 / 3)
    assert metrics.binary_f1(["1", "1", "0"], ["1", "0", "1"], "1") == 50.0
    assert metrics.binary_f1(["0"], ["0"], "1") == 0.0


def test_rows_without_gold_are_dropped_and_none_left_is_an_error():
    rows = [{"gold": None}, {"gold": []}, {"gold": 0}, {"gold": False}]
    assert metrics.with_gold(rows, "t", "en") == rows[2:]
    with pytest.raises(DataError, match="task 't', language 'en': none of the 2 predictions has a gold label"):
        metrics.with_gold(rows[:2], "t", "en")
