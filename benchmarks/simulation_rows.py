"""What `statistics_simulations.py` prints one row of: a promise, and how one simulation of it goes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ds_stilts.statistics.estimate import Estimate

Trial = Callable[[np.random.Generator], float]
"""One simulation: 1 where the interval holds the truth or the test rejects, else 0; or a share."""
COVERS, ALARMS = (0.93, 0.97), (0.0, 0.055)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One promise."""

    method: str
    case: str
    what: str
    trial: Trial
    band: tuple[float, float] | None
    """None: a limit, of which nothing is promised."""


def holds(found: Estimate, truth: float) -> float:
    return float(found.interval is not None and found.interval[0] <= truth <= found.interval[1])


def found(p: float | None) -> float:
    return float(p is not None and p < 0.05)
