"""What a slope over languages can find, before anything runs: the power of `language_slope`, from assumed spreads.

An estimate is the one that generalised least squares would give if the variances were known, b, plus an error d of
having to estimate them. b is normal around the truth, and independent of d, of the standard error s and of its degrees
of freedom, since these follow from what remains of the gains once the fixed effects are taken off. So a chance is a
normal probability given (d, s, df), averaged over draws of these three from the model itself (Rao and Blackwell), which
do not depend on the truth and are made once. Without a random family they need no drawing: d is 0, and s² is a
chi-squared with the Kenward-Roger degrees of freedom, which makes it the non-central t.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.kenward_roger import adjusted_slope
from ds_stilts.statistics.mixed_model import Layout
from ds_stilts.statistics.power import ALPHA, POWER, least_size
from ds_stilts.statistics.products import Products
from ds_stilts.statistics.reml import fit_at

DRAWS = 200
"""The chance that they give has a standard error of about one point."""
_TASKS_APART = 10.0
"""Variance of tasks in units of all the others' sum: languages of two tasks then tell next to nothing of each other."""


@dataclass(frozen=True, kw_only=True)
class SlopeDesign:
    """A slope, planned: rows of language × task × seed, and standard deviations in points.

    Nothing is assumed of how tasks differ: languages are compared within a task.
    """

    covariate_N: tuple[float, ...]
    """The same in all rows of one language."""
    languages_N: tuple[Hashable, ...]
    families_N: tuple[Hashable, ...]
    tasks_N: tuple[Hashable, ...]
    seeds_N: tuple[Hashable, ...]
    family_sd: float
    """Of what is added to all languages of a family."""
    language_sd: float
    """Of what is added to all rows of a language."""
    seed_sd: float
    """Of what is added to all rows of a seed."""
    cell_sd: float
    """Of what is added to each row."""

    def __post_init__(self) -> None:
        least = min(self.family_sd, self.language_sd, self.seed_sd)
        if least < 0 or not self.cell_sd > 0:
            raise StatisticsError(
                f"power of a slope: standard deviations {self.family_sd:g} of families, {self.language_sd:g} of "
                f"languages, {self.seed_sd:g} of seeds and {self.cell_sd:g} of what is left; give none below 0, and "
                "the last above 0"
            )

    def layout(self) -> Layout:
        """Raises: as `language_slope`."""
        return Layout.of(
            np.array(self.covariate_N), languages_N=self.languages_N, families_N=self.families_N, tasks_N=self.tasks_N,
            seeds_N=self.seeds_N,
        )  # fmt: skip


def power_of_slope(design: SlopeDesign, slope: float, *, alpha: float = ALPHA) -> float:
    """Chance that a true slope, in points per unit of the covariate, is found: p < alpha, two-sided.

    Raises:
        StatisticsError: the rows make no model; as `language_slope`.
    """
    from scipy import stats

    scatter = _scatter(design)
    least = stats.t.ppf(1 - alpha / 2, scatter.df) * scatter.se
    either = [stats.norm.cdf((sign * (slope + scatter.off) - least) / scatter.sd) for sign in (1, -1)]
    return float(np.mean(either[0] + either[1]))


def power_of_slope_margin(
    design: SlopeDesign,
    margin: float,
    slope: float = 0.0,
    *,
    claim: Literal["equivalent", "not worse"],
    alpha: float = ALPHA,
) -> float:
    """Chance that a true slope is found to lie within ±margin, or above −margin.

    Raises:
        StatisticsError: as `power_of_slope`.
    """
    from scipy import stats

    scatter = _scatter(design)
    room = margin - stats.t.ppf(1 - alpha, scatter.df) * scatter.se
    above = stats.norm.cdf((room + slope + scatter.off) / scatter.sd)
    if claim == "not worse":
        return float(np.mean(above))
    below = stats.norm.cdf((room - slope - scatter.off) / scatter.sd)
    return float(np.mean(np.maximum(above + below - 1, 0.0)))


