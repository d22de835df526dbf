"""What a study can find, before anything runs: power, smallest detectable effect and seeds that are needed.

A contrast of paired seeds has the variance seed_sd²/n + item_se²: `seed_sd` is the standard deviation over seeds of the
contrast as it is measured on the test set, `item_se` the part of its standard error that all seeds share because they
are scored on the same items (both as a pilot's `Contrast` gives them: seed_se·√n, and item_se).

The t tests' power is exact for normal effects if the degrees of freedom are those of the true variances; the estimated
ones of a study scatter about them, which docs/statistics.md measures.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.estimate import satterthwaite
from ds_stilts.statistics.signs import least_p, least_seeds

ALPHA = 0.05
POWER = 0.8
MOST_SEEDS = 1000
"""Nobody trains more; a study that needs them is refused."""
Test = Literal["contrast", "sign", "equivalent", "not worse"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a study of one contrast is planned with."""

    num_seeds: int
    """Paired seeds, 2 or more."""
    seed_sd: float
    """Of the measured contrast over seeds, in points."""
    item_se: float = 0.0
    """The share of the standard error that seeds have in common, in points; 0: these test items only."""
    num_items: int = 1_000
    """Clusters of test items: degrees of freedom of `item_se`."""
    alpha: float = ALPHA
    """Two-sided of a contrast and of signs, one-sided of a margin. Of m tests by Holm: alpha / m."""

    def __post_init__(self) -> None:
        if self.num_seeds < 2 or self.seed_sd < 0 or self.item_se < 0 or self.seed_sd + self.item_se == 0:
            raise StatisticsError(
                f"power: {self.num_seeds} seeds with a standard deviation of {self.seed_sd:g} and an item error of "
                f"{self.item_se:g}; give at least 2 seeds, no negative number, and one that is above 0"
            )

        if self.num_items < 2 or not 0 < self.alpha < 1:
            raise StatisticsError(
                f"power: {self.num_items} test items at alpha {self.alpha:g}; give 2 or more, and 0 < alpha < 1"
            )

    def se_and_df(self) -> tuple[float, float]:
        """Of the contrast, as `multi_bootstrap` makes them."""
        variance, df = satterthwaite(
            (self.seed_sd**2 / self.num_seeds, self.num_seeds - 1), (self.item_se**2, self.num_items - 1)
        )
        return variance**0.5, df


def power_of_contrast(design: Design, effect: float) -> float:
    """Chance that a true effect, in points, is found: p < alpha, two-sided (non-central t)."""
    from scipy import stats

    se, df = design.se_and_df()
    least = stats.t.ppf(1 - design.alpha / 2, df)
    return float(stats.nct.sf(least, df, effect / se) + stats.nct.sf(least, df, -effect / se))


def power_of_signs(design: Design, effect: float) -> float:
    """Chance that the sign test finds an effect of these test items: normal differences, binomial signs. Exact.

    `item_se` has no part in it: the test does not look beyond the items.
    """
    from scipy import stats

    if design.seed_sd == 0:
        return 1.0 if effect and least_p(design.num_seeds) <= design.alpha else 0.0
    ahead = np.arange(design.num_seeds + 1)
    p = np.minimum(1, 2 * stats.binom.cdf(np.minimum(ahead, design.num_seeds - ahead), design.num_seeds, 0.5))
    chances = stats.binom.pmf(ahead, design.num_seeds, stats.norm.cdf(effect / design.seed_sd))
    return float(chances[p <= design.alpha].sum())


def power_of_equivalence(design: Design, margin: float, effect: float = 0.0) -> float:
    """Chance that TOST finds a true effect to lie within ±margin.

    The estimate has to lie within margin − t·s of 0, for the standard error s that is found: a normal probability,
    averaged over the chi distribution of s (Phillips 1990).
    """
    from scipy import integrate, stats

    se, df = design.se_and_df()
    quantile = stats.t.ppf(1 - design.alpha, df)

    def chance(scale: float) -> float:
        room = (margin - quantile * scale * se) / se
        inside = stats.norm.cdf(room - effect / se) - stats.norm.cdf(-room - effect / se)
        return float(max(inside, 0.0) * stats.chi.pdf(scale * df**0.5, df) * df**0.5)

    most = min(margin / se / quantile, 1 + 10 / df**0.5)
    return float(integrate.quad(chance, 0, most, limit=200)[0])


def power_of_non_inferiority(design: Design, margin: float, effect: float = 0.0) -> float:
    """Chance that a true effect is found to be above −margin, one-sided (non-central t)."""
    from scipy import stats

    se, df = design.se_and_df()
    return float(stats.nct.sf(stats.t.ppf(1 - design.alpha, df), df, (effect + margin) / se))


def detectable_effect(design: Design, *, power: float = POWER, test: Literal["contrast", "sign"] = "contrast") -> float:
    """The smallest effect, in points, that is found with that chance.

    Raises:
        StatisticsError: the sign test can find nothing with so few seeds, or a power not above alpha and below 1.
    """
    if test == "sign" and design.num_seeds < least_seeds(design.alpha):
        raise StatisticsError(
            f"sign test: {design.num_seeds} seeds give p = {least_p(design.num_seeds):g} at best; at alpha "
            f"{design.alpha:g} it takes {least_seeds(design.alpha)} or more"
        )
    found = power_of_contrast if test == "contrast" else power_of_signs
    return least_size(lambda size: found(design, size), power, design.seed_sd + design.item_se)


def detectable_margin(design: Design, *, power: float = POWER, claim: Literal["equivalent", "not worse"]) -> float:
    """The smallest margin, in points, for which the claim is found to hold with that chance if the truth is 0.

    Raises:
        StatisticsError: a power that is not above alpha and below 1.
    """
    found = power_of_equivalence if claim == "equivalent" else power_of_non_inferiority
    return least_size(lambda size: found(design, size), power, design.seed_sd + design.item_se)


def least_size(chance: Callable[[float], float], power: float, scale: float) -> float:
    """The smallest size at which an increasing chance reaches `power`.

    Args:
        scale: what a size is measured in: where the search begins.

    Raises:
        StatisticsError: a power that is not above the chance of size 0 and below 1.
    """
    from scipy import optimize

    if not chance(0.0) < power < 1:
        raise StatisticsError(f"power {power:g}: give a chance above alpha and below 1, such as {POWER:g}")
    most = scale
    while chance(most) < power:
        most *= 2
    return float(optimize.brentq(lambda size: chance(size) - power, 0.0, most, xtol=1e-6 * scale))


def seeds_needed(design: Design, effect: float, *, power: float = POWER) -> int | None:
    """The fewest paired seeds that find an effect by `power_of_contrast`; None where `MOST_SEEDS` do not.

    More seeds do not lower `item_se`: an effect near it needs more test items.
    """
    if power_of_contrast(replace(design, num_seeds=MOST_SEEDS), effect) < power:
        return None
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if power_of_contrast(replace(design, num_seeds=middle), effect) >= power else (middle, high)
        )
    return high
