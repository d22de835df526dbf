"""The slope of gains over a fact of the language: by languages, or by families where hardly any has a second language.

Which of the two decides the report's test and the power that a plan announces alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ds_stilts.statistics.mixed_model import MIN_LANGUAGES, Slope, language_slope
from ds_stilts.statistics.slope_power import SlopeDesign

FEWEST_RELATIVES = 3
"""Languages beyond the first of their family, from which on family and language are told apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Rows of language × task × seed, without their gains."""

    covariate_N: np.ndarray
    """float [rows], the same in all rows of one language."""
    languages_N: Sequence[str]
    families_N: Sequence[str]
    tasks_N: Sequence[str]
    seeds_N: Sequence[int]

    def family_units(self) -> tuple["Columns", list[list[int]]] | None:
        """Rows of family × task × seed, and which rows each is the mean of; None where languages are the units.

        Where hardly any family has a second language, family and language cannot be told apart: with both, the test of
        seven languages in six families rejects 0.6 % instead of 5 % and finds little; without the family up to 9 %.
        Means over each family's languages keep 4 to 5 % (benchmarks/family_units.py, docs/study-report.md).
        """
        own = zip(self.families_N, map(float, self.covariate_N), strict=True)
        of_language = dict(zip(self.languages_N, own, strict=True))
        members: dict[str, list[float]] = {}
        for family, value in of_language.values():
            members.setdefault(family, []).append(value)
        relatives = len(of_language) - len(members)
        if not 0 < relatives < FEWEST_RELATIVES or len(members) < MIN_LANGUAGES:
            return None
        rows: dict[tuple[str, str, int], list[int]] = {}
        for place, key in enumerate(zip(self.families_N, self.tasks_N, self.seeds_N, strict=True)):
            rows.setdefault(key, []).append(place)
        families, tasks, seeds = zip(*rows, strict=True)
        units = Columns(
            covariate_N=np.array([np.mean(members[family]) for family in families]),
            languages_N=families,
            families_N=families,
            tasks_N=tasks,
            seeds_N=seeds,
        )
        return units, list(rows.values())


def mixed_slope(gains_N: np.ndarray, columns: Columns) -> Slope:
    """The slope by the mixed model, of languages or of families.

    Args and raises: as `ds_stilts.statistics.mixed_model.language_slope`.
    """
    units = columns.family_units()
    if units is None:
        return language_slope(gains_N, **vars(columns))
    of_families, rows = units
    found = language_slope(np.array([gains_N[places].mean() for places in rows]), **vars(of_families))
    said = f"languages of one family averaged, {found.n} families as units"
    return replace(found, method=f"{said}; {found.method}")


def slope_design(
    columns: Columns, *, family_sd: float, language_sd: float, seed_sd: float, cell_sd: float
) -> SlopeDesign:
    """What `mixed_slope` is planned with, if gains spread as assumed; all standard deviations in points.

    Args:
        family_sd, language_sd, seed_sd: of what is added to all rows of a family, a language, a seed.
        cell_sd: of what is left, row by row.

    Raises:
        StatisticsError: as `SlopeDesign`.
    """
    units, of, share = columns.family_units(), columns, 1.0
    if units is not None:
        of, rows = units
        # Means over a family's languages vary less; where families differ in size, by the mean of what they vary.
        share = float(np.mean([1 / len(places) for places in rows])) ** 0.5
    return SlopeDesign(
        covariate_N=tuple(map(float, of.covariate_N)),
        languages_N=tuple(of.languages_N),
        families_N=tuple(of.families_N),
        tasks_N=tuple(of.tasks_N),
        seeds_N=tuple(of.seeds_N),
        family_sd=family_sd,
        language_sd=language_sd * share,
        seed_sd=seed_sd,
        cell_sd=cell_sd * share,
    )
