"""Words of texts, samples of them, and how far two frequency distributions are apart."""

from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from ds_stilts.data.word_counts import divergence, draw_sample, mixed_counts, words
from ds_stilts.tasks.examples import PairExample, TextExample


def texts(*lines: str) -> list[TextExample]:
    return [TextExample(id=str(place), text=line) for place, line in enumerate(lines)]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The cat's “HAT” – it’s ﬁne!", "en", ["the", "cat", "s", "hat", "it", "s", "fine"]),
        ("हिन्दी में लिखा है।", "hi", ["हिन्दी", "में", "लिखा", "है"]),
        ("我爱你, 2 次", "zh", ["我", "爱", "你", "2", "次"]),
        ("…", "en", []),
    ],
)
def test_words_are_without_case_and_punctuation_and_characters_where_no_spaces_are_written(
    text: str, language: str, expected: list[str]
) -> None:
    assert words(text, language) == expected


def test_divergence_is_scipys_and_runs_from_nothing_to_one() -> None:
    draw = np.random.default_rng(0)
    ours, theirs = (Counter(map(str, draw.zipf(1.5, 500) % 40)) for _ in range(2))
    both = sorted({*ours, *theirs})
    expected = jensenshannon([ours[word] for word in both], [theirs[word] for word in both], base=2) ** 2
    assert divergence(ours, theirs) == pytest.approx(expected, abs=1e-12) and 0 < expected < 1
    assert divergence({"a": 1, "b": 1}, {"a": 1}) == pytest.approx(0.311278, abs=1e-6), "3/4 log2 4/3"
    assert divergence(ours, ours) == 0 and divergence({"a": 3}, {"b": 1}) == 1


def test_a_sample_has_distinct_texts_whatever_their_order_and_counts_the_whole_set() -> None:
    lines = [f"word{number} and word{number + 1}" for number in range(300)]
    whole = draw_sample(texts(*lines, *lines[:50]), "en", salt="x")
    assert whole.num_examples == 350 and whole.words_each == 3.0
    assert len(whole.texts) == 300 and whole.num_words == 900, "a text that comes twice is there once"
    some = draw_sample(texts(*lines), "en", salt="x", most=40)
    assert some.texts == whole.texts[:40] == draw_sample(texts(*reversed(lines)), "en", salt="x", most=40).texts
    other = draw_sample(texts(*lines), "en", salt="y", most=40)
    assert len(set(some.texts) & set(other.texts)) < 20, "another salt is another sample"
    first, second = whole.halves()
    assert set(first.texts) | set(second.texts) == set(whole.texts) and len(first.texts) == len(second.texts) == 150


def test_all_texts_of_an_example_count_and_one_without_words_does_not() -> None:
    pair = PairExample(id="1", premise="One two", hypothesis="three", label="neutral")
    sample = draw_sample([pair, PairExample(id="2", premise="!", hypothesis="?", label="neutral")], "en", salt="x")
    assert sorted(sample.texts) == [("one", "two"), ("three",)] and sample.words_each == 1.5
    assert draw_sample([], "en", salt="x").num_words == 0


def test_a_mixture_has_the_shares_of_its_parts() -> None:
    ours, theirs = (draw_sample(texts(*[f"{word} {n}" for n in range(99)]), "en", salt="x") for word in ("a", "b"))
    counts = mixed_counts([(ours, 0.75), (theirs, 0.25)], 80)
    assert counts.total() == 80 and (counts["a"], counts["b"]) == (30, 10)
