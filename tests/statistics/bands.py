"""Where a share of simulations lies, 99 times in 100, if its true value is what was promised."""

from scipy import stats

SIMULATIONS = 400


def in_band(hits: int, promised: float, simulations: int = SIMULATIONS) -> bool:
    """Is the share within the central 99 % of the binomial distribution?"""
    low, high = stats.binom.ppf([0.005, 0.995], simulations, promised)
    return bool(low <= hits <= high)


def at_most(hits: int, promised: float, simulations: int = SIMULATIONS) -> bool:
    """Is the share below the upper end of that band? For tests that may reject less often than they say."""
    return bool(hits <= stats.binom.ppf(0.995, simulations, promised))
