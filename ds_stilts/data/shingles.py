"""How alike two texts are: the resemblance of their sets of character n-grams, and its estimate by MinHash.

Broder 1997, "On the resemblance and containment of documents"; near-duplicates are looked for so in training data by
Lee et al. 2022, "Deduplicating training data makes language models better". Characters and not words, since one
threshold then serves sentences and passages, and scripts without spaces. Signatures are numpy's work on many texts at
once: datasketch 2.0, which hashes one text at a time, took 15 times as long for sentences of MultiNLI.
"""

import sys
import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

GRAM = 5
"""Characters of an n-gram."""

_FACTOR = np.uint32(0x9E3779B1)
_CHUNK_TEXTS = 1000
"""So many at a time stay in a core's cache."""


def normalised(text: str) -> str:
    """Letters, marks and digits alone, in compatibility form (NFKC) and without case; "" where there are none.

    Spaces fall too: data sets differ in how they cut words, and scripts in whether they do.
    """
    return unicodedata.normalize("NFKC", text).casefold().translate(_dropped())


@cache
def _dropped() -> dict[int, None]:
    """Punctuation, symbols, separators, and characters of control."""
    return {
        code: None
        for code in range(sys.maxunicode + 1)
        if (kind := unicodedata.category(chr(code)))[0] in "PSZ" or kind in ("Cc", "Cf")
    }


def grams(text: str) -> set[str]:
    """The n-grams of a normalised text; of one that is shorter than an n-gram, itself."""
    return {text[start : start + GRAM] for start in range(max(1, len(text) - GRAM + 1))}


def resemblance(one: str, other: str) -> float:
    """Shared n-grams among all n-grams of two normalised texts (Jaccard), from 0 to 1. Exact."""
    own, others = grams(one), grams(other)
    shared = len(own & others)
    return shared / (len(own) + len(others) - shared)


def signatures(texts: Sequence[str], num_hashes: int) -> NDArray[np.uint32]:
    """MinHash signatures: two texts agree in a hash with a probability that is their resemblance.

    Args:
        texts: normalised, none of them empty.
        num_hashes: H, how many hashes.

    Returns:
        [texts, H]; the same for a text in every call and on every machine.
    """
    made = [_signatures(texts[at : at + _CHUNK_TEXTS], num_hashes) for at in range(0, len(texts), _CHUNK_TEXTS)]
    return np.concatenate(made) if made else np.empty((0, num_hashes), np.uint32)


def _signatures(texts: Sequence[str], num_hashes: int) -> NDArray[np.uint32]:
    padded = [text.ljust(GRAM, "\0") for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([len(text) for text in padded])
    hashes: NDArray[np.uint32] = np.zeros(len(codes) - GRAM + 1, np.uint32)
    for place in range(GRAM):
        hashes = hashes * _FACTOR + codes[place : place + len(hashes)]
    inside: NDArray[np.bool_] = np.ones(len(codes), bool)
    for place in range(1, GRAM):
        inside[ends - place] = False  # these would begin in one text and end in the next
    hashes = _mixed(hashes[inside[: len(hashes)]])
    starts = ends - (GRAM - 1) * np.arange(1, len(texts) + 1)
    starts = np.concatenate([[0], starts[:-1]])
    # Of a family of affine maps on well-mixed values, as in the implementations in use.
    draw = np.random.Generator(np.random.PCG64(0))
    factors, terms = (draw.integers(0, 2**32, num_hashes, dtype=np.uint32) for _ in range(2))
    found: NDArray[np.uint32] = np.empty((len(texts), num_hashes), np.uint32)
    for number, (factor, term) in enumerate(zip(factors | np.uint32(1), terms, strict=True)):
        found[:, number] = np.minimum.reduceat(hashes * factor + term, starts)
    return found


def _mixed(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Each bit made to depend on all others (the finaliser of MurmurHash3, Appleby)."""
    values ^= values >> np.uint32(16)
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values
