"""What a phase's `validation` looks at, and what it cannot ask for. From a recipe alone, as in `ds_stilts.plan`."""

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.labelled import is_zero_shot, train_languages
from ds_stilts.recipe import Probe, Target, Training, Unlabelled
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task

AGREEING = ("sentence_pair", "multiple_choice")
"""Formats whose prediction is a label or a choice, which is right in every language or in none. Tags stand in the order
of a language's words, and answers are in its words."""
UNCERTAIN = (*AGREEING, "tagging", "span_qa")
"""Formats whose prediction is drawn from a distribution, which has an entropy (see `ds_stilts.formats.entropy`)."""


def validated_tasks(phase: Training, tasks: list[Task]) -> list[Task]:
    """Those of a phase's tasks that have a score to watch: all but running text; none without `validation`."""
    return [task for task in tasks if task.format != "masked_lm"] if phase.validation else []


def validation_languages(phase: Training, task: Task) -> list[str]:
    """Languages that a phase is validated in for one task: as asked for, else the first that it trains on."""
    if phase.validation and phase.validation.languages:
        return phase.validation.languages
    use = None if isinstance(phase, Target) else phase.tasks[task.name]
    trained = phase.train_languages if isinstance(phase, Target) else use.languages if use else None
    return list(trained or task.split(use.split if use else "train").languages or task.languages)[:1]


def unlabelled_languages(target: Target, task: Task) -> list[str]:
    """Languages whose texts are looked at without labels, were all their files there: as asked for, else all that are
    scored, have the split, and are not trained in."""
    wanted = target.validation.unlabelled if target.validation else None
    if wanted is None:
        return []
    if wanted.languages:
        return wanted.languages
    trained = set(train_languages(target, task))
    having = task.split(wanted.split).languages or task.languages
    scored = target.score_languages or task.languages
    return [language for language in scored if language in having and is_zero_shot(language, trained)]


def pivot_language(target: Target, task: Task) -> str | None:
    """The training language in whose predictions for the same items others are mirrored; None where items of one id are
    not translations, or that language lacks the split."""
    wanted = target.validation.unlabelled if target.validation else None
    if wanted is None or not task.parallel or task.format not in AGREEING:
        return None
    having = task.split(wanted.split).languages or task.languages
    return next((language for language in train_languages(target, task) if language in having), None)


def check_validation(phase: Training, tasks: list[Task], where: str, *, scored: list[str] | None = None) -> None:
    """Check what a phase's validation asks for.

    Args:
        where: the phase's key.
        scored: splits that a target may be scored on; None for phases that are not scored.

    Raises:
        RecipeError: the first thing that cannot be done.
    """
    where, wanted = f"{where}.validation", phase.validation
    if wanted is None:
        return
    watched = validated_tasks(phase, tasks)
    if not watched:
        raise RecipeError(f"{where}: running text has no score to watch; remove it, or write `validation: null` here")
    for task in watched:
        check_languages(task, wanted.split, wanted.languages, f"{where}.languages")
        check_languages(task, wanted.split, validation_languages(phase, task), f"{where}.languages")
        if wanted.metric is not None and wanted.metric not in task.metrics:
            raise RecipeError(
                f"{where}.metric: task '{task.name}' has no metric '{wanted.metric}'"
                f"{suggestion(wanted.metric, list(task.metrics))}; it has: {', '.join(task.metrics)}"
            )
    if wanted.probe:
        _check_probe(wanted.probe, f"{where}.probe")
    if wanted.unlabelled:
        if not isinstance(phase, Target) or scored is None:
            raise RecipeError(
                f"{where}.unlabelled: only a target knows the languages that it is scored in; write it under "
                "targets.NAME.validation, and `validation` without it here"
            )
        _check_unlabelled(wanted.unlabelled, phase, watched[0], where, scored)


def _check_probe(probe: Probe, where: str) -> None:
    try:
        task = get_task(probe.task)
    except RecipeError as error:
        raise RecipeError(f"{where}.task: {error}") from None
    if task.format != "retrieval":
        raise RecipeError(
            f"{where}.task: '{task.name}' is {task.format}, and translations one by one are needed; name tatoeba or "
            "synth_retrieval"
        )
    check_languages(task, task.score_split, probe.languages, f"{where}.languages")


def _check_unlabelled(wanted: Unlabelled, target: Target, task: Task, where: str, scored: list[str]) -> None:
    own = f"{where}.unlabelled"
    if task.format not in UNCERTAIN:
        raise RecipeError(
            f"{own}: '{task.name}' is {task.format}, whose predictions are numbers without a distribution; remove it"
        )
    if wanted.split in scored:
        raise RecipeError(
            f"{own}.split: '{wanted.split}' is scored, and nothing may be chosen on what is scored; name another split "
            "or remove it"
        )
    check_languages(task, wanted.split, wanted.languages, f"{own}.languages")
    trained = train_languages(target, task)
    for language in wanted.languages or []:
        if not is_zero_shot(language, set(trained)):
            raise RecipeError(
                f"{own}.languages: the target is trained in '{language}', whose labels it has seen; leave it out"
            )
    if not unlabelled_languages(target, task):
        raise RecipeError(
            f"{own}: no language that is scored and not trained in has split '{wanted.split}' of task '{task.name}'; "
            "remove it"
        )
    if target.validation and target.validation.choose_by == "agreement" and pivot_language(target, task) is None:
        why = (
            f"its predictions in {', '.join(trained)} are not there, as split '{wanted.split}' is not"
            if task.parallel and task.format in AGREEING
            else "its items are not known to be translations with one label"
        )
        raise RecipeError(
            f"{where}.choose_by: agreement between languages says nothing of task '{task.name}': {why}; choose by "
            "entropy or value"
        )


def check_languages(task: Task, split: str, languages: list[str] | None, where: str) -> None:
    """Check that a task has the split, and each language in it.

    Args:
        where: the key under which the languages stand.

    Raises:
        RecipeError: it has not, or the list is empty.
    """
    try:
        known = list(task.split(split).languages or task.languages)
    except RecipeError as error:
        raise RecipeError(f"{where.rpartition('.')[0]}: {error}") from None
    if languages is not None and not languages:
        raise RecipeError(f"{where}: the list is empty; name at least one language, or leave the key away")
    for language in languages or []:
        if language not in known:
            raise RecipeError(
                f"{where}: task '{task.name}' has no language '{language}' in split '{split}'"
                f"{suggestion(language, known)}; it has: {', '.join(known)}"
            )
