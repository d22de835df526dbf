"""Does the gain go with a property of arm and target together, such as how far apart their domains are?

Arms differ in more than that, and so do targets: what each of them adds is taken off first. The cells are few and of
one's own choosing, so the interval is over seeds alone, for these arms and targets; whether another assignment of the
arms to their distances would have done as well, a permutation test asks (Fisher 1935, "The Design of Experiments").
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.estimate import Estimate, paired_contrast

RESAMPLES = 9_999
MOST_ORDERS = 5_040
"""Up to so many orders of the arms, which is seven arms, all are looked at."""
_EQUAL = 1 - 1e-12
"""Orders that change nothing but the last bits count as equal."""

Cell = tuple[str, str]
"""(arm, target)."""


@dataclass(frozen=True, kw_only=True)
class CellSlope:
    """Change of the gain with one unit of the property."""

    estimate: float
    over_seeds: Estimate | None
    """With its interval; None: one seed."""
    p: float
    """Two-sided, of arms that could as well have each other's values of the property."""
    least_p: float
    """The smallest p that these cells can give."""
    arms: int
    cells: int
    method: str


def cell_slope(
    gains_SC: np.ndarray, cells: Sequence[Cell], values: Mapping[Cell, float], *, arms_too: bool, seed: int = 0
) -> CellSlope:
    """Least squares of gains on the property, with an effect of each target and, if asked, of each arm taken off.

    Args:
        gains_SC: float [seeds, cells].
        cells: C, those that were scored; an arm may lack a target.
        values: the property of every arm with every target of `cells`.
        arms_too: whether arms may differ beside the property. What is left is the interaction: whether each arm does
            better in its near targets than in its far ones.
        seed: of random orders, where not all are looked at.

    Raises:
        StatisticsError: too few arms or targets, or a property that is explained by these effects.
    """
    gains = np.asarray(gains_SC, np.float64)
    arms, targets = (list(dict.fromkeys(cell[place] for cell in cells)) for place in (0, 1))
    if len(arms) < (2 if arms_too else 3):
        raise StatisticsError(
            f"{len(arms)} arm(s) to compare; a slope within targets takes 3 arms, and one within arms and targets 2"
        )
    if arms_too and len(targets) < 2:
        raise StatisticsError(f"{len(targets)} target; whether an arm does better in near targets takes 2")
    columns = [[cell[1] == target for cell in cells] for target in targets]
    if arms_too:
        columns += [[cell[0] == arm for cell in cells] for arm in arms]
    effects_CE = np.array(columns, float).T
    weights = _weights(np.array([values[cell] for cell in cells]), effects_CE)
    if weights is None:
        raise StatisticsError("arms do not differ in it once the mean of each target (and arm) is taken off")
    slopes_S, middle_C = gains @ weights, gains.mean(axis=0)
    observed = float(slopes_S.mean())
    shuffled = []
    for order in _orders(len(arms), seed):
        of = {arm: arms[place] for arm, place in zip(arms, order, strict=True)}
        moved = _weights(np.array([values[of[arm], target] for arm, target in cells]), effects_CE)
        shuffled.append(0.0 if moved is None else float(middle_C @ moved))
    steepness = np.abs(shuffled)
    is_exact = factorial(len(arms)) <= MOST_ORDERS
    as_steep = int((steepness >= abs(observed) * _EQUAL).sum())
    steepest = int((steepness >= steepness.max() * _EQUAL).sum())
    more = 0 if is_exact else 1  # a random choice of orders: the one that was seen is one more (Phipson and Smyth 2010)
    count = len(shuffled) + more
    return CellSlope(
        estimate=observed,
        over_seeds=paired_contrast(slopes_S, np.zeros(len(slopes_S))) if len(slopes_S) > 1 else None,
        p=(as_steep + more) / count,
        least_p=(steepest if is_exact else 1) / count,
        arms=len(arms),
        cells=len(cells),
        method=f"least squares with effects of {'targets and arms' if arms_too else 'targets'}, "
        f"{'all' if is_exact else 'random'} {len(shuffled):,} orders of {len(arms)} arms",
    )


def _weights(values_C: np.ndarray, effects_CE: np.ndarray) -> np.ndarray | None:
    """What each cell's gain counts in the slope; None where the effects explain the values (Frisch and Waugh 1933)."""
    fitted = effects_CE @ np.linalg.lstsq(effects_CE, values_C, rcond=None)[0]
    left = values_C - fitted
    spread = float(left @ left)
    return left / spread if spread > 1e-12 * max(1.0, float(values_C @ values_C)) else None


def _orders(num_arms: int, seed: int) -> Iterable[Sequence[int]]:
    if factorial(num_arms) <= MOST_ORDERS:
        return permutations(range(num_arms))
    draw = np.random.default_rng(seed)
    return [tuple(map(int, draw.permutation(num_arms))) for _ in range(RESAMPLES)]
