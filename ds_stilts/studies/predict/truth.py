"""What arms that were run brought each target, and how well a prediction would have chosen among them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ds_stilts.labelled import is_zero_shot, train_languages
from ds_stilts.statistics.regret import chance_regret, rank_correlation, regret
from ds_stilts.studies.guards import labels_seen
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.status import num_scored
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task

KS = (1, 3)
"""Of Regret@k. One that is no less than the number of arms is left out: it is 0 whatever was predicted."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One target, over the same seeds and languages for every arm."""

    scores: Mapping[str, float]
    """By arm, in percent: the mean over seeds and languages."""
    baseline: float | None
    """The same of the arm without intermediate task; None: there is none, or it was not scored."""
    languages: tuple[str, ...]
    seeds: tuple[int, ...]


def read_truths(study: Study, folder: Path, arms: Sequence[str], targets: Sequence[str]) -> dict[str, Truth]:
    """By target, what its rows say. A target of which fewer than two arms are scored is not there.

    Arms and targets that the study in the folder declares otherwise, or not, are left out; so is everything if it has
    another base recipe.

    Args:
        folder: the study's; it need not exist.

    Raises:
        DataError: the study in the folder was changed by hand.
    """
    if not num_scored(folder):
        return {}
    evidence = read_evidence(folder)
    there = evidence.study
    if there.base != study.base:
        return {}
    baselines = [name for name, arm in study.arms.items() if arm.role == "baseline" and not arm.stands_apart][:1]
    same = [name for name in (*baselines, *arms) if there.arms.get(name) == study.arms[name]]
    found = {}
    for target in targets:
        if target in there.targets and there.targets[target] == study.targets[target]:
            scored = [name for name in same if evidence.seeds(name, target)]
            if len([name for name in scored if name in arms]) > 1:
                found[target] = _truth(evidence, target, scored, baselines)
    return {target: truth for target, truth in found.items() if truth is not None}


def judged(scores: Mapping[str, float], predicted: Mapping[str, float]) -> dict[str, Any]:
    """How well arms are ranked: Spearman's correlation (None for fewer than three arms), and Regret@k in percent.

    Args:
        scores: by arm, in percent; the arms that count.
        predicted: by arm, higher is better.
    """
    true, found = list(scores.values()), [predicted[arm] for arm in scores]
    return {
        "spearman": rank_correlation(true, found),
        "regret": {str(k): regret(true, found, k) for k in _ks(true)},
    }


def chance(scores: Mapping[str, float]) -> dict[str, float]:
    """Regret@k of a random choice, in percent, by k."""
    true = list(scores.values())
    return {str(k): chance_regret(true, k) for k in _ks(true)}


def _ks(scores: Sequence[float]) -> Iterable[int]:
    return [k for k in KS if k < len(scores)]


def _truth(evidence: Evidence, target: str, arms: Sequence[str], baselines: Sequence[str]) -> Truth | None:
    common = set.intersection(*(evidence.seeds(arm, target) for arm in arms))
    seeds = tuple(seed for seed in evidence.study.seeds.intermediate if seed in common)
    languages = _languages(evidence, target, arms)
    values = {
        arm: fmean(evidence.value(arm, target, seed, language) for seed in seeds for language in languages)
        for arm in arms
        if seeds and languages
    }
    scores = {arm: value for arm, value in values.items() if arm not in baselines}
    if max(scores.values(), default=0.0) <= 0:  # of a best score of 0 nothing can be lost
        return None
    baseline = next((values[arm] for arm in baselines if arm in values), None)
    return Truth(scores=scores, baseline=baseline, languages=languages, seeds=seeds)


def _languages(evidence: Evidence, target: str, arms: Sequence[str]) -> tuple[str, ...]:
    """Languages that are zero-shot in every arm; where there are none, those that the target is not trained in."""
    recipes = evidence.recipes
    seen = set().union(*(labels_seen(recipes[arm], arm, target) for arm in arms))
    own = set(train_languages(recipes[arms[0]].targets[target], get_task(target)))
    for labelled in (seen, own):
        if chosen := [code for code in evidence.languages(target) if is_zero_shot(code, labelled)]:
            return tuple(chosen)
    return evidence.languages(target)
