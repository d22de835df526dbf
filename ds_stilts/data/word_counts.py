"""How far the words of one set of texts are from those of another: relative frequencies, and their divergence.

Of sets that are too large to count whole a sample is drawn, the same in every process: the distinct texts with the
smallest hashes (Bar-Yossef et al. 2002, "Counting distinct elements in a data stream", keep them so). Two samples of
finitely many words differ even where they come from one source, the more the fewer words; so only samples of equally
many words are compared.
"""

import heapq
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

import numpy as np
import xxhash

from ds_stilts.data.repeats import texts_of
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.real_fake import UNSPACED

MOST_TEXTS = 50_000
"""Distinct texts that a sample holds."""


def words(text: str, language: str) -> list[str]:
    """The words of a text in compatibility form (NFKC) and without case, punctuation dropped; of languages that are
    written without spaces, characters."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_spaced())
    return [letter for letter in plain if letter != " "] if language in UNSPACED else plain.split()


def joined(words: Iterable[str], language: str) -> str:
    """Words as a text."""
    return ("" if language in UNSPACED else " ").join(words)


@cache
def _spaced() -> dict[int, str]:
    """Punctuation, symbols, separators, and characters of control, each as a space."""
    return {code: " " for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in "PSZC"}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some of the distinct texts of a set, in random order."""

    texts: tuple[tuple[str, ...], ...]
    """Their words."""
    num_examples: int
    """Of the whole set."""
    words_each: float
    """Mean words of an example, all of its texts together."""

    @property
    def num_words(self) -> int:
        """Of the sample."""
        return sum(map(len, self.texts))

    def halves(self) -> tuple["Sample", "Sample"]:
        """Every other text, and the others."""
        first, second = (
            Sample(texts=self.texts[start::2], num_examples=self.num_examples, words_each=self.words_each)
            for start in (0, 1)
        )
        return first, second

    def first(self, num_words: int) -> list[str]:
        """So many words, text by text."""
        return list(islice(chain.from_iterable(self.texts), num_words))

    def counts(self, num_words: int) -> Counter[str]:
        """How often each of the first words occurs among them."""
        return Counter(self.first(num_words))


def draw_sample(examples: Iterable[Example], language: str, *, salt: str, most: int = MOST_TEXTS) -> Sample:
    """Read a set to its end, and keep `most` of its distinct texts.

    Args:
        salt: samples with different ones are independent, also of one set.
    """
    kept: list[tuple[int, tuple[str, ...]]] = []
    """A heap, the largest hash on top: hashes are negative."""
    known: set[int] = set()
    num_examples = num_words = 0
    for example in examples:
        num_examples += 1
        for text in texts_of(example):
            own = words(text, language)
            num_words += len(own)
            key = -xxhash.xxh3_64_intdigest(f"{salt}\0{' '.join(own)}".encode("utf-8", "surrogatepass"))
            if not own or key in known or (len(kept) == most and key < kept[0][0]):
                continue
            known.add(key)
            if len(kept) < most:
                heapq.heappush(kept, (key, tuple(own)))
            else:
                known.remove(heapq.heappushpop(kept, (key, tuple(own)))[0])
    return Sample(
        texts=tuple(own for _, own in sorted(kept, reverse=True)),
        num_examples=num_examples,
        words_each=num_words / num_examples if num_examples else 0.0,
    )


def mixed_counts(parts: Sequence[tuple[Sample, float]], num_words: int) -> Counter[str]:
    """Words of a mixture of sets.

    Args:
        parts: each with its share of the words; shares add up to 1.
        num_words: in all, but for rounding.
    """
    found: Counter[str] = Counter()
    for sample, share in parts:
        found.update(sample.counts(round(share * num_words)))
    return found


def divergence(ours: Mapping[str, int], theirs: Mapping[str, int]) -> float:
    """Jensen-Shannon divergence of two frequency distributions to base 2 (Lin 1991, doi:10.1109/18.61115): 0 where they
    are equal, 1 where they have no word in common.

    Args:
        ours, theirs: counts by word; neither is empty.
    """
    vocabulary = sorted(ours.keys() | theirs.keys())  # in one order, so that sums are the same to the last bit
    p_V, q_V = (np.array([counts.get(word, 0) for word in vocabulary], float) for counts in (ours, theirs))
    p_V, q_V = p_V / p_V.sum(), q_V / q_V.sum()
    middle = _entropy((p_V + q_V) / 2)
    return min(1.0, max(0.0, middle - (_entropy(p_V) + _entropy(q_V)) / 2))


def _entropy(shares_V: np.ndarray) -> float:
    """In bits."""
    positive = shares_V[shares_V > 0]
    return float(-(positive * np.log2(positive)).sum())
