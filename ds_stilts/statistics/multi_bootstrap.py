"""Paired hierarchical bootstrap: how sure a contrast of two arms is, over training seeds and over test items.

Seeds are paired: seed s of one arm has the data order and head initialisation of seed s of the other. Test items are
the same for every seed and arm, so what they share does not average out over seeds. In the notation of two-way random
effects, the contrast of seed s on cluster c is d_sc = μ + a_s + b_c + e_sc, and its mean has the variance
σ_a²/S + σ_b²/C + σ_e²/(S·C), of which the two parts are estimated apart:

    seeds   s²/S, where s² is the sample variance of the S contrasts: estimates σ_a²/S + σ_e²/(S·C)
    items   the mean covariance, between two different seeds, of their contrasts over draws of item clusters that all
            seeds share: estimates σ_b²/C, at least 0

Drawing seeds with replacement would add only noise to the first part: the variance of that bootstrap is known, and
is (S−1)/S of it. That missing factor, and the normal quantile where Student's is due, are why percentiles of
draws of both seeds and items ("multi-bootstrap": Sellam et al. 2022, arXiv:2106.16163, section 3; Owen 2007, "The
pigeonhole bootstrap") cover 80 to 90 % instead of 95 % at six seeds that dominate. Here the interval is the estimate ±
Student's t times the root of the sum of both parts, with degrees of freedom after Welch and Satterthwaite: S − 1 where
seeds dominate, near those of the items where they do. docs/statistics.md has how often it covers, beside the ways that
were not taken.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.bootstrap import LEVEL, Tally, draw_counts, values_of_sums
from ds_stilts.statistics.estimate import Estimate, checked, satterthwaite, student

RESAMPLES = 10_000
_MAX_DRAWN = 1 << 20
"""Most counts held at once: 8 MiB, twice while a cell's are picked out."""

SeedScores = Mapping[str, Mapping[str, Tally]]
"""Of one arm and one seed: by task, then by language."""
Cell = tuple[str, str]
"""Task and language."""
Measure = Callable[[np.ndarray], np.ndarray]
"""From values [..., cells] in percent to one value [...], such as their mean or the least."""


@dataclass(frozen=True, kw_only=True)
class Contrast(Estimate):
    """An estimate whose standard error has two parts: se² = seed_se² + item_se²."""

    seed_se: float
    """The seeds' part; it shrinks with more seeds."""
    item_se: float
    """The test items' part, which no number of seeds makes smaller."""


def cells_of(scores: SeedScores) -> tuple[Cell, ...]:
    """The (task, language) of each place of the values that a `Measure` is given."""
    return tuple((task, language) for task in sorted(scores) for language in sorted(scores[task]))


def mean_over_tasks(cells: Sequence[Cell], chosen: Collection[Cell] | None = None) -> Measure:
    """The mean over tasks of the mean over languages, as XTREME's total: of all cells, or of the chosen ones.

    Raises:
        StatisticsError: nothing is chosen, or a cell that is not there.
    """
    odd = [cell for cell in chosen or () if cell not in cells]
    if odd or not cells or (chosen is not None and not chosen):
        raise StatisticsError(
            f"mean over tasks: {'no score of ' + ' in '.join(odd[0]) if odd else 'nothing is chosen'}; choose tasks "
            "and languages that were scored"
        )
    counted = [cell for cell in cells if chosen is None or cell in chosen]
    languages_of = Counter(task for task, _ in counted)
    return weighted([1 / languages_of[cell[0]] / len(languages_of) if cell in counted else 0.0 for cell in cells])


def weighted(weights: Sequence[float]) -> Measure:
    """The sum of values times weights [cells]."""
    fixed = np.asarray(weights, np.float64)
    return lambda values: values @ fixed


