"""Which of some texts occur among many others, exactly or nearly, in time linear in both.

Candidates are texts that agree in all hashes of some band of their MinHash signatures (Broder 1997; Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", ch. 3); each is then compared exactly: nothing is found that is not
so.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ds_stilts.data.shingles import resemblance, signatures

NEAR = 0.7
"""Resemblance from which on two texts are near-duplicates: of an English sentence of 100 letters one word is another,
of one of 40 letters one letter is."""
BANDS, ROWS = 32, 4
"""Two texts of resemblance s are candidates with probability 1 − (1 − s^ROWS)^BANDS: 0.9998 at s = 0.7, and 0.05 at
s = 0.2."""

_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)

Likeness = tuple[bool, float]
"""Whether two texts are equal, and their resemblance; the greater, the more alike."""


class NearTexts:
    """Texts that are looked for."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Args:
        texts: normalised (see `ds_stilts.data.shingles`), different, none of them empty.
        """
        self.texts = texts
        self._places = {text: place for place, text in enumerate(texts)}
        keys = _band_keys(texts)
        self._order = np.argsort(keys, axis=0, kind="stable").astype(np.int32)
        self._sorted = np.take_along_axis(keys, self._order, axis=0)

    def find(self, others: Sequence[str]) -> list[dict[int, Likeness]]:
        """For each of `others` (normalised, none of them empty) the places of the texts that it is, or is near to."""
        found: list[dict[int, Likeness]] = [{} for _ in others]
        for number, place in self._candidates(others):
            alike = resemblance(others[number], self.texts[place])
            if alike >= NEAR:
                found[number][place] = (False, alike)
        for number, other in enumerate(others):
            if other in self._places:
                found[number][self._places[other]] = (True, 1.0)
        return found

    def _candidates(self, others: Sequence[str]) -> list[tuple[int, int]]:
        """Pairs of a place in `others` and one in `texts`, each once."""
        keys, pairs = _band_keys(others), []
        for band in range(BANDS):
            own = self._sorted[:, band]
            first = np.searchsorted(own, keys[:, band], side="left")
            counts = np.searchsorted(own, keys[:, band], side="right") - first
            number: NDArray[np.int64] = np.repeat(np.arange(len(others)), counts)
            within = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
            place = self._order[np.repeat(first, counts) + within, band]
            pairs.append(np.stack([number, place], axis=1))
        return [(int(number), int(place)) for number, place in np.unique(np.concatenate(pairs), axis=0)]


def _band_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """One key for each band of each text, [texts, BANDS]."""
    wide = signatures(texts, BANDS * ROWS).reshape(len(texts), BANDS, ROWS).view(np.uint64)
    return np.asarray((wide * _FACTORS).sum(axis=2, dtype=np.uint64))
