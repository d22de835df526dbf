"""Pieces of equally many words: how they are cut, in which part each is, and which of them are embedded."""

from collections import Counter

import pytest

from ds_stilts.data.word_counts import Sample
from ds_stilts.data.word_pieces import PIECE_WORDS, cut, some_texts, told_apart
from ds_stilts.statistics.proxy_a import FOLDS


def sample(prefix: str, texts: int, words: int = 8) -> Sample:
    """Texts of `words` words, each with its number in them."""
    own = tuple(tuple(f"{prefix}{text}.{word}" for word in range(words)) for text in range(texts))
    return Sample(texts=own, num_examples=texts, words_each=float(words))


def test_every_part_has_as_much_of_each_set_and_neighbours_are_together() -> None:
    pieces = cut([(sample("a", 400), 0.75), (sample("b", 400), 0.25)], 3200)
    assert len(pieces.words) == 75 + 25 and {len(words) for words in pieces.words} == {PIECE_WORDS}
    for prefix, each in (("a", 15), ("b", 5)):
        folds = [fold for words, fold in zip(pieces.words, pieces.folds, strict=True) if words[0].startswith(prefix)]
        assert folds == sorted(folds) and Counter(folds) == dict.fromkeys(range(FOLDS), each)
    assert pieces.words[1] == tuple(f"a{text}.{word}" for text in range(4, 8) for word in range(8))


def test_what_is_left_over_of_a_set_is_dropped() -> None:
    assert len(cut([(sample("a", 41), 1.0)], 41 * 8).words) == 10


def test_sets_without_a_common_word_are_told_apart_and_a_set_from_itself_by_no_more_than_chance() -> None:
    draw = cut([(sample("", 400, words=1), 1.0)], 400)
    common = Sample(texts=(("x",) * 32,) * 300, num_examples=300, words_each=32.0)
    same = cut([(common, 1.0)], 300 * 32)
    other = cut([(Sample(texts=(("y",) * 32,) * 300, num_examples=300, words_each=32.0), 1.0)], 300 * 32)
    assert told_apart(same, other) == 2 and told_apart(same, same) == pytest.approx(0, abs=1e-9)
    assert len(draw.words) == 12


def test_texts_to_be_embedded_are_spread_over_all_sets() -> None:
    pieces = cut([(sample("a", 400), 0.75), (sample("b", 400), 0.25)], 3200)
    texts = some_texts(pieces, 20, "en")
    assert Counter(text[0] for text in texts) == {"a": 15, "b": 5}
    assert texts[0].split() == list(pieces.words[0])
    assert some_texts(pieces, 20, "th")[0] == "".join(pieces.words[0])
    assert len(some_texts(pieces, 1000, "en")) == 100
