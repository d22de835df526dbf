"""What a contrast of a study can find, announced before anything runs, from the spread that the study assumes."""

from typing import Any

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
from ds_stilts.studies.sections import Contrast
from ds_stilts.studies.study import Study


def announced_power(study: Study, contrast: Contrast) -> dict[str, Any] | None:
    """The least effect, or margin, in points, that a contrast finds with a chance of `POWER`, and what that assumes.

    Seeds count as `seeds.intermediate`: target seeds of one intermediate seed share its model. The best of several arms
    is scored on the seeds that it was not chosen on. Of m confirmatory contrasts under Holm each must do with alpha / m
    in the worst case.

    Returns:
        "least" and "kind" ("effect" or "margin"), "alpha", "seeds" that it is scored on, "power" of what is predicted
        where that is a number or a margin, "as_mean": it is a difference of two differences or no mean over languages,
        and is held to spread as a mean does, "at_most": it is the mean of several rotations, which spreads no more than
        the one that is assumed; None for slopes, whose spread over languages is not assumed, and with one
        seed.
    """
    seeds, wanted = len(study.seeds.intermediate), study.statistics
    if contrast.best_of:
        seeds -= num_chosen_on(seeds)
    if contrast.slope or seeds < 2:
        return None
    family = sum(one.confirmatory for one in study.contrasts.values())
    tests = family if contrast.confirmatory and wanted.multiplicity == "holm" else 1
    design = Design(num_seeds=seeds, seed_sd=wanted.seed_sd, item_se=wanted.item_se, alpha=wanted.alpha / max(1, tests))
    predicted = contrast.predicted
    as_mean = contrast.minus is not None or (contrast.aggregate or study.aggregate) != "mean"
    found: dict[str, Any] = {
        "alpha": design.alpha, "seeds": seeds, "as_mean": as_mean, "at_most": bool(contrast.rotations), "power": None,
    }  # fmt: skip
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


def power_words(power: dict[str, Any] | None) -> str:
    """In a phrase: "finds 4.1 points with 80 % chance"; "" where nothing is announced."""
    if power is None:
        return ""
    verb = "finds" if power["kind"] == "effect" else "shows equality within"
    chance = "" if power["power"] is None else f", what is predicted with {power['power']:.0%}"
    spread = ", if it spreads as a mean does" if power["as_mean"] else ""
    spread += ", or fewer, as rotations are averaged" if power["at_most"] else ""
    return f"{verb} {power['least']:.1f} points with {POWER:.0%} chance{chance}{spread}"
