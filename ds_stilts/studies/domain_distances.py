"""How far samples of what arms train on are from one of what a target is scored on, language by language.

By the Jensen-Shannon divergence of word frequencies (`ds_stilts.data.word_counts`), by how well a classifier tells
pieces of them apart (`ds_stilts.data.word_pieces`) and, where a model is there to embed these, by how far apart it puts
them (`ds_stilts.statistics.mmd`). All samples of a language have as many words: with fewer, distances are larger.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ds_stilts.data.word_counts import Sample, divergence, mixed_counts
from ds_stilts.data.word_pieces import PIECE_WORDS, cut, some_texts, told_apart
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.mmd import median_distance, squared_mmd

MEASURES: Mapping[str, float] = {"divergence": 1.0, "proxy": 2.0, "mmd": 2.0}
"""Names of measures, and the most that each can be."""
MOST_WORDS = 200_000
"""Of a sample that is compared, at the most."""
FEWEST_WORDS = 500
FEWEST_PIECES = 200
"""Of a sample whose pieces are compared: with so many, guessing comes to a proxy A-distance of 0 ± 0.1."""
MOST_EMBEDDED = 256
"""Pieces of a sample that are embedded, at the most."""
_HALVES = ""
"""The name under which the second half of what is scored stands among the arms."""

Mixture = Sequence[tuple[Sample, float]]
"""Sets, each with its share of the words."""


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Of a target, by one measure."""

    halves: float
    """Between two halves of what is scored: what the same domain comes to with so many words."""
    arms: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TargetDistances:
    """One target."""

    languages: tuple[str, ...]
    """Distances are means over these."""
    words: int
    """Of each sample that was compared, in the language that has the fewest."""
    divergence: Distances
    """Of word frequencies, from 0 (the same words as often) to 1 (no word in common)."""
    proxy: Distances | None
    """Proxy A-distances, around 0 where a classifier guesses, 2 where it is always right; None: too few words."""
    mmd: Distances | None
    """Squared maximum mean discrepancies in a model; None: too few words, no model, or one that takes all for one."""

    def by_measure(self) -> dict[str, Distances]:
        """Those that are known, by the names of `MEASURES`."""
        return {name: own for name in MEASURES if (own := getattr(self, name))}


def compare(
    scored: Mapping[str, Sample],
    trained: Mapping[str, Mapping[str, Mixture]],
    embed: Callable[[Sequence[str]], np.ndarray] | None = None,
) -> TargetDistances:
    """The distances of one target.

    Args:
        scored: by language.
        trained: by language and arm; the same arms in each.
        embed: vectors [N, D] of N texts.

    Raises:
        StatisticsError: there are too few words in a language.
    """
    found: dict[str, list[dict[str, float]]] = {measure: [] for measure in MEASURES}
    """By measure what each language has."""
    sizes = []
    for language, sample in scored.items():
        first, second = sample.halves()
        others: dict[str, Mixture] = {_HALVES: [(second, 1.0)], **trained[language]}
        most = [
            min((int(part.num_words / share) for part, share in parts if share), default=0) for parts in others.values()
        ]
        num_words = min(MOST_WORDS, first.num_words, *most)
        if num_words < FEWEST_WORDS:
            raise StatisticsError(
                f"has too few words in {language}: half of what is scored, or what an arm trains on, has "
                f"{num_words:,}, and of fewer than {FEWEST_WORDS} frequencies say nothing"
            )
        sizes.append(num_words)
        own = first.counts(num_words)
        found["divergence"].append(
            {name: divergence(own, mixed_counts(parts, num_words)) for name, parts in others.items()}
        )
        if num_words < FEWEST_PIECES * PIECE_WORDS:
            continue
        say(f"comparing pieces in {language}", passing=True)
        ours = cut([(first, 1.0)], num_words)
        pieces = {name: cut(parts, num_words) for name, parts in others.items()}
        found["proxy"].append({name: told_apart(ours, theirs) for name, theirs in pieces.items()})
        if embed:
            own_ND = embed(some_texts(ours, MOST_EMBEDDED, language))
            width = median_distance(own_ND)
            if width:  # else it takes all texts for one
                vectors = {name: embed(some_texts(theirs, MOST_EMBEDDED, language)) for name, theirs in pieces.items()}
                found["mmd"].append(
                    {name: squared_mmd(own_ND, theirs_ND, width) for name, theirs_ND in vectors.items()}
                )
    means = {measure: _mean(own) for measure, own in found.items() if len(own) == len(scored)}
    return TargetDistances(
        languages=tuple(scored),
        words=min(sizes),
        divergence=means["divergence"],
        proxy=means.get("proxy"),
        mmd=means.get("mmd"),
    )


def _mean(languages: Sequence[Mapping[str, float]]) -> Distances:
    means = {name: fmean(own[name] for own in languages) for name in languages[0]}
    return Distances(halves=means.pop(_HALVES), arms=means)
