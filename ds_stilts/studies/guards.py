"""What a study may not claim or compare, looked for before anything runs. Looks at no data file and no machine."""

from collections.abc import Mapping, Sequence
from typing import Literal

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.labelled import is_zero_shot, labelled_languages, train_languages
from ds_stilts.plan import check_recipe, score_splits
from ds_stilts.recipe import Recipe
from ds_stilts.statistics.selection import num_chosen_on
from ds_stilts.statistics.signs import least_p, least_seeds
from ds_stilts.studies.budget import PhaseCost, arm_amount, mismatch
from ds_stilts.studies.covariates import covariate
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.sections import Cells, Contrast
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task

FEWEST_LANGUAGES = 3
"""Of a group of languages that something is claimed of: two tell nothing of the spread between them."""
FEWEST_FOR_SLOPE = 4
"""A slope through three points leaves one of them to tell how far it can be trusted."""


def check_arms(study: Study, runs: Sequence[StudyRun]) -> None:
    """Check the recipes, and that no arm and no contrast calls zero-shot what is not.

    Args:
        runs: all runs of the study; those of one seed are looked at, since the others differ in the seed only.

    Raises:
        RecipeError: the first thing that cannot be done or claimed, in one sentence.
    """
    recipes = arm_recipes(runs)
    for run in first_seed(runs):
        try:
            check_recipe(run.recipe, run.recipe.engine.processes)
        except RecipeError as error:
            raise RecipeError(f"study '{study.study}', the recipe of {', '.join(run.arms)}: {error}") from None
    for arm, recipe in recipes.items():
        for target in recipe.targets:
            for language in study.held_out:
                if language in labels_seen(recipe, arm, target):
                    raise RecipeError(
                        f"held_out: arm '{arm}' trains on labels in '{language}' before it is scored on '{target}'; "
                        "take that language out of the arm, or out of held_out"
                    )
        _check_selection(recipe, arm)
    for name, contrast in study.contrasts.items():
        for place, one in enumerate(contrast.differences(), start=1):
            where = f"contrasts.{name}.rotations.{place}" if contrast.rotations else f"contrasts.{name}"
            for key, cells in (("of", one.of), ("minus", one.minus)):
                if cells is not None:
                    _check_cells(study, recipes, one, cells, f"{where}.{key}")
        _check_slope(study, recipes, contrast, f"contrasts.{name}.slope")
        _check_group(study, recipes, contrast, f"contrasts.{name}")
    for name, scaling in study.scaling.items():
        for line, cells in scaling.of.items():
            for _, arm in scaling.named:
                one = Contrast(arm=arm, against=scaling.against, of=cells, zero_shot=scaling.zero_shot)
                _check_cells(study, recipes, one, cells, f"scaling.{name}.of.{line}")


def check_seeds(study: Study) -> None:
    """Check that the seeds can tell what they are asked for.

    Raises:
        RecipeError: no outcome of the exact test could be significant, or a contrast needs more seeds.
    """
    seeds, wanted = len(study.seeds.intermediate), study.statistics
    confirmatory = [name for name, contrast in study.contrasts.items() if contrast.confirmatory]
    tests = max(1, len(confirmatory) if wanted.multiplicity == "holm" else 1)
    if wanted.test != "bootstrap" and least_p(seeds) > wanted.alpha / tests:
        raise RecipeError(
            f"seeds.intermediate: {seeds} paired seeds give an exact {wanted.test.replace('_', '-')} test a p-value of "
            f"{least_p(seeds):g} at the least, above {wanted.alpha:g}"
            f"{f' / {tests} (Holm over {tests} confirmatory contrasts)' if tests > 1 else ''}; give "
            f"{least_seeds(wanted.alpha, tests)} seeds or more, or `test: bootstrap`"
        )
    for name in confirmatory:
        contrast, left = study.contrasts[name], seeds - num_chosen_on(seeds)
        if contrast.best_of and wanted.test != "bootstrap" and left > 1 and least_p(left) > wanted.alpha / tests:
            raise RecipeError(
                f"contrasts.{name}.best_of: the best is measured on {left} of {seeds} seeds, which give an exact test "
                f"a p-value of {least_p(left):g} at the least, above {wanted.alpha / tests:g}; give more seeds, or "
                "`test: bootstrap`"
            )
        if seeds < 2:
            raise RecipeError(f"contrasts.{name}.confirmatory: one seed shows no spread; give 6 or more")
        if study.contrasts[name].best_of and seeds < 4:
            raise RecipeError(
                f"contrasts.{name}.best_of: the best is chosen on half of the seeds and measured on the others, which "
                f"needs 4, and there are {seeds}"
            )


def check_budget(study: Study, costs: Mapping[str, Mapping[str, PhaseCost]]) -> None:
    """Check that planned budgets agree, as far as they are known before data are prepared.

    Args:
        costs: by arm, what its recipe's phases cost.

    Raises:
        RecipeError: two arms differ by more than the tolerance.
    """
    if study.budget is None:
        return
    found = mismatch(planned_amounts(study, costs), study.budget)
    if found:
        most, least, share = found
        amounts = planned_amounts(study, costs)
        where = "intermediate phases" if study.budget.over == "intermediate" else "training"
        raise RecipeError(
            f"budget: arms '{most}' and '{least}' differ by {share:.1%} in {study.budget.match} of their {where} "
            f"({amounts[most]:,} and {amounts[least]:,}), more than {study.budget.tolerance:.0%}; change how long they "
            f"train, or say why under arms.{most}.unmatched"
        )


