"""What a contrast of a study can find, announced before anything runs, from the spread that the study assumes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.report.facts import language_facts
from ds_stilts.statistics.power import (
    POWER,
    Design,
    detectable_effect,
    detectable_margin,
    power_of_contrast,
    power_of_equivalence,
    power_of_non_inferiority,
)
from ds_stilts.statistics.selection import num_chosen_on
from ds_stilts.statistics.slope_power import (
    SlopeDesign,
    detectable_slope,
    detectable_slope_margin,
    power_of_slope,
    power_of_slope_margin,
)
from ds_stilts.studies.covariates import UNITS, Covariate, covariate
from ds_stilts.studies.sections import Contrast
from ds_stilts.studies.slopes import Columns, slope_design
from ds_stilts.studies.study import Study


def announced_power(study: Study, contrast: Contrast, languages: Mapping[str, Sequence[str]]) -> dict[str, Any] | None:
    """The least effect, or margin, in points, that a contrast finds with a chance of `POWER`, and what that assumes.

    Seeds count as `seeds.intermediate`: target seeds of one intermediate seed share its model. The best of several arms
    is scored on the seeds that it was not chosen on. Of m confirmatory contrasts under Holm each must do with alpha / m
    in the worst case.

    Args:
        languages: by target, those that are compared.

    Returns:
        "least" and "kind" ("effect" or "margin"), "unit", of a slope "over_range", the points that the least makes
        between the languages farthest apart in the fact; "alpha", "seeds" that it is scored on, "power" of what is
        predicted where that is a number or a margin, "as_mean": it is a difference of two differences or no mean over
        languages, and is held to spread as a mean does, "at_most": it is the mean of several rotations, which spreads
        no more than the one that is assumed; None with one seed, and for slopes where `statistics.language_sd` is not
        given, or languages are too few for the mixed model.
    """
    seeds, wanted = len(study.seeds.intermediate), study.statistics
    if contrast.best_of:
        seeds -= num_chosen_on(seeds)
    if seeds < 2:
        return None
    family = sum(one.confirmatory for one in study.contrasts.values())
    tests = family if contrast.confirmatory and wanted.multiplicity == "holm" else 1
    alpha, predicted = wanted.alpha / max(1, tests), contrast.predicted
    as_mean = contrast.minus is not None or (contrast.aggregate or study.aggregate) != "mean"
    found: dict[str, Any] = {
        "alpha": alpha, "seeds": seeds, "as_mean": as_mean and not contrast.slope,
        "at_most": bool(contrast.rotations), "power": None, "unit": "points", "over_range": None,
    }  # fmt: skip
    if contrast.slope:
        known = _known(contrast.slope, languages)
        planned = _planned_slope(study, languages, known, seeds)
        if planned is None:
            return None
        own = _of_slope(contrast, planned, alpha)
        span = max(known.values()) - min(known.values())
        return found | own | {"unit": UNITS[contrast.slope], "over_range": own["least"] * span}
    design = Design(num_seeds=seeds, seed_sd=wanted.seed_sd, item_se=wanted.item_se, alpha=alpha)
    if predicted and predicted.equal_within is not None:
        found |= {"kind": "margin", "least": detectable_margin(design, claim="equivalent")}
        return found | {"power": power_of_equivalence(design, predicted.equal_within)}
    if predicted and predicted.not_below is not None:
        found |= {"kind": "margin", "least": detectable_margin(design, claim="not worse")}
        return found | {"power": power_of_non_inferiority(design, -predicted.not_below)}
    test = "sign" if wanted.test == "sign" else "contrast"
    found |= {"kind": "effect", "least": detectable_effect(design, test=test)}  # type: ignore[arg-type]
    if predicted and predicted.number is not None:
        found["power"] = power_of_contrast(design, predicted.number)
    return found


def _known(fact: Covariate, languages: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The fact of each language of which it is known."""
    values = {code: covariate(fact, code) for own in languages.values() for code in own}
    return {code: value for code, value in values.items() if value is not None}


def _planned_slope(
    study: Study, languages: Mapping[str, Sequence[str]], known: Mapping[str, float], num_seeds: int
) -> SlopeDesign | None:
    """The rows that the report will have, and what is assumed of them; None where nothing is, or they make no model."""
    assumed = study.statistics
    rows = [
        (known[code], code, language_facts(code).family, target, seed)
        for target, own in languages.items()
        for code in own
        if code in known
        for seed in range(num_seeds)
    ]
    if assumed.language_sd is None or assumed.cell_sd is None or not rows:
        return None
    values, codes, families, targets, seeds = zip(*rows, strict=True)
    columns = Columns(
        covariate_N=np.array(values), languages_N=codes, families_N=families, tasks_N=targets, seeds_N=seeds
    )
    design = slope_design(
        columns, family_sd=assumed.family_sd, language_sd=assumed.language_sd, seed_sd=assumed.seed_sd,
        cell_sd=assumed.cell_sd,
    )  # fmt: skip
    try:
        design.layout()
    except StatisticsError:
        return None
    return design


def _of_slope(contrast: Contrast, design: SlopeDesign, alpha: float) -> dict[str, Any]:
    """What `announced_power` says of a slope alone."""
    predicted, power = contrast.predicted, None
    if predicted and (predicted.equal_within is not None or predicted.not_below is not None):
        claim: Literal["equivalent", "not worse"] = "equivalent" if predicted.equal_within is not None else "not worse"
        margin = predicted.equal_within if predicted.equal_within is not None else -(predicted.not_below or 0.0)
        kind, least = "margin", detectable_slope_margin(design, claim=claim, alpha=alpha)
        power = power_of_slope_margin(design, margin, claim=claim, alpha=alpha)
    else:
        kind, least = "effect", detectable_slope(design, alpha=alpha)
        if predicted and predicted.number is not None:
            power = power_of_slope(design, predicted.number, alpha=alpha)
    return {"kind": kind, "least": least, "power": power}


def power_words(power: dict[str, Any] | None) -> str:
    """In a phrase: "finds 4.1 points with 80 % chance"; "" where nothing is announced."""
    if power is None:
        return ""
    verb = "finds" if power["kind"] == "effect" else "shows equality within"
    chance = "" if power["power"] is None else f", what is predicted with {power['power']:.0%}"
    spread = ", if it spreads as a mean does" if power["as_mean"] else ""
    spread += ", or fewer, as rotations are averaged" if power["at_most"] else ""
    over = power["over_range"]
    across = "" if over is None else f" ({over:.1f} points between the languages farthest apart in it)"
    return f"{verb} {power['least']:.1f} {power['unit']}{across} with {POWER:.0%} chance{chance}{spread}"
