"""Slopes over facts of languages: what is the unit, what is left out, and how often a null is rejected."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ds_stilts.report.facts import language_facts
from ds_stilts.statistics.mixed_model import language_slope
from ds_stilts.studies.covariates import covariate
from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.estimates import Asked, arm
from ds_stilts.studies.report.typology import over_languages
from ds_stilts.studies.slopes import Columns, mixed_slope

MADE_UP = ("bb", "cc", "dd", "ee", "ff", "gg", "hh")
NATURAL = ("ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh", "fr")


class Rows:
    """Gains of languages × tasks × seeds."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        keys = [(code, task, seed) for code in languages for task in "ab" for seed in range(4)]
        self.codes, self.tasks, self.seeds = (list(column) for column in zip(*keys, strict=True))
        self.families = [language_facts(code).family for code in self.codes]
        self.distance = np.array([covariate("distance", code) for code in self.codes], np.float64)

    def columns(self) -> dict[str, Any]:
        return {
            "covariate_N": self.distance, "languages_N": self.codes, "families_N": self.families,
            "tasks_N": self.tasks, "seeds_N": self.seeds,
        }  # fmt: skip

    def null(self, draw: np.random.Generator) -> np.ndarray:
        of = {family: draw.normal() for family in dict.fromkeys(self.families)}
        own = {code: 0.5 * draw.normal() for code in dict.fromkeys(self.codes)}
        shared = [of[family] + own[code] for family, code in zip(self.families, self.codes, strict=True)]
        return np.array(shared) + draw.normal(size=len(self.codes))


def test_families_are_the_units_only_where_they_hardly_repeat() -> None:
    draw = np.random.default_rng(1)
    made_up, natural = Rows(MADE_UP), Rows(NATURAL)
    few = mixed_slope(made_up.null(draw), Columns(**made_up.columns()))
    assert few.n == 6 and few.method.startswith("languages of one family averaged, 6 families as units")
    gains = natural.null(draw)
    many = mixed_slope(gains, Columns(**natural.columns()))
    assert many == language_slope(gains, **natural.columns()) and many.n == len(NATURAL)


def test_an_effect_of_distance_is_found_as_it_is() -> None:
    rows, draw = Rows(MADE_UP), np.random.default_rng(2)
    found = mixed_slope(3 - 4 * rows.distance + rows.null(draw), Columns(**rows.columns()))
    assert found.p is not None and found.p < 0.01 and found.interval is not None
    assert found.interval[0] < -4 < found.interval[1] < -2


def test_without_an_effect_it_rejects_no_oftener_than_alpha() -> None:
    """Upper end of the 99 % binomial band; with the family as a random effect it would reject 0.6 %, which is safe too,
    but finds nothing."""
    rows, draw = Rows(MADE_UP), np.random.default_rng(3)
    found = [mixed_slope(rows.null(draw), Columns(**rows.columns())).p for _ in range(400)]
    rejected = sum(p is not None and p < 0.05 for p in found)
    low, high = stats.binom.interval(0.99, 400, 0.04)
    assert low <= rejected <= high


def test_languages_of_which_the_fact_is_not_known_are_named(planted: Path) -> None:
    evidence = read_evidence(planted)
    cells = tuple(("synth_nli", code) for code in (*MADE_UP, "xx"))
    known = Asked(name="x", ours=arm("qa", ["synth_nli"]), theirs="none", cells=cells)
    found = over_languages(evidence, known, "distance")
    assert found.unknown == ("xx",) and set(found.languages) == set(MADE_UP)


def test_too_few_languages_are_a_sentence_and_a_number_without_a_test(planted: Path) -> None:
    evidence = read_evidence(planted)
    cells = tuple(("synth_nli", code) for code in ("bb", "cc", "gg"))
    found = over_languages(
        evidence, Asked(name="x", ours=arm("qa", ["synth_nli"]), theirs="none", cells=cells), "distance"
    )
    assert found.slope is None and found.finding.found is None and found.finding.estimate is not None
    assert "needs at least 5" in found.finding.note and found.line is not None
