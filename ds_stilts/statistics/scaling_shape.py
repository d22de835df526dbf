"""How a gain goes with an amount N, such as the number of languages learned from: its shape, and whether it falls.

Gains are held against log2(1 + N), after scaling laws of transfer (Isik et al. 2024, arXiv:2402.04177): scores follow a
logarithm if what is learned from fits the target, and may rise and fall again if it does not. Shapes are compared by
what they say of an arm that they were not fitted to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.estimate import Estimate, paired_contrast
from ds_stilts.statistics.multiplicity import adjusted

FEWEST_AMOUNTS = 3
"""With two there is a line through both, and no shape."""

Fit = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]]
"""From places [arms] and gains [arms] to a function of places."""


def _constant(x_A: np.ndarray, gains_A: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    mean = gains_A.mean()
    return lambda x: np.full(len(x), mean)


def _line(x_A: np.ndarray, gains_A: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    slope, start = np.polyfit(x_A, gains_A, 1)
    return lambda x: start + slope * x


def _broken_line(x_A: np.ndarray, gains_A: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Two lines that meet at an inner amount, that where squares are least, the lowest one of equals."""
    best: tuple[float, float, np.ndarray] | None = None
    for at in np.unique(x_A)[1:-1]:
        design = np.stack([np.ones(len(x_A)), x_A, np.maximum(0, x_A - at)], axis=1)
        weights = np.linalg.lstsq(design, gains_A, rcond=None)[0]
        squares = float(((design @ weights - gains_A) ** 2).sum())
        if best is None or squares < best[0] - 1e-9:
            best = (squares, float(at), weights)
    assert best is not None, "`scaling_shape` asks for three amounts"
    _, at, weights = best
    return lambda x: weights[0] + weights[1] * x + weights[2] * np.maximum(0, x - at)


SHAPES: Mapping[str, tuple[Fit, int]] = {
    "constant": (_constant, 1),
    "line": (_line, 2),
    "broken line": (_broken_line, 3),
}
"""By name, how it is fitted, and the different amounts that this takes."""


@dataclass(frozen=True, kw_only=True)
class Fall:
    """From one amount to a larger one."""

    start: float
    end: float
    change: Estimate
    """Below 0 where the gain falls."""
    adjusted_p: float | None
    """One-sided, of no fall, Holm over all pairs of amounts; None: nothing varies over seeds."""


@dataclass(frozen=True, kw_only=True)
class ScalingShape:
    """Of gains over amounts."""

    per_doubling: Estimate
    """Slope of the line: what one more doubling of 1 + N adds."""
    errors: Mapping[str, float | None]
    """By shape, root mean square error of an arm's gain where the shape was fitted to all other arms; None: these have
    too few different amounts."""
    fall: Fall
    """The pair of amounts with the smallest p, of equal ones the one that falls the most."""
    arms: int
    amounts: int


def scaling_shape(gains_SA: np.ndarray, amounts_A: np.ndarray) -> ScalingShape:
    """Look at the shape of gains over amounts.

    Args:
        gains_SA: float [seeds, arms]; several arms may have one amount.
        amounts_A: float [arms], 0 or more.

    Raises:
        StatisticsError: fewer than three different amounts, or than two seeds.
    """
    gains, amounts = np.asarray(gains_SA, np.float64), np.asarray(amounts_A, np.float64)
    different = np.unique(amounts)
    if len(different) < FEWEST_AMOUNTS:
        raise StatisticsError(f"{len(different)} different amount(s); a shape takes {FEWEST_AMOUNTS}")
    if len(gains) < 2:
        raise StatisticsError("one seed shows no spread over seeds; run more")
    x, middle = np.log2(1 + amounts), gains.mean(axis=0)
    centred = x - x.mean()
    slopes = gains @ centred / (centred @ centred)
    return ScalingShape(
        per_doubling=paired_contrast(slopes, np.zeros(len(slopes))),
        errors={name: _error(fit, fewest, x, middle) for name, (fit, fewest) in SHAPES.items()},
        fall=_fall(gains, amounts, different),
        arms=len(amounts),
        amounts=len(different),
    )


def _error(fit: Fit, fewest: int, x_A: np.ndarray, gains_A: np.ndarray) -> float | None:
    squares = []
    for place in range(len(x_A)):
        others = np.arange(len(x_A)) != place
        if len(np.unique(x_A[others])) < fewest:
            return None
        found = fit(x_A[others], gains_A[others])(x_A[place : place + 1])
        squares.append(float(found[0] - gains_A[place]) ** 2)
    return float(np.mean(squares)) ** 0.5


def _fall(gains_SA: np.ndarray, amounts_A: np.ndarray, different: np.ndarray) -> Fall:
    """Where gains nowhere fall, some pair is found to fall with at most the chance that Holm's method keeps."""
    by_amount = {float(amount): gains_SA[:, amounts_A == amount].mean(axis=1) for amount in different}
    pairs = {pair: paired_contrast(by_amount[pair[1]], by_amount[pair[0]]) for pair in combinations(by_amount, 2)}
    one_sided = {
        pair: one.p / 2 if one.estimate < 0 else 1 - one.p / 2 for pair, one in pairs.items() if one.p is not None
    }
    corrected = {pair: one.adjusted_p for pair, one in adjusted(one_sided, "holm").items()}
    start, end = min(pairs, key=lambda pair: (corrected.get(pair, 1.0), pairs[pair].estimate))
    return Fall(start=start, end=end, change=pairs[start, end], adjusted_p=corrected.get((start, end)))
