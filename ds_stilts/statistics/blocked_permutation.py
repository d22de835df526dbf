"""Does the gain go with a property of the language? A permutation test that respects families.

Languages of one family are alike in gain and in most properties, so shuffling a covariate over all languages would find
too much. Here languages are shuffled within their family, and families of the same size change places as a whole; under
the null hypothesis, with a random effect of the family or without, no such change matters (exchangeability blocks:
Winkler et al. 2015, doi:10.1016/j.neuroimage.2015.05.092). No distribution is assumed, and no model has to converge.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from math import factorial, prod

import numpy as np

from ds_stilts.errors import StatisticsError

RESAMPLES = 9_999
_EQUAL = 1 - 1e-12
"""Orders that change nothing but the last bits count as equal."""


@dataclass(frozen=True, kw_only=True)
class BlockedResult:
    """Of the slope of the languages' gains in a covariate."""

    estimate: float
    """Least-squares slope over languages, each counted once."""
    p: float
    """Two-sided."""
    least_p: float
    """The smallest p that these families, covariates and draws can give: covariates that are alike within a family
    leave some orders as steep as each other."""
    n: int
    """Languages."""
    method: str


def language_gains(
    gains_N: np.ndarray,
    *,
    languages_N: Sequence[Hashable],
    tasks_N: Sequence[Hashable],
    seeds_N: Sequence[Hashable],
) -> dict[Hashable, float]:
    """Each language's gain, with what tasks and seeds add taken off: a least-squares fit of language + task + seed.

    Where every language has every task and seed these are plain means. Languages are in order of first appearance.
    """
    columns = [_indicators(values) for values in (languages_N, tasks_N, seeds_N)]
    own = columns[0].shape[1]
    # Tasks and seeds as differences from their mean, so that the language's part is a mean over them.
    design = np.concatenate([columns[0], *(one - one.mean(axis=0) for one in columns[1:])], axis=1)
    fitted = np.linalg.lstsq(design, np.asarray(gains_N, np.float64), rcond=None)[0]
    return dict(zip(dict.fromkeys(languages_N), map(float, fitted[:own]), strict=True))


def blocked_permutation(
    gains_L: np.ndarray,
    covariate_L: np.ndarray,
    families_L: Sequence[Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> BlockedResult:
    """Is the slope steeper than after shuffling within families, and families of the same size among themselves?

    Args:
        gains_L: float [languages], one for each (`language_gains`).
        covariate_L: float [languages].
        families_L: the family of each.
        resamples: all orders are gone through where there are no more than that; else that many random ones, and p
            counts the observed order as one more (Phipson and Smyth 2010).

    Raises:
        StatisticsError: columns of different length, a covariate without spread, or families that leave nothing to
            shuffle.
    """
    gains, covariate = np.asarray(gains_L, np.float64), np.asarray(covariate_L, np.float64)
    if not len(gains) == len(covariate) == len(families_L) or not len(gains):
        raise StatisticsError(
            f"blocked permutation: {len(gains)} gains, {len(covariate)} covariates, {len(families_L)} families; give "
            "one of each for every language"
        )
    if not (np.isfinite(gains).all() and np.isfinite(covariate).all()) or np.ptp(covariate) == 0:
        raise StatisticsError(
            "blocked permutation: gains and covariates have to be finite numbers, and the covariate has to differ "
            "between languages; leave out languages without a value, or choose another covariate"
        )
    of_size = _blocks(families_L)
    orders = prod(factorial(size) ** len(blocks) * factorial(len(blocks)) for size, blocks in of_size.items())
    if orders == 1:
        raise StatisticsError(
            "blocked permutation: no family has two languages and no two families are of one size, so there is "
            "nothing to shuffle; add languages"
        )
    is_exact = orders <= resamples
    draw = np.random.default_rng(seed)
    chosen = _all_orders(of_size, len(gains)) if is_exact else (
        _shuffle(of_size, draw, len(gains)) for _ in range(resamples)
    )  # fmt: skip
    shuffled = np.stack([gains[order] for order in chosen])
    centred = covariate - covariate.mean()
    slopes, observed = shuffled @ centred / (centred @ centred), float(gains @ centred / (centred @ centred))
    steepness = np.abs(slopes)
    as_steep = int((steepness >= abs(observed) * _EQUAL).sum())
    steepest = int((steepness >= steepness.max() * _EQUAL).sum())
    more = 0 if is_exact else 1  # the observed order is among all of them, but not among random ones
    return BlockedResult(
        estimate=observed,
        p=(as_steep + more) / (len(slopes) + more),
        least_p=steepest / (len(slopes) + more),
        n=len(gains),
        method=f"family-blocked permutation test, {f'all {orders:,}' if is_exact else f'{resamples:,} random'} orders "
        f"of {len(gains)} languages in {len(set(families_L))} families",
    )


def _indicators(values: Sequence[Hashable]) -> np.ndarray:
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return np.eye(len(places))[[places[value] for value in values]]


def _blocks(families: Sequence[Hashable]) -> dict[int, list[np.ndarray]]:
    """By size, the places of the languages of each family of that size."""
    members: dict[Hashable, list[int]] = defaultdict(list)
    for place, family in enumerate(families):
        members[family].append(place)
    of_size: dict[int, list[np.ndarray]] = defaultdict(list)
    for places in members.values():
        of_size[len(places)].append(np.array(places))
    return of_size


def _all_orders(of_size: dict[int, list[np.ndarray]], num_languages: int) -> Iterator[np.ndarray]:
    """Every order that `_shuffle` may draw, once each."""
    by_size = [
        [
            list(zip(blocks, inner, strict=True))
            for outer in permutations(blocks)
            for inner in product(*map(_own, outer))
        ]
        for blocks in of_size.values()
    ]
    for chosen in product(*by_size):
        order: np.ndarray = np.empty(num_languages, np.int64)
        for target, source in (pair for pairs in chosen for pair in pairs):
            order[target] = source
        yield order


def _own(block: np.ndarray) -> list[list[int]]:
    """The orders of one family's languages."""
    return [list(order) for order in permutations(block.tolist())]


def _shuffle(of_size: dict[int, list[np.ndarray]], draw: np.random.Generator, num_languages: int) -> np.ndarray:
    """int [languages]: whose gain each takes."""
    order: np.ndarray = np.empty(num_languages, np.int64)
    for blocks in of_size.values():
        for target, source in zip(blocks, draw.permutation(len(blocks)), strict=True):
            order[target] = draw.permutation(blocks[source])
    return order
