"""Whether a study is about a part of a claim: its arms, targets, languages, splits and start model, as declared."""

from collections.abc import Mapping, Set

from ds_stilts.plan import score_splits
from ds_stilts.recipe import Recipe
from ds_stilts.studies.claims.claims_file import Claim, Claims
from ds_stilts.studies.guards import scored_languages
from ds_stilts.studies.sections import Cells, Contrast
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task


def why_not(
    claims: Claims,
    claim: Claim,
    part: Contrast,
    study: Study,
    recipes: Mapping[str, Recipe],
    found: Mapping[str, Set[str]] | None = None,
) -> str:
    """Why a study says nothing of a part of a claim; "" where it does.

    Args:
        recipes: by arm, that of any seed.
        found: by target, the splits that its rows are of; of targets without rows it counts what is declared.
    """
    for arm in part.arms:
        if arm not in study.arms:
            return f"study '{study.study}' has no arm '{arm}'"
    asked = [cells for cells in (part.of, part.minus) if cells]
    for target in (target for cells in asked for target in study.targets_of(cells)):
        if target not in study.targets:
            return f"study '{study.study}' has no target '{target}'"
    models = {recipes[arm].start.model for arm in part.arms}
    if claims.model is not None and _short(claims.model) not in {_short(model) for model in models}:
        begins = ", ".join(sorted(model or "a model made there" for model in models))
        return f"study '{study.study}' starts from {begins}, and the claim is about {claims.model}"
    compared = [(one, cells) for one in part.differences() for cells in (one.of, one.minus) if cells]
    for one, cells in compared:
        recipe = recipes[one.against]
        if reason := _other_languages(study, recipe, cells):
            return reason
        for target in study.targets_of(cells) if claim.split else ():
            splits = (found or {}).get(target) or set(score_splits(recipe.targets[target], get_task(target)))
            if _has_split(str(claim.split), recipe, target, cells) and splits != {claim.split}:
                return f"'{target}' is scored on {', '.join(sorted(splits))}, and the claim is about '{claim.split}'"
    return ""


def _other_languages(study: Study, recipe: Recipe, cells: Cells) -> str:
    """Languages are a claim's own only where it names them; each has to be scored for one of its targets."""
    scored = {target: scored_languages(recipe, target) for target in study.targets_of(cells)}
    for language in cells.languages or ():
        if not any(language in own for own in scored.values()):
            return f"study '{study.study}' scores none of the claim's targets in '{language}'"
    for target, own in scored.items():
        if cells.languages is not None and not set(own) & set(cells.languages):
            return f"study '{study.study}' scores '{target}' in none of the claim's languages"
    return ""


def _has_split(split: str, recipe: Recipe, target: str, cells: Cells) -> bool:
    """Whether a target has a split in the languages that are compared: XQuAD's "dev" is SQuAD's, in English alone, and
    says nothing of a mean over languages."""
    task = get_task(target)
    if split not in task.splits:
        return False
    compared = set(scored_languages(recipe, target)) & set(cells.languages or task.languages)
    having = task.split(split).languages
    return not having or compared <= set(having)


def _short(model: str | None) -> str:
    return (model or "").rstrip("/").rpartition("/")[2]
