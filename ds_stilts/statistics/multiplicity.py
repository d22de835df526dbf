"""Several tests at once: Holm for the contrasts that were declared, Benjamini and Hochberg for tables of languages.

Holm 1979 keeps the chance of any false rejection below alpha; Benjamini and Hochberg 1995 keep the expected share of
false ones among the rejected below it, if tests are independent or positively dependent (Benjamini and Yekutieli 2001),
as languages of one test set are.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from ds_stilts.errors import StatisticsError

Name = TypeVar("Name", bound=Hashable)
Correction = Literal["holm", "benjamini_hochberg"]
_METHODS: dict[Correction, str] = {"holm": "holm", "benjamini_hochberg": "fdr_bh"}
"""The names of statsmodels."""


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """One test among several."""

    p: float
    """As the test alone gave it."""
    adjusted_p: float
    """To be compared with alpha itself."""
    rejected: bool
    n: int
    """Tests in the family."""
    method: Correction


def adjusted(p_values: Mapping[Name, float], method: Correction, *, alpha: float = 0.05) -> dict[Name, Adjusted]:
    """Each name with its adjusted p, in the order given.

    Raises:
        StatisticsError: a p that is not between 0 and 1.
    """
    from statsmodels.stats.multitest import multipletests

    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise StatisticsError(f"{method} correction: p of {name} is {p}; leave out what could not be tested")
    if not p_values:
        return {}
    rejected, corrected, _, _ = multipletests(list(p_values.values()), alpha=alpha, method=_METHODS[method])
    return {
        name: Adjusted(p=p, adjusted_p=float(new), rejected=bool(hit), n=len(p_values), method=method)
        for (name, p), new, hit in zip(p_values.items(), corrected, rejected, strict=True)
    }
