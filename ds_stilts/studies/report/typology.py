"""Whether a gain goes with a fact of the language: mixed model, family-blocked permutation, and a line with its band.

The model and the permutation take languages as a sample, families as alike; the line and its band are for the eye.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.report.facts import language_facts
from ds_stilts.statistics.blocked_permutation import BlockedResult, blocked_permutation, language_gains
from ds_stilts.statistics.bootstrap import LEVEL
from ds_stilts.statistics.mixed_model import Slope
from ds_stilts.studies.covariates import Covariate, covariate
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.estimates import Asked, Finding, paired_seeds
from ds_stilts.studies.slopes import Columns, mixed_slope

_FEWEST_FOR_BAND = 3


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line through dots."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    """Ends of the pointwise 95 % band of the mean; none where no band was computed."""


@dataclass(frozen=True, kw_only=True)
class OverLanguages:
    """An arm's gains over another by language, held against one fact."""

    fact: Covariate
    languages: Mapping[str, tuple[float, float]]
    """By language: the fact's value and the gain, with what tasks and seeds add taken off."""
    slope: Slope | None
    permutation: BlockedResult | None
    line: Line | None
    finding: Finding
    """The slope as an answer to a contrast."""
    unknown: tuple[str, ...]
    """Languages of which the fact is not known; they are left out."""
    notes: tuple[str, ...]
    """Why a test is missing."""


def over_languages(evidence: Evidence, asked: Asked, fact: Covariate) -> OverLanguages:
    """Hold the gains of what is asked against a fact of its languages."""
    seeds = paired_seeds(evidence, asked)
    cells = tuple(dict.fromkeys(cell for one in asked.differences for cell in one.cells))
    values = {language: covariate(fact, language) for _, language in cells}
    known = {language: value for language, value in values.items() if value is not None}
    rows = [
        (_gain(evidence, asked, target, seed, language), language, target, seed)
        for target, language in cells
        for seed in seeds
        if language in known
    ]
    unknown = tuple(dict.fromkeys(language for language, value in values.items() if value is None))
    if not rows:
        why = "no seed is finished in both arms and all targets" if known else f"no language's {fact} is known"
        return OverLanguages(
            fact=fact, languages={}, slope=None, permutation=None, line=None, unknown=unknown, notes=(why,),
            finding=Finding(estimate=None, note=why),
        )  # fmt: skip
    gains, languages, targets, of_seed = (list(column) for column in zip(*rows, strict=True))
    families = [language_facts(code).family for code in languages]
    by_language = language_gains(np.array(gains), languages_N=languages, tasks_N=targets, seeds_N=of_seed)
    notes: list[str] = []
    slope = permutation = None
    try:
        slope = mixed_slope(
            np.array(gains),
            Columns(
                covariate_N=np.array([known[code] for code in languages]), languages_N=languages, families_N=families,
                tasks_N=targets, seeds_N=of_seed,
            ),
        )  # fmt: skip
    except StatisticsError as error:
        notes.append(str(error))
    own = [str(code) for code in by_language]
    x, y = np.array([known[code] for code in own]), np.array(list(by_language.values()))
    try:
        permutation = blocked_permutation(y, x, [language_facts(code).family for code in own])
    except StatisticsError as error:
        notes.append(str(error))
    return OverLanguages(
        fact=fact,
        languages={code: (known[code], float(by_language[code])) for code in own},
        slope=slope,
        permutation=permutation,
        line=_line(x, y),
        finding=_finding(slope, x, y, seeds, notes),
        unknown=unknown,
        notes=tuple(notes),
    )


def _finding(
    slope: Slope | None, x: np.ndarray, y: np.ndarray, seeds: tuple[int, ...], notes: Sequence[str]
) -> Finding:
    if slope is None:
        estimate = None if np.ptp(x) == 0 else float(np.polyfit(x, y, 1)[0])
        return Finding(estimate=estimate, seeds=seeds, note="; ".join(notes))
    found = slope if slope.converged else None
    return Finding(
        estimate=slope.estimate, found=found, seeds=seeds, note="" if found else "the mixed model did not converge"
    )


def _gain(evidence: Evidence, asked: Asked, target: str, seed: int, language: str) -> float:
    """The mean over rotations, where there are several."""
    return fmean(
        evidence.value(one.ours[target], target, seed, language) - evidence.value(one.theirs, target, seed, language)
        for one in asked.differences
        if (target, language) in one.cells
    )


def _line(x: np.ndarray, y: np.ndarray) -> Line | None:
    """The straight line with the band of a regression (Draper and Smith 1998, section 3.1); None for too few points."""
    from scipy import stats

    if len(x) < _FEWEST_FOR_BAND or np.ptp(x) == 0:
        return None
    fitted = stats.linregress(x, y)
    grid = np.linspace(x.min(), x.max(), 25)
    df, spread = len(x) - 2, ((x - x.mean()) ** 2).sum()
    residual = y - fitted.intercept - fitted.slope * x
    half = stats.t.ppf((1 + LEVEL) / 2, df) * np.sqrt(
        (residual @ residual) / df * (1 / len(x) + (grid - x.mean()) ** 2 / spread)
    )
    middle = fitted.intercept + fitted.slope * grid
    columns: dict[Hashable, np.ndarray] = {"x": grid, "y": middle, "low": middle - half, "high": middle + half}
    return Line(**{str(name): tuple(map(float, column)) for name, column in columns.items()})