def planned_amounts(study: Study, costs: Mapping[str, Mapping[str, PhaseCost]]) -> dict[str, int | None]:
    """The matched quantity of every arm that is compared."""
    assert study.budget is not None
    return {name: arm_amount(costs[name], name, study.budget) for name, arm in study.arms.items() if arm.is_matched}


def first_seed(runs: Sequence[StudyRun]) -> list[StudyRun]:
    """The runs of the first seed: each arm once."""
    return [run for run in runs if run.seed == runs[0].seed]


def arm_recipes(runs: Sequence[StudyRun]) -> dict[str, Recipe]:
    """By arm, its recipe with the first seed."""
    return {arm: run.recipe for run in first_seed(runs) for arm in run.arms}


def labels_seen(recipe: Recipe, arm: str, target: str) -> set[str]:
    """Languages in which a target's model has seen labels."""
    task = get_task(target)
    own = [] if task.is_searched else train_languages(recipe.targets[target], task)
    return labelled_languages(recipe, arm, own)


def scored_languages(recipe: Recipe, target: str) -> list[str]:
    """Languages that a target is scored in, as declared: which of them lie under a data root is not looked at."""
    task, wanted = get_task(target), recipe.targets[target]
    declared = [lang for split in score_splits(wanted, task) for lang in task.split(split).languages or task.languages]
    return wanted.score_languages or list(dict.fromkeys(declared))


def cell_languages(
    study: Study, recipes: Mapping[str, Recipe], contrast: Contrast, cells: Cells
) -> dict[str, list[str]]:
    """By target, the languages over which a contrast is taken there: those it names, or every scored one that no
    target of its arms is trained in. Of one with rotations ask each of its `differences()`."""
    found = {}
    for target in study.targets_of(cells):
        scored = [lang for lang in scored_languages(recipes[contrast.against], target)]
        if cells.languages is not None:
            found[target] = [language for language in scored if language in cells.languages]
            continue
        task = get_task(target)
        trained = set() if task.is_searched else {
            language for arm in contrast.arms for language in train_languages(recipes[arm].targets[target], task)
        }  # fmt: skip
        found[target] = [language for language in scored if is_zero_shot(language, trained)]
    return found


def all_languages(
    study: Study, recipes: Mapping[str, Recipe], contrast: Contrast, key: Literal["of", "minus"]
) -> dict[str, list[str]]:
    """By target, the languages of `of` or of `minus`, of all rotations together."""
    found: dict[str, list[str]] = {}
    for one in contrast.differences():
        cells = getattr(one, key)
        for target, own in (cell_languages(study, recipes, one, cells) if cells else {}).items():
            found[target] = list(dict.fromkeys([*found.get(target, []), *own]))
    return found


def _check_selection(recipe: Recipe, arm: str) -> None:
    """No model is chosen on what it is scored on."""
    for name, target in recipe.targets.items():
        wanted = target.validation
        if wanted and wanted.chooses_by_labels and wanted.split in score_splits(target, get_task(name)):
            raise RecipeError(
                f"targets.{name}.validation: in arm '{arm}' the weights are chosen on split '{wanted.split}', which is "
                "scored as well; validate on another split, or remove `patience`"
            )


def _check_cells(study: Study, recipes: Mapping[str, Recipe], contrast: Contrast, cells: Cells, where: str) -> None:
    chosen = cell_languages(study, recipes, contrast, cells)
    for language in cells.languages or []:
        known = list(
            dict.fromkeys(lang for target in chosen for lang in scored_languages(recipes[contrast.against], target))
        )
        if language not in known:
            raise RecipeError(
                f"{where}.languages: none of its targets is scored in '{language}'{suggestion(language, known)}; they "
                f"are scored in: {', '.join(known)}"
            )
    for target, languages in chosen.items():
        if not languages:
            raise RecipeError(f"{where}: target '{target}' has no language to compare in; leave it out of `targets`")
        for arm in contrast.arms if contrast.zero_shot else []:
            seen = labels_seen(recipes[arm], arm, target)
            leaked = [language for language in languages if not is_zero_shot(language, seen)]
            if leaked:
                raise RecipeError(
                    f"{where}: arm '{arm}' has seen labels in '{leaked[0]}' when it is scored on '{target}', so that "
                    "this is not zero-shot; leave it out of `languages`, or write `zero_shot: false`"
                )


def _check_slope(study: Study, recipes: Mapping[str, Recipe], contrast: Contrast, where: str) -> None:
    if contrast.slope is None:
        return
    languages = {lang for own in all_languages(study, recipes, contrast, "of").values() for lang in own}
    known = {lang for lang in languages if covariate(contrast.slope, lang) is not None}
    if len(known) < FEWEST_FOR_SLOPE:
        raise RecipeError(
            f"{where}: {contrast.slope} is known of {len(known)} of its languages, and a slope needs "
            f"{FEWEST_FOR_SLOPE}; compare means, or score more languages"
        )


def _check_group(study: Study, recipes: Mapping[str, Recipe], contrast: Contrast, where: str) -> None:
    """Nothing is confirmed of a group of languages that was picked and is as small as two."""
    for key in ("of", "minus"):
        picked = [one for one in contrast.differences() if (cells := getattr(one, key)) and cells.languages is not None]
        if not contrast.confirmatory or not picked:
            continue
        fewest = min(len(own) for own in all_languages(study, recipes, contrast, key).values())
        if fewest < FEWEST_LANGUAGES:
            raise RecipeError(
                f"{where}.{key}.languages: {fewest} are too few to confirm anything of their kind; write "
                "`confirmatory: false`, which shows the estimate"
            )
