"""Does the gain go with a property of the language? A mixed model over languages, tasks and seeds.

    gain of (language, task, seed) = intercept + slope · covariate(language)
                                     + family + language + task + seed + residual

Languages of one family are not independent, nor are the tasks and seeds of one language: each is a random intercept,
and the slope is judged by the number of languages and families, not by the number of rows.

The variance of languages may come out below 0, where means over a language's rows vary less than its rows let expect.
Held at 0, it would say too much about what languages vary, and the test would reject too little (docs/statistics.md).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.bootstrap import LEVEL
from ds_stilts.statistics.estimate import Estimate, student
from ds_stilts.statistics.kenward_roger import adjusted_slope
from ds_stilts.statistics.products import Products
from ds_stilts.statistics.reml import fit_reml

MIN_LANGUAGES = 5
"""A slope has L − 2 degrees of freedom at most; below three its interval says nothing."""


@dataclass(frozen=True, kw_only=True)
class Slope(Estimate):
    """Of the gain, in its unit per unit of the covariate. n is the number of languages."""

    converged: bool
    """False: the search found no maximum of the likelihood. There is then neither interval nor p."""
    intercept: float
    """Gain where the covariate is 0."""
    variances: Mapping[str, float]
    """Of each random intercept that the data can tell apart, and of the residual; the language's may be negative."""
    left_out: tuple[str, ...]
    """Random intercepts that these data cannot tell apart from others: a single task, families of one language each."""


def language_slope(
    gains_N: np.ndarray,
    covariate_N: np.ndarray,
    *,
    languages_N: Sequence[Hashable],
    families_N: Sequence[Hashable],
    tasks_N: Sequence[Hashable],
    seeds_N: Sequence[Hashable],
    level: float = LEVEL,
) -> Slope:
    """The slope of the gain in a covariate of the language, by the model above.

    Args:
        gains_N: float [rows], one for each language, task and seed that there is, such as ours − theirs in points.
        covariate_N: float [rows], the same in all rows of one language.
        languages_N, families_N, tasks_N, seeds_N: names, row by row.

    Raises:
        StatisticsError: columns of different length, fewer than `MIN_LANGUAGES` languages, a value that is not finite,
            a covariate that is the same for all languages or differs within one, or a language in two families.
    """
    layout = Layout.of(
        covariate_N, languages_N=languages_N, families_N=families_N, tasks_N=tasks_N, seeds_N=seeds_N
    )  # fmt: skip
    return layout.slope(gains_N, level)


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The rows of the model without their gains: what they can tell apart. Made once, it serves any gains."""

    languages_N: Sequence[Hashable]
    codes: Mapping[str, np.ndarray]
    """Level of each row, int [rows], of "family", "language", "task" and "seed"."""
    kept: tuple[str, ...]
    """Random intercepts that the rows tell apart."""
    columns_NC: np.ndarray
    """float64 [rows, columns]: 1, the covariate with mean 0 and size 1, which is easier on the optimiser, and the
    indicators of each random intercept."""
    products: Products
    """Of these columns, and of gains that are all 0."""
    middle: float
    """Mean of the covariate."""
    size: float
    """Its standard deviation, by which slopes are to be divided."""

    @staticmethod
    def of(
        covariate_N: np.ndarray,
        *,
        languages_N: Sequence[Hashable],
        families_N: Sequence[Hashable],
        tasks_N: Sequence[Hashable],
        seeds_N: Sequence[Hashable],
    ) -> "Layout":
        """Args and raises: as `language_slope`."""
        covariate = np.asarray(covariate_N, np.float64)
        named = {"family": families_N, "language": languages_N, "task": tasks_N, "seed": seeds_N}
        codes = {name: _codes(values) for name, values in named.items()}
        _check(covariate, codes, languages_N)
        kept = _told_apart(codes, len(covariate))
        indicators = [np.eye(codes[name].max() + 1)[codes[name]] for name in kept]
        middle, size = float(covariate.mean()), float(covariate.std())
        design = np.column_stack([np.ones(len(covariate)), (covariate - middle) / size])
        return Layout(
            languages_N=languages_N,
            codes=codes,
            kept=tuple(kept),
            columns_NC=np.concatenate([design, *indicators], axis=1),
            products=Products.of(np.zeros(len(covariate)), design, indicators),
            middle=middle,
            size=size,
        )

    def slope(self, gains_N: np.ndarray, level: float = LEVEL) -> Slope:
        """Args, raises and returns: as `language_slope`."""
        gains = np.asarray(gains_N, np.float64)
        _check_gains(gains, self.languages_N)
        kept, products = self.kept, self.products.with_outcome(self.columns_NC, gains)
        fit = fit_reml(products, below_zero=kept.index("language") if "language" in kept else None)
        num_languages = int(self.codes["language"].max()) + 1
        method = (
            f"REML with random {', '.join(kept) or 'residuals only'}; Kenward-Roger standard error and degrees of "
            f"freedom; {num_languages} languages, {len(gains)} rows"
        )
        estimate, se, df, interval, p = float(fit.fixed[1] / self.size), float("nan"), float("nan"), None, None
        if fit.converged:
            se, df = adjusted_slope(products, fit.ratios, fit.residual, 1)
            se, df = se / self.size, min(df, float(num_languages - 2))
            interval, p = student(estimate, se, df, level)
        else:
            method += "; did NOT converge"
        found = [*map(float, fit.ratios * fit.residual), fit.residual]
        return Slope(
            estimate=estimate, se=se, df=df, level=level, interval=interval, p=p, n=num_languages, method=method,
            converged=fit.converged, intercept=float(fit.fixed[0]) - estimate * self.middle,
            variances=dict(zip([*kept, "residual"], found, strict=True)),
            left_out=tuple(name for name in self.codes if name not in kept),
        )  # fmt: skip


def _codes(values: Sequence[Hashable]) -> np.ndarray:
    order = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return np.array([order[value] for value in values], np.int64)


def _told_apart(codes: Mapping[str, np.ndarray], num_rows: int) -> list[str]:
    """Random intercepts that have levels to differ, and no other's partition of the rows, nor that of the residual."""
    kept: dict[bytes, str] = {}
    for name in ("language", "family", "task", "seed"):
        if 1 < codes[name].max() + 1 < num_rows:
            kept.setdefault(codes[name].tobytes(), name)
    return [name for name in ("family", "language", "task", "seed") if name in kept.values()]