def multi_bootstrap(
    ours: Sequence[SeedScores],
    theirs: Sequence[SeedScores] | None,
    measures: Mapping[Hashable, Measure],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    max_drawn: int = _MAX_DRAWN,
) -> dict[Hashable, Contrast]:
    """Each measure of ours minus the same of theirs, by the measure's name.

    Args:
        ours: by seed. All seeds have the same tasks and languages, and the same item ids in each.
        theirs: the other arm; place s is paired with place s of `ours`. None: ours alone, with no p.
        measures: what to compare; each is given values [..., cells] in the order of `cells_of(ours[0])`.
        resamples: draws of item clusters. Clusters are ids, shared over languages and tasks as in `bootstrap`.
        seed: of the draws.
        max_drawn: limit on the counts held at once; no value depends on it but for rounding.

    Raises:
        StatisticsError: fewer than two seeds, or seeds and arms whose cells or items differ.
    """
    _check_paired(ours, theirs)
    runs, num_seeds, cells = [*ours, *(theirs or [])], len(ours), cells_of(ours[0])
    sums = [_cell_sums(runs, cell) for cell in cells]
    clusters, places = np.unique(np.concatenate([one.clusters for one in sums]), return_inverse=True)
    splits = np.split(places, np.cumsum([len(one.clusters) for one in sums])[:-1])

    def measured(values: np.ndarray) -> dict[Hashable, np.ndarray]:
        """From values [draws, runs, cells] to contrasts [draws, seeds]."""
        one, other = values[:, :num_seeds], values[:, num_seeds:]
        return {name: rule(one) - (rule(other) if theirs is not None else 0.0) for name, rule in measures.items()}

    observed = {
        name: checked(values[0])
        for name, values in measured(np.stack([one.values(None) for one in sums], axis=-1)).items()
    }
    moments = {name: _Moments(num_seeds) for name in measures}
    draw, step = np.random.default_rng(seed), max(1, max_drawn // max(1, len(clusters)))
    for first in range(0, resamples, step):
        counts = draw_counts(draw, min(step, resamples - first), len(clusters))
        values = np.stack([one.values(counts[:, place]) for one, place in zip(sums, splits, strict=True)], axis=-1)
        for name, drawn in measured(values).items():
            moments[name].add(drawn - observed[name])
    least = min(one.num_items for one in sums)
    found = {
        name: _contrast(values, moments[name].shared(), least, resamples, level) for name, values in observed.items()
    }
    return found if theirs is not None else {name: replace(one, p=None) for name, one in found.items()}


def _check_paired(ours: Sequence[SeedScores], theirs: Sequence[SeedScores] | None) -> None:
    if theirs is not None and len(theirs) != len(ours):
        raise StatisticsError(
            f"paired seeds: one arm has {len(ours)}, the other {len(theirs)}; give the seeds that both have run"
        )
    if len(ours) < 2:
        raise StatisticsError(f"{len(ours)} paired seed(s): a spread over seeds needs at least 2; run more seeds")
    cells = cells_of(ours[0])
    if not cells:
        raise StatisticsError("paired seeds: no task is scored in the first run; give at least one")
    for place, run in enumerate([*ours, *(theirs or [])]):
        odd = sorted(set(cells_of(run)) ^ set(cells))
        if odd:
            raise StatisticsError(
                f"run {place} (counted from 0, one arm after the other): {odd[0][0]} in {odd[0][1]} is scored in some "
                "runs and not in others; leave it out, or score it everywhere"
            )


def _contrast(contrasts_S: np.ndarray, shared: float, num_items: int, resamples: int, level: float) -> Contrast:
    num_seeds = len(contrasts_S)
    of_seeds = float(contrasts_S.var(ddof=1)) / num_seeds
    # The variance over draws lacks (C-1)/C, as that of any bootstrap. A negative covariance is one of noise. Few draws
    # make the variance as uncertain as few items do.
    of_items = max(shared, 0.0) * num_items / max(num_items - 1, 1)
    item_df = 1 / (1 / max(num_items - 1, 1) + 1 / max(resamples - 1, 1))
    variance, df = satterthwaite((of_seeds, num_seeds - 1), (of_items, item_df))
    estimate, se = float(contrasts_S.mean()), variance**0.5
    interval, p = student(estimate, se, df, level)
    return Contrast(
        estimate=estimate, se=se, df=df, level=level, interval=interval, p=p, n=num_seeds,
        method=f"multi-bootstrap over {num_seeds} seeds and at least {num_items} items ({resamples} draws), "
        "Student's t with Welch-Satterthwaite degrees of freedom",
        seed_se=of_seeds**0.5, item_se=of_items**0.5,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _CellSums:
    """What one cell's values are made of, by cluster."""

    num_items: int
    """Ids, with those that add nothing."""
    clusters: np.ndarray
    """[clusters], ids that add something."""
    columns: np.ndarray
    """float64 [clusters, distinct columns]: numerators and denominators of all runs, equal ones once."""
    which: np.ndarray
    """int [2 · runs · M · C]: the column of each."""
    shape: tuple[int, ...]
    """(2, runs, M, C): numerators, then denominators."""

    def values(self, counts: np.ndarray | None) -> np.ndarray:
        """Values [draws, runs] in percent, from how often each cluster is drawn [draws, clusters]; None: each once."""
        sums = self.columns.sum(axis=0)[None] if counts is None else counts @ self.columns
        over_under = sums[:, self.which].reshape(len(sums), *self.shape)
        return values_of_sums(over_under[:, 0], over_under[:, 1])


def _cell_sums(runs: Sequence[SeedScores], cell: Cell) -> _CellSums:
    task, language = cell
    tallies = [run[task][language] for run in runs]
    order = np.argsort(tallies[0].ids, kind="stable")
    sorted_ids = tallies[0].ids[order]
    ids, starts = np.unique(sorted_ids, return_index=True)
    sides = []
    for place, tally in enumerate(tallies):
        own = order
        if not np.array_equal(tally.ids, tallies[0].ids):
            own = np.argsort(tally.ids, kind="stable")
            if not np.array_equal(tally.ids[own], sorted_ids):
                raise StatisticsError(
                    f"{task} in {language}: run {place} (counted from 0, one arm after the other) was scored on other "
                    "items than run 0; score all runs on the same test set"
                )
        sides.append((tally.over[own], tally.under[own]))
    both = np.stack([np.stack(side, axis=1) for side in zip(*sides, strict=True)], axis=1).astype(np.float64)
    table = np.add.reduceat(both, starts, axis=0)
    shape, flat = table.shape[1:], table.reshape(len(ids), -1)
    kept = flat.any(axis=1)
    flat = flat[kept]
    firsts: dict[bytes, int] = {}
    equal_to = [firsts.setdefault(column.tobytes(), place) for place, column in enumerate(flat.T)]
    distinct, which = np.unique(equal_to, return_inverse=True)
    return _CellSums(num_items=len(ids), clusters=ids[kept], columns=flat[:, distinct], which=which, shape=shape)


class _Moments:
    """First and second moments of vectors [seeds], added up draw by draw."""

    def __init__(self, num_seeds: int) -> None:
        self._count = 0
        self._sums = np.zeros(num_seeds)
        self._products = np.zeros((num_seeds, num_seeds))

    def add(self, drawn: np.ndarray) -> None:
        """[draws, seeds], near 0."""
        self._count += len(drawn)
        self._sums += drawn.sum(axis=0)
        self._products += drawn.T @ drawn

    def shared(self) -> float:
        """The mean covariance of two different seeds."""
        covariances = self._products / self._count - np.outer(self._sums, self._sums) / self._count**2
        num_seeds = len(self._sums)
        return float((covariances.sum() - np.trace(covariances)) / (num_seeds * (num_seeds - 1)))
