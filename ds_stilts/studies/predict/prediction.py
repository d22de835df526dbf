"""A study's prediction as a value for JSON: by target, arms with both similarities, and what is known of the truth.

An arm's similarity to a target is the mean over its tasks, weighted by the share of examples that it learns of each.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any

from ds_stilts.evaluation.similarity import TaskVectors, embedding_similarity, gradient_similarity
from ds_stilts.phases.provenance import overlap_of_arm
from ds_stilts.recipe import Recipe
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.predict.candidates import find_candidates
from ds_stilts.studies.predict.start import open_start
from ds_stilts.studies.predict.tasks import Part, Tasks
from ds_stilts.studies.predict.truth import Truth, chance, judged, read_truths
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task

PREDICTORS: Mapping[str, Callable[[TaskVectors, TaskVectors], float]] = {
    "embedding": embedding_similarity,
    "gradient": gradient_similarity,
}
"""By name, from the vectors of two tasks to how alike they are, -1 to 1."""


def predict_study(
    study: Study,
    *,
    folder: Path,
    store: Store,
    data_root: Path | None = None,
    arms: Sequence[str] = (),
    examples: int = 256,
    layers: Sequence[int] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """Rank a study's arms for each of its targets, and hold the ranks against scores where there are any.

    Args:
        folder: the study's own; scores are read from it.
        store: where the study's start model lies, if it makes one.
        arms: which; none: all that train something and are no control.
        examples: training items of each task that are looked at, at most.
        layers: of the start model, 1 the lowest, whose gradients are compared; none: all.
        seed: of which items are looked at.

    Raises:
        RecipeError: what the study may not do, or an arm or layer that is not there.
        CheckpointError: the start model is not there or cannot be loaded.
        DataError: a data file is missing or malformed.
    """
    candidates = find_candidates(study, check_study(study), arms)
    run, source = open_start(candidates.run, study=study.study, folder=folder, store=store, data_root=data_root)
    tasks = Tasks(run, source, examples=examples, layers=layers, seed=seed)
    parts = {arm: tasks.parts(arm) for arm in candidates.arms}
    targets = {name: tasks.vectors(run.recipe.targets[name], get_task(name)) for name in candidates.targets}
    truths = read_truths(study, folder, candidates.arms, candidates.targets)
    return {
        "study": study.study,
        "size": study.size,
        "start": {"model": source, "seed": run.recipe.seed_of("start") if _is_drawn(run.recipe) else None},
        "examples": examples,
        "seed": seed,
        "layers": tasks.layers,
        "arms": {arm: _shares(own) for arm, own in parts.items()},
        "left_out": dict(candidates.left_out),
        "without": dict(candidates.without),
        "half_agreement": _agreements(targets, parts),
        "targets": {
            name: _target(own, parts, _overlaps(run.recipe, name, parts), truths.get(name))
            for name, own in targets.items()
        },
    }


def similarity(target: TaskVectors, parts: Sequence[Part], alike: Callable[[TaskVectors, TaskVectors], float]) -> float:
    """The mean over an arm's tasks, weighted: Σ weight · similarity / Σ |weight|. The same to the last digit in any
    order of the tasks, so that arms that differ in it alone are equal."""
    total = fsum(part.weight * alike(target, part.vectors) for part in parts)
    return total / fsum(abs(part.weight) for part in parts)


def _is_drawn(recipe: Recipe) -> bool:
    """Whether another seed would have another start model."""
    return bool(recipe.start.architecture or recipe.start.pretrain or recipe.start.random_init)


def _target(
    own: TaskVectors,
    parts: Mapping[str, Sequence[Part]],
    overlaps: Mapping[str, Sequence[str]],
    truth: Truth | None,
) -> dict[str, Any]:
    predicted = {
        name: {arm: similarity(own, theirs, alike) for arm, theirs in parts.items()}
        for name, alike in PREDICTORS.items()
    }
    arms: dict[str, dict[str, Any]] = {
        arm: {name: values[arm] for name, values in predicted.items()} | {"overlap": list(overlaps[arm])}
        for arm in parts
    }
    if truth is None:
        return {"arms": arms, "truth": None}
    for arm, score in truth.scores.items():
        arms[arm] |= {"score": score, "gain": None if truth.baseline is None else score - truth.baseline}
    return {
        "arms": arms,
        "truth": {
            "arms": len(truth.scores),
            "seeds": list(truth.seeds),
            "languages": list(truth.languages),
            "baseline": truth.baseline,
            "predictors": {name: judged(truth.scores, values) for name, values in predicted.items()},
            "chance": {"regret": chance(truth.scores)},
        },
    }


def _overlaps(recipe: Recipe, target: str, arms: Iterable[str]) -> dict[str, list[str]]:
    """By arm, its tasks that learn from the target's own training data: they are alike without any transfer."""
    return {arm: overlap_of_arm(recipe, arm, get_task(target))[1] for arm in arms}


def _shares(parts: Sequence[Part]) -> dict[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for part in parts:
        shares[part.task.name] += part.weight
    return dict(shares)


def _agreements(targets: Mapping[str, TaskVectors], parts: Mapping[str, Sequence[Part]]) -> dict[str, float]:
    """By task, how far the gradients of the two halves of its examples agree; the least, where phases read it
    differently."""
    found: dict[str, float] = {name: own.agreement for name, own in targets.items()}
    for part in [part for own in parts.values() for part in own]:
        found[part.task.name] = min(part.vectors.agreement, found.get(part.task.name, 1.0))
    return found
