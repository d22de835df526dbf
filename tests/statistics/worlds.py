"""Made-up runs of two arms of which the true contrast is known, for the tests and benchmarks/statistics_simulations.py.

An item of language l is right where a normal deviate lies below level(l) + effect (our arm only) + seed + language of
that seed + easiness of the item (shared by arms) + liking of the item (of one arm, shared by its seeds and languages).
Seeds and items are drawn anew for each data set; levels and effect are the truth.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from ds_stilts.statistics.bootstrap import Tally
from ds_stilts.statistics.multi_bootstrap import Measure, SeedScores

CHANCE_LEVELS = (0.85, 0.75, 0.65, 0.55)
"""Rough accuracies of languages, repeated as often as needed."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Standard deviations are on the scale of the deviate, whose own is 1."""

    num_seeds: int = 6
    num_languages: int = 3
    num_items: int = 400
    effect: float = 0.0
    seed_sd: float = 0.05
    language_sd: float = 0.03
    """Of a seed in one language."""
    easy_sd: float = 0.8
    liking_sd: float = 0.3
    skewed: bool = False
    """Our seeds are exponential (skewness 2), theirs normal."""
    apart: bool = True
    """Languages are of different accuracy; else all of that of the last of `CHANCE_LEVELS`."""
    chunks: bool = False
    """F1 of 1 to 6 chunks an item instead of accuracy."""

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(f"l{place}" for place in range(self.num_languages))

    def levels(self) -> np.ndarray:
        """[languages]"""
        chances = np.resize(CHANCE_LEVELS if self.apart else CHANCE_LEVELS[-1:], self.num_languages)
        return stats.norm.ppf(chances) * self._spread(inner=False)

    def _spread(self, inner: bool) -> float:
        """Of the deviate and all that an item adds; and of what a seed adds, but for `inner`."""
        within = 1 + self.easy_sd**2 + self.liking_sd**2
        return float(np.sqrt(within if inner else within + self.seed_sd**2 + self.language_sd**2))

    def arms(self, draw: np.random.Generator) -> tuple[list[SeedScores], list[SeedScores]]:
        """Ours and theirs, one value of `SeedScores` a seed, of a task "t"."""
        right, gold, wrong = self.items(draw)
        ids = np.arange(self.num_items)
        return tuple(  # type: ignore[return-value]
            [
                {
                    "t": {
                        name: self._tally(ids, right[arm, seed, place], gold[place], wrong[arm, seed, place])
                        for place, name in enumerate(self.languages)
                    }
                }
                for seed in range(self.num_seeds)
            ]
            for arm in (0, 1)
        )

    def items(self, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is right [2, seeds, languages, items], of how many [languages, items], and chunks that are too many."""
        shape = (2, self.num_seeds, self.num_languages, self.num_items)
        seeds = self.seed_sd * draw.normal(size=shape[:2])
        if self.skewed:
            seeds[0] = self.seed_sd * (draw.exponential(size=self.num_seeds) - 1)
        mean = (
            self.levels()[:, None]
            + self.effect * np.array([1, 0])[:, None, None, None]
            + seeds[:, :, None, None]
            + self.language_sd * draw.normal(size=(*shape[:3], 1))
            + self.easy_sd * draw.normal(size=(1, 1, 1, self.num_items))
            + self.liking_sd * draw.normal(size=(2, 1, 1, self.num_items))
        )
        if not self.chunks:
            return (draw.normal(size=shape) < mean).astype(float), np.ones(shape[2:]), np.zeros(shape)
        gold = draw.integers(1, 7, shape[2:])
        right = draw.binomial(np.broadcast_to(gold, shape), stats.norm.cdf(mean))
        return right.astype(float), gold.astype(float), draw.binomial(gold - right, 0.5).astype(float)

    def _tally(self, ids: np.ndarray, right: np.ndarray, gold: np.ndarray, wrong: np.ndarray) -> Tally:
        over, under = (2 * right, gold + right + wrong) if self.chunks else (right, gold)
        return Tally(ids=ids, over=over.reshape(-1, 1, 1), under=under.reshape(-1, 1, 1))

    def truth(self) -> float:
        """Mean over languages of ours − theirs in percent, in expectation over seeds and items."""
        return self.truth_of(lambda values: values.mean(axis=-1))

    def truth_of(self, measure: Measure) -> float:
        """What a measure of languages' values gives of ours − theirs where seeds and items have no end."""
        ours, theirs = (measure(_expected(self, arm)) for arm in (0, 1))
        return float(ours - theirs)


@cache
def _expected(world: World, arm: int) -> np.ndarray:
    """[languages] in percent, by quadrature over what a seed adds."""
    grid = (np.arange(4000) + 0.5) / 4000
    skewed = world.skewed and arm == 0
    seeds = world.seed_sd * (stats.expon.ppf(grid) - 1 if skewed else stats.norm.ppf(grid))
    means = world.levels()[:, None] + (world.effect if arm == 0 else 0.0) + seeds
    within, of_language = world._spread(inner=True), world.language_sd
    if not world.chunks:
        return np.asarray(100 * stats.norm.cdf(means / np.hypot(within, of_language)).mean(axis=1))
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    share = stats.norm.cdf((means[..., None] + of_language * nodes) / within)
    return np.asarray(100 * (2 * share / (1.5 + 0.5 * share) @ weights).mean(axis=1) / weights.sum())


CASES = {
    "seeds and items alike": World(num_items=150),
    "items dominate": World(num_items=150, seed_sd=0, language_sd=0, liking_sd=1),
    "seeds dominate": World(num_items=150, seed_sd=0.3, effect=0.3),
    "skewed seeds in one arm": World(num_items=150, seed_sd=0.3, skewed=True, effect=0.3),
    "F1 of chunks": World(num_items=150, chunks=True, effect=0.2, num_languages=2),
    "one language, few items": World(num_items=60, num_languages=1, effect=0.3),
    "nothing but noise": World(num_items=150, seed_sd=0, language_sd=0, liking_sd=0, num_languages=2),
}
"""What is hard: seeds or items that dominate, skewed seeds, ratios, few items, one language, and no effect at all."""