def _check_gains(gains: np.ndarray, languages_N: Sequence[Hashable]) -> None:
    if gains.shape != (len(languages_N),):
        raise StatisticsError(
            f"mixed model: gains of shape {gains.shape} for {len(languages_N)} rows; give every column for every row"
        )
    _check_finite("gain", gains, languages_N)


def _check_finite(what: str, values: np.ndarray, languages_N: Sequence[Hashable]) -> None:
    if not np.isfinite(values).all():
        odd = int(np.flatnonzero(~np.isfinite(values))[0])
        raise StatisticsError(
            f"mixed model: row {odd} ({languages_N[odd]}) has {what} {values[odd]}; leave out languages without a value"
        )


def _check(covariate: np.ndarray, codes: Mapping[str, np.ndarray], languages_N: Sequence[Hashable]) -> None:
    lengths = {len(covariate), *map(len, codes.values())}
    if len(lengths) > 1:
        raise StatisticsError(f"mixed model: columns of {sorted(lengths)} rows; give every column for every row")
    if len(set(languages_N)) < MIN_LANGUAGES:
        raise StatisticsError(
            f"mixed model: {len(set(languages_N))} languages; a slope over languages needs at least {MIN_LANGUAGES}"
        )
    _check_finite("covariate", covariate, languages_N)
    if np.ptp(covariate) == 0:
        raise StatisticsError(f"mixed model: the covariate is {covariate[0]:g} for every language; choose another")
    for column, what in ((covariate, "covariates"), (codes["family"], "families")):
        for language in range(codes["language"].max() + 1):
            own = np.unique(column[codes["language"] == language])
            if len(own) > 1:
                name = languages_N[int(np.argmax(codes["language"] == language))]
                raise StatisticsError(f"mixed model: {name} has {len(own)} {what}; a language has one")