def detectable_slope(design: SlopeDesign, *, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest slope, in points per unit of the covariate, that is found with that chance.

    Raises:
        StatisticsError: as `power_of_slope`, or a power not above alpha and below 1.
    """
    return least_size(lambda size: power_of_slope(design, size, alpha=alpha), power, _scatter(design).sd)


def detectable_slope_margin(
    design: SlopeDesign, *, power: float = POWER, claim: Literal["equivalent", "not worse"], alpha: float = ALPHA
) -> float:
    """The smallest margin for which the claim is found to hold with that chance if there is no slope.

    Raises:
        StatisticsError: as `detectable_slope`.
    """
    return least_size(
        lambda size: power_of_slope_margin(design, size, claim=claim, alpha=alpha), power, _scatter(design).sd
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scatter:
    """What estimates and their standard errors do; per unit of the covariate."""

    sd: float
    """Of the estimate with known variances."""
    off: np.ndarray
    """[draws]: the estimate minus that one."""
    se: np.ndarray
    """[draws]; infinite where the fit did not converge and nothing is found."""
    df: np.ndarray


@lru_cache(maxsize=64)
def _scatter(design: SlopeDesign) -> _Scatter:
    from scipy import stats

    layout = design.layout()
    residual, ratios = _assumed(design, layout)
    if "family" not in layout.kept:
        se, df = adjusted_slope(layout.products, ratios, residual, 1)
        se, df = se / layout.size, min(df, float(len(set(design.languages_N)) - 2))
        spread = stats.chi2.ppf((np.arange(DRAWS) + 0.5) / DRAWS, df) / df
        return _Scatter(sd=se, off=np.zeros(DRAWS), se=se * spread**0.5, df=np.full(DRAWS, df))
    sds = {"family": design.family_sd, "language": design.language_sd, "seed": design.seed_sd}
    sds["task"] = (residual * ratios[layout.kept.index("task")]) ** 0.5 if "task" in layout.kept else 0.0
    draw, found = np.random.default_rng(0), []
    for _ in range(DRAWS):
        noise = sum(sd * draw.normal(size=layout.codes[name].max() + 1)[layout.codes[name]] for name, sd in sds.items())
        gains = noise + design.cell_sd * draw.normal(size=len(design.covariate_N))
        known = fit_at(layout.products.with_outcome(layout.columns_NC, gains), ratios).fixed[1] / layout.size
        fitted = layout.slope(gains)
        found.append((fitted.estimate - known, fitted.se, fitted.df) if fitted.converged else (0.0, np.inf, 1.0))
    off, se, df = np.array(found).T
    return _Scatter(sd=_known_sd(layout.products, ratios, residual) / layout.size, off=off, se=se, df=df)


def _assumed(design: SlopeDesign, layout: Layout) -> tuple[float, np.ndarray]:
    """Variance of the residual, and those of the random intercepts in units of it. What the rows cannot tell apart from
    another's levels counts as that one's."""
    variances = {"family": design.family_sd**2, "language": design.language_sd**2, "seed": design.seed_sd**2}
    own, residual = {name: variances.get(name, 0.0) for name in layout.kept}, design.cell_sd**2
    for name in (name for name in variances if name not in layout.kept):
        twin = next((one for one in layout.kept if np.array_equal(layout.codes[one], layout.codes[name])), None)
        if twin is not None:
            own[twin] += variances[name]
        elif layout.codes[name].max() + 1 == len(design.covariate_N):
            residual += variances[name]
    if "task" in own:
        own["task"] = _TASKS_APART * (residual + sum(own.values()))
    return residual, np.array([own[name] / residual for name in layout.kept])


def _known_sd(products: Products, ratios: np.ndarray, residual: float) -> float:
    """Standard deviation of the slope by generalised least squares, of the covariate with size 1."""
    through = (products.gram @ products.inverse(ratios).step)[products.fixed, products.fixed]
    return float(residual * np.linalg.inv(through)[1, 1]) ** 0.5
