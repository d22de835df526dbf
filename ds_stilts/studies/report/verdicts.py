"""From a finding and what was predicted to a verdict, with the rule that was used in words.

    positive, negative    CONFIRMED  p < alpha on the predicted side; REFUTED  p < alpha on the other
    number, within        CONFIRMED  p < alpha on the number's side of 0, and the estimate is that near to the number
                          REFUTED    the interval lies off the number by more than that
    equal_within          CONFIRMED  two one-sided tests put the truth inside the margin; REFUTED  the interval lies
                          outside
    not_below             CONFIRMED  a one-sided test puts the truth above; REFUTED  the interval lies below

All else is INCONCLUSIVE, with the smallest effect or margin that these seeds and items would have found in 80 of 100
cases. p is adjusted over the tests of one family (Holm), and intervals that refute are at 1 - alpha / tests.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.report.numbers import points, signed, signed_between
from ds_stilts.statistics.bootstrap import Interval
from ds_stilts.statistics.estimate import Estimate, student
from ds_stilts.statistics.margins import equivalence, non_inferiority
from ds_stilts.statistics.multiplicity import adjusted
from ds_stilts.statistics.power import Design, detectable_effect, detectable_margin
from ds_stilts.statistics.signs import SignResult, sign_flip_test, sign_test
from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.sections import Prediction, Statistics

Verdict = Literal["CONFIRMED", "REFUTED", "INCONCLUSIVE", "NOT RUN", "ESTIMATE"]
"""ESTIMATE: nothing was predicted."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is said of one prediction."""

    verdict: Verdict
    remarks: tuple[str, ...] = ()
    """What must be known beside the numbers: why there is none, or what would have been found."""
    rule: str
    """What would have confirmed it."""
    estimate: float | None = None
    interval: Interval | None = None
    p: float | None = None
    """Of the rule's own test."""
    adjusted_p: float | None = None
    """Over the family; None outside of it."""
    n: int = 0
    """Paired seeds; of a slope languages, or families where these are the units."""
    detectable: float | None = None
    """Smallest effect, or margin, found in 80 of 100 such studies."""
    method: str = ""
    unit: str = "points"
    overlap: str = ""
    """Which of its arms have trained on which of its targets' training data, as a clause; "": none."""

    @property
    def why(self) -> str:
        """Numbers and remarks as a clause."""
        numbers = [] if self.estimate is None else [f"{signed(self.estimate)} {self.unit}"]
        numbers += [f"95 % interval {signed_between(self.interval)}"] if self.interval else []
        return "; ".join([*numbers, *self.said])

    @property
    def said(self) -> tuple[str, ...]:
        """All that must be known beside the numbers."""
        return (*self.remarks, self.overlap) if self.overlap else self.remarks


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A prediction and what was found."""

    predicted: Prediction | None
    finding: Finding
    in_family: bool
    """Whether its p is adjusted with those of the others."""
    unit: str = "points"


def judge(claims: Mapping[Hashable, Claimed], statistics: Statistics) -> dict[Hashable, Judgement]:
    """Judge predictions that were declared together."""
    tested = {
        name: _tested(one.predicted, one.finding.found, one.finding, statistics)
        for name, one in claims.items()
        if one.predicted is not None and one.finding.found is not None
    }
    family = {name: test.p for name, test in tested.items() if claims[name].in_family and test.p is not None}
    holm = statistics.multiplicity == "holm"
    corrected = {
        name: one.adjusted_p if holm else one.p
        for name, one in adjusted(family, "holm", alpha=statistics.alpha).items()
    }
    # Those that are not tested yet will be: what is confirmed now must stay so when they are.
    declared = sum(one.in_family for one in claims.values()) if holm else 1
    return {
        name: _judgement(one, tested.get(name), corrected.get(name), max(1, declared if one.in_family else 1),
                         statistics)
        for name, one in claims.items()
    }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Test:
    p: float | None
    is_met: bool
    """Whether it is confirmed if p is small enough."""
    method: str = ""


def rule_text(predicted: Prediction | None, statistics: Statistics, *, in_family: bool, unit: str = "points") -> str:
    """What would confirm a prediction."""
    if predicted is None:
        return "nothing was predicted: an estimate with its interval"
    kind = {"bootstrap": "", "sign": "sign test ", "sign_flip": "sign-flip test "}[statistics.test]
    holm = "Holm-adjusted " if in_family and statistics.multiplicity == "holm" else ""
    p = f"{kind}{holm}p < {statistics.alpha:g}"
    if predicted.sign:
        return f"{'above' if predicted.sign == 'positive' else 'below'} 0 with {p}"
    if predicted.number is not None:
        side = f"on the side of {signed(predicted.number, 1)}, and within {predicted.within:g} {unit} of it"
        return f"not 0 with {p}, {side}"
    if predicted.equal_within is not None:
        return f"within ±{predicted.equal_within:g} {unit} by two one-sided tests, {holm}p < {statistics.alpha:g}"
    assert predicted.not_below is not None
    return f"above {signed(predicted.not_below, 1)} {unit} by a one-sided test, {holm}p < {statistics.alpha:g}"


def _tested(predicted: Prediction, found: Estimate, finding: Finding, statistics: Statistics) -> _Test:
    value = found.estimate
    if not found.se > 0:
        return _Test(p=None, is_met=False)
    if predicted.equal_within is not None:
        margin = equivalence(found, predicted.equal_within, alpha=statistics.alpha)
        return _Test(p=margin.p, is_met=True, method=margin.method)
    if predicted.not_below is not None:
        if predicted.not_below == 0:  # a margin of nothing is a one-sided test of 0
            assert found.p is not None
            one_sided = found.p / 2 if value > 0 else 1 - found.p / 2
            return _Test(p=one_sided, is_met=True, method=f"one-sided, on: {found.method}")
        margin = non_inferiority(found, -predicted.not_below, alpha=statistics.alpha)
        return _Test(p=margin.p, is_met=True, method=margin.method)
    p: float | None = found.p
    method = found.method
    if (exact := _exact(finding, statistics)) is not None:
        p, method = exact.p, f"{exact.method}; interval: {found.method}"
    if predicted.sign:
        return _Test(p=p, is_met=(value > 0) == (predicted.sign == "positive"), method=method)
    assert predicted.number is not None and predicted.within is not None
    near = abs(value - predicted.number) <= predicted.within and value * predicted.number > 0
    return _Test(p=p, is_met=near, method=method)


def _exact(finding: Finding, statistics: Statistics) -> SignResult | None:
    """The exact test over seeds, where the study asks for one and there is one number a seed."""
    if statistics.test == "bootstrap" or not finding.per_seed:
        return None
    run: Callable[..., SignResult] = sign_test if statistics.test == "sign" else sign_flip_test
    try:
        return run(np.array(finding.per_seed), np.zeros(len(finding.per_seed)))
    except StatisticsError:  # all pairs are equal
        return None


def _judgement(
    claim: Claimed, test: _Test | None, corrected: float | None, num_tests: int, statistics: Statistics
) -> Judgement:
    predicted, finding, found = claim.predicted, claim.finding, claim.finding.found
    rule = rule_text(predicted, statistics, in_family=claim.in_family, unit=claim.unit)
    remarks = (finding.note,) if finding.note else ()
    if finding.estimate is None:
        return Judgement(verdict="NOT RUN", remarks=remarks, rule=rule, unit=claim.unit)
    if found is None:
        return Judgement(
            verdict="ESTIMATE" if predicted is None else "INCONCLUSIVE", remarks=remarks, rule=rule,
            estimate=finding.estimate, n=len(finding.seeds), unit=claim.unit,
        )  # fmt: skip
    verdict: Verdict = "ESTIMATE"
    detectable, lacks = None, ""
    if predicted is not None and test is not None:
        p = corrected if corrected is not None else test.p
        verdict = _verdict(predicted, found, test, p, statistics.alpha, num_tests)
        if verdict == "INCONCLUSIVE":
            detectable, lacks = _power(predicted, finding, statistics, num_tests, claim.unit)
    said = [lacks] if lacks else []
    said += [] if found.interval else ["nothing varies over seeds and items, which shows no certainty"]
    return Judgement(
        verdict=verdict, remarks=(*said, *remarks), rule=rule, estimate=found.estimate, interval=found.interval,
        p=test.p if test else found.p, adjusted_p=corrected, n=found.n, detectable=detectable,
        method=(test.method if test and test.method else found.method), unit=claim.unit,
    )  # fmt: skip


def _verdict(
    predicted: Prediction, found: Estimate, test: _Test, p: float | None, alpha: float, num_tests: int
) -> Verdict:
    if p is None:
        return "INCONCLUSIVE"
    if p < alpha and test.is_met:
        return "CONFIRMED"
    if predicted.sign:
        return "REFUTED" if p < alpha else "INCONCLUSIVE"
    interval, _ = student(found.estimate, found.se, found.df, 1 - alpha / num_tests)
    assert interval is not None
    low, high = _allowed(predicted)
    return "REFUTED" if interval[1] < low or interval[0] > high else "INCONCLUSIVE"


def _allowed(predicted: Prediction) -> Interval:
    """Truths that would not contradict a prediction."""
    if predicted.number is not None and predicted.within is not None:
        return predicted.number - predicted.within, predicted.number + predicted.within
    if predicted.equal_within is not None:
        return -predicted.equal_within, predicted.equal_within
    assert predicted.not_below is not None
    return predicted.not_below, float("inf")


def _power(
    predicted: Prediction, finding: Finding, statistics: Statistics, num_tests: int, unit: str
) -> tuple[float | None, str]:
    """The smallest effect or margin that would have been found, and a clause that says so."""
    found = finding.found
    assert found is not None
    own_seeds = len(finding.per_seed) == found.n
    # Of a slope the independent units are languages: as many as leave its degrees of freedom.
    units = found.n if own_seeds else round(found.df) + 1
    seed_sd = finding.seed_sd if own_seeds else found.se * units**0.5
    try:
        design = Design(num_seeds=units, seed_sd=seed_sd, item_se=finding.item_se, alpha=statistics.alpha / num_tests)
        if predicted.equal_within is not None or predicted.not_below is not None:
            claim: Literal["equivalent", "not worse"] = "equivalent" if predicted.equal_within else "not worse"
            least = detectable_margin(design, claim=claim)
            return least, f"with power 0.8 these runs show a margin of {points(least)} {unit} or more"
        exact = statistics.test != "bootstrap" and own_seeds
        least = detectable_effect(design, test="sign" if exact else "contrast")
        return least, f"with power 0.8 these runs find an effect of {points(least)} {unit} or more"
    except StatisticsError as error:
        return None, str(error)
