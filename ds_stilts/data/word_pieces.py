"""How well two sets of texts are told apart by the words of their pieces.

Pieces are equally long, whatever the texts are: a classifier would tell questions from passages by their length.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.sparse import csr_matrix

from ds_stilts.data.word_counts import Sample, joined
from ds_stilts.statistics.proxy_a import FOLDS, proxy_a_distance

PIECE_WORDS = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """Of a set, or of a mixture of sets."""

    words: tuple[tuple[str, ...], ...]
    """Of each piece, in their order."""
    folds: tuple[int, ...]
    """The part of a cross-validation that each is in: as many of every set in each, and neighbours together, which may
    be of one text."""


def cut(parts: Sequence[tuple[Sample, float]], num_words: int) -> Pieces:
    """Cut words of a mixture into pieces.

    Args:
        parts: each with its share of the words; shares add up to 1.
        num_words: in all; what is left over of a set is dropped.
    """
    words: list[tuple[str, ...]] = []
    folds: list[int] = []
    for sample, share in parts:
        own = sample.first(round(share * num_words))
        whole = len(own) // PIECE_WORDS
        words += [tuple(own[PIECE_WORDS * place : PIECE_WORDS * (place + 1)]) for place in range(whole)]
        folds += [place * FOLDS // whole for place in range(whole)]
    return Pieces(words=tuple(words), folds=tuple(folds))


def told_apart(ours: Pieces, theirs: Pieces) -> float:
    """Their proxy A-distance (`ds_stilts.statistics.proxy_a`): about 0 where a classifier guesses, 2 where it knows.

    Args:
        ours, theirs: with at least one piece in each fold.
    """
    vocabulary = {word: place for place, word in enumerate(sorted(set().union(*ours.words, *theirs.words)))}
    rows = [_rows(one.words, vocabulary) for one in (ours, theirs)]
    return proxy_a_distance(rows[0], rows[1], np.array(ours.folds), np.array(theirs.folds))


def some_texts(pieces: Pieces, most: int, language: str) -> list[str]:
    """Texts of pieces that are spread evenly over all: of each set of a mixture its share.

    Args:
        most: as many at most.
        language: of their words.
    """
    places = np.linspace(0, len(pieces.words), min(most, len(pieces.words)), endpoint=False).astype(int)
    return [joined(pieces.words[place], language) for place in places]


def _rows(pieces: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> csr_matrix:
    """Relative frequencies as rows of length 1."""
    values, columns, ends = [], [], [0]
    for piece in map(Counter, pieces):
        length = sqrt(sum(count**2 for count in piece.values()))
        values += [count / length for count in piece.values()]
        columns += [vocabulary[word] for word in piece]
        ends.append(len(columns))
    return csr_matrix((values, columns, ends), shape=(len(pieces), len(vocabulary)))
