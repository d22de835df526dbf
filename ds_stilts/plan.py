"""From a recipe to its stages, and what a recipe cannot ask for. Looks at no data file, no model and no machine.

A recipe that passes `check_recipe` names tasks, languages and lengths that exist and fit together; whether the files
are there and well-formed is looked at in `ds_stilts.phases.checks`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.plan_validation import check_languages, check_validation, unlabelled_languages, validated_tasks
from ds_stilts.recipe import Merge, Recipe, Start, Target, TaskUse, Training
from ds_stilts.recipe_identity import deciding
from ds_stilts.resources import config_path
from ds_stilts.tasks import declare_own, get_task
from ds_stilts.tasks.perturbed import is_perturbed
from ds_stilts.tasks.readers.text import read_translations
from ds_stilts.tasks.task import Task

_OF_SCORING = {"score_split", "score_languages", "max_score_examples"}
"""Keys of a target that its training does not see."""
_ARM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def stages(recipe: Recipe) -> list[str]:
    """Names of the stages in their order: "start", those of each arm, "targets/<arm>/<target>"; of an arm's targets
    last those that are scored with another one's model."""
    names = ["start", *(stage for arm in recipe.arms for stage in arm_stages(recipe, arm))]
    targets = sorted(recipe.targets, key=lambda target: clean_target(recipe, target) is not None)
    return names + [f"targets/{arm}/{target}" for arm in recipe.arms for target in targets]


def arm_stages(recipe: Recipe, arm: str) -> dict[str, Training | Merge]:
    """The intermediate phases of an arm by the names of their stages, in order: none of a baseline, "arms/<arm>" of a
    mixture and of merged arms, "arms/<arm>/1", "arms/<arm>/2", … of a sequence."""
    phase = recipe.arms[arm]
    if phase is None:
        return {}
    if not phase.sequence:
        return {f"arms/{arm}": phase.merge or phase}
    return {f"arms/{arm}/{place}": one for place, one in enumerate(phase.sequence, start=1)}


def merged_stages(recipe: Recipe, arm: str) -> dict[str, str]:
    """By arm that another one merges, in the order of summing, the stage whose model is taken; of others none."""
    phase = recipe.arms[arm]
    return {other: list(arm_stages(recipe, other))[-1] for other in phase.merge.arms} if phase and phase.merge else {}


def trained_stages(recipe: Recipe, arm: str) -> list[str]:
    """The stages in which an arm's model has learned: its own, or those of all arms that it merges."""
    others = merged_stages(recipe, arm)
    return [stage for one in others or [arm] for stage in arm_stages(recipe, one)]


def stage_before(recipe: Recipe, stage: str) -> str | None:
    """The stage whose model `stage` begins with; None where that is a checkpoint as it was loaded."""
    kind, *names = stage.split("/")
    if kind == "start":
        return None
    if kind == "targets" and (clean := clean_target(recipe, names[1])):
        return f"targets/{names[0]}/{clean}"
    earlier = list(arm_stages(recipe, names[0]))
    if kind == "arms":
        earlier = earlier[: earlier.index(stage)]
    if earlier:
        return earlier[-1]
    makes_model = recipe.start.architecture is not None or recipe.start.pretrain is not None
    return "start" if makes_model else None


def stages_before(recipe: Recipe, stage: str) -> list[str]:
    """Every stage whose model `stage` reads: the one that it begins with, if any, and those that it merges."""
    kind, *names = stage.split("/")
    before = stage_before(recipe, stage)
    merged = list(merged_stages(recipe, names[0]).values()) if kind == "arms" else []
    return [*([before] if before else []), *merged]


def clean_target(recipe: Recipe, target: str) -> str | None:
    """The target whose model a perturbed one is scored with: the clean one, where the recipe trains it alike. None of
    all others, and of a perturbed one that is validated on perturbed texts, or in other languages."""
    clean, own = target.partition(":")[0], recipe.targets[target]
    if not is_perturbed(target) or clean not in recipe.targets:
        return None
    other = recipe.targets[clean]
    if _training_of(own) != _training_of(other) or own.validation != other.validation:
        return None
    if own.validation:
        task = get_task(target)
        if own.validation.split == task.score_split:
            return None
        if unlabelled_languages(own, task) != unlabelled_languages(other, task):
            return None
    return clean


def _training_of(target: Target) -> Any:
    """What decides the model that is trained on a target's task; its validation stands apart."""
    return deciding(target.model_dump(mode="json", exclude=_OF_SCORING | {"validation"}))


def trains_target(recipe: Recipe, target: str) -> bool:
    """Whether a target has a model of its own: those that are searched have the arm's, perturbed ones the clean one's,
    where that is there (see `clean_target`)."""
    return not get_task(target).is_searched and clean_target(recipe, target) is None


def keeps_language_head(recipe: Recipe, stage: str) -> bool:
    """Whether the folder of a stage must hold the masked-LM head for any phase of its arm."""
    kind, *names = stage.split("/")
    phases = recipe.phases_of(names[0]) if kind == "arms" else []
    return any(get_task(name).format == "masked_lm" for phase in phases for name in phase.tasks)


def check_recipe(recipe: Recipe, processes: int) -> None:
    """Check everything that can be known from the recipe alone and the number of ranks; its own tasks become known.

    Raises:
        RecipeError: the first thing that cannot be done, by the key it stands under.
    """
    declare_own(recipe.tasks, recipe.parts)
    if not Path(recipe.engine.config).is_file():
        try:
            config_path(recipe.engine.config)
        except RecipeError as error:
            raise RecipeError(f"engine.config: {error}; or give the path of a DeepSpeed JSON file") from None
    for arm in recipe.arms:
        if not _ARM_NAME.fullmatch(arm):
            raise RecipeError(
                f"arms.{arm}: '{arm}' becomes a folder's name; use letters, digits, '_', '-' and '.', the first one a "
                "letter or digit"
            )
    _check_start(recipe.start)
    for where, phase in _phases(recipe):
        for name, use in phase.tasks.items():
            task = _task(name, f"{where}.tasks")
            if task.is_searched:
                raise RecipeError(
                    f"{where}.tasks.{name}: nothing can be trained on a retrieval task; name it under `targets`, where "
                    "it is scored without training"
                )
            if task.perturbed_from:
                raise RecipeError(
                    f"{where}.tasks.{name}: texts are perturbed where they are scored only; train on "
                    f"'{task.perturbed_from}', and name this one under `targets`"
                )
            check_languages(task, use.split, use.languages, f"{where}.tasks.{name}.languages")
            _check_where(task, use, f"{where}.tasks.{name}.where")
            if use.join_lines and (task.format != "masked_lm" or task.split(use.split).read is read_translations):
                raise RecipeError(
                    f"{where}.tasks.{name}.join_lines: only running text without translations has lines to join; "
                    "remove it"
                )
        _check_steps(phase, [get_task(name) for name in phase.tasks], where, processes)
        check_validation(phase, [get_task(name) for name in phase.tasks], where)
        _check_adaptive(phase, [get_task(name) for name in phase.tasks], where)
    for name, target in recipe.targets.items():
        _check_target(_task(name, "targets"), target, f"targets.{name}", processes)
        _check_heads(recipe, get_task(name), target, f"targets.{name}")


def _phases(recipe: Recipe) -> Iterator[tuple[str, Training]]:
    """Phases that name their tasks, with the key they stand under."""
    if recipe.start.pretrain:
        yield "start.pretrain", recipe.start.pretrain
    yield from recipe.intermediate().items()


def _check_where(task: Task, use: TaskUse, where: str) -> None:
    known = task.split(use.split).fields
    for field in use.where or {}:
        if field not in known:
            has = f"they can by: {', '.join(known)}" if known else "they cannot by any; remove it"
            raise RecipeError(
                f"{where}.{field}: examples of task '{task.name}', split '{use.split}', cannot be chosen by that field"
                f"{suggestion(field, known)}; {has}"
            )


def _task(name: str, where: str) -> Task:
    try:
        return get_task(name)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _check_start(start: Start) -> None:
    if start.revision and not start.model:
        raise RecipeError("start.revision: it names a version of a model on the hub, and no start.model is given")
    shape = start.architecture
    if shape is None:
        return
    if shape.hidden_size % shape.heads:
        raise RecipeError(
            f"start.architecture: hidden_size {shape.hidden_size} cannot be divided among {shape.heads} heads; make it "
            "a multiple of heads"
        )
    if shape.family == "mt5" and start.oracle:
        raise RecipeError("start.oracle: made-up word vectors are for XLM-R's architecture; give `tokenizer` instead")
    if shape.family == "mt5" and start.tokenizer and start.tokenizer.vocabulary < 300:
        raise RecipeError(
            f"start.tokenizer.vocabulary is {start.tokenizer.vocabulary}, of which mT5 needs 197 for special tokens "
            "and ASCII; raise it to 300 or more"
        )
    if start.oracle and start.tokenizer:
        raise RecipeError("start: `oracle` brings its own tokenizer; remove `tokenizer`, or `oracle`")
    if start.tokenizer:
        for name in start.pretrain.tasks if start.pretrain else {}:
            if _task(name, "start.pretrain.tasks").format != "masked_lm":
                raise RecipeError(
                    f"start.pretrain.tasks.{name}: the tokenizer is trained on these tasks, so they must be running "
                    "text, e.g. `text: {}`; labelled tasks belong under `arms`"
                )
        if not start.pretrain:
            raise RecipeError("start.tokenizer: it is trained on the tasks of start.pretrain; add start.pretrain")


def _check_target(task: Task, target: Target, where: str, processes: int) -> None:
    if task.format == "masked_lm":
        raise RecipeError(
            f"{where}: running text has no score; name it under start.pretrain.tasks or an arm's tasks, and something "
            "with labels here"
        )
    for split in score_splits(target, task):
        if split == "pool":
            raise RecipeError(f"{where}.score_split: 'pool' is what is searched in; name the split with the queries")
        if split == "train" and target.score_split is None:
            raise RecipeError(
                f"{where}: '{task.name}' has no split but the one that it is trained on; give it a file for `test` or "
                "`dev`, or say `score_split: train`"
            )
        if task.perturbed_from and split != task.score_split:
            raise RecipeError(
                f"{where}.score_split: of '{task.name}' only split '{task.score_split}' is perturbed, and '{split}' "
                f"would be scored as in '{task.perturbed_from}'; leave it out"
            )
        check_languages(task, split, target.score_languages, f"{where}.score_languages")
    if task.is_searched and target.max_score_examples is not None:
        raise RecipeError(
            f"{where}.max_score_examples: a retrieval set is searched whole, as a part is easier; leave it out"
        )
    if not task.is_searched:
        check_languages(task, "train", target.train_languages, f"{where}.train_languages")
        _check_steps(target, [task], where, processes)
        check_validation(target, [task], where, scored=score_splits(target, task))


def _check_adaptive(phase: Training, tasks: list[Task], where: str) -> None:
    """What shares that follow validations need; a phase of one task has none to follow."""
    if phase.mixing != "adaptive" or len(tasks) == 1:
        return
    where = f"{where}.mixing"
    if phase.validation is None:
        raise RecipeError(f'{where}: "adaptive" follows what validations find; add `validation`, or mix otherwise')
    for task in tasks:
        if task not in validated_tasks(phase, tasks):
            raise RecipeError(
                f"{where}: \"adaptive\" needs a score of every task, and '{task.name}' is running text, which has "
                "none; mix otherwise, e.g. by `share`"
            )
    if phase.steps is not None and phase.steps <= phase.validation.every:
        raise RecipeError(
            f'{where}: "adaptive" would never change a share, as the first of {phase.steps} steps\' validations is '
            f'after step {phase.validation.every}; lower validation.every, or write "uniform"'
        )


def reused_head(recipe: Recipe, arm: str, task: Task) -> str | None:
    """The intermediate task of an arm whose head a target begins with; None for a fresh one, which it is too where the
    arm has trained no head that fits.

    Raises:
        RecipeError: several fit.
    """
    target = recipe.targets[task.name]
    if target.heads == "fresh":
        return None
    by_head: dict[str, Task] = {}
    for name in (name for phase in recipe.phases_of(arm) for name in phase.tasks):
        other = get_task(name)
        if _misfit(task, other) is None and target.reuse_head in (None, name):
            by_head[other.head] = other
    if task.head in by_head:
        return by_head[task.head].name
    if len(by_head) > 1:
        raise RecipeError(
            f"targets.{task.name}.heads: arm '{arm}' trains several heads that fit, those of "
            f"{', '.join(other.name for other in by_head.values())}; say which with `reuse_head`"
        )
    return next((other.name for other in by_head.values()), None)


def _check_heads(recipe: Recipe, task: Task, target: Target, where: str) -> None:
    if target.heads == "fresh":
        if target.reuse_head:
            raise RecipeError(f"{where}.reuse_head: the head is fresh; add `heads: reuse`, or remove it")
        return
    if task.is_searched:
        raise RecipeError(f"{where}.heads: nothing is trained for a retrieval task, so it has no head; remove it")
    trained = list(dict.fromkeys(name for phase in recipe.intermediate().values() for name in phase.tasks))
    if target.reuse_head is not None:
        if target.reuse_head not in trained:
            raise RecipeError(
                f"{where}.reuse_head: no arm trains task '{target.reuse_head}'"
                f"{suggestion(target.reuse_head, trained)}; they train: {', '.join(trained) or 'nothing'}"
            )
        problem = _misfit(task, get_task(target.reuse_head))
        if problem:
            raise RecipeError(f"{where}.reuse_head: the head of '{target.reuse_head}' does not fit: {problem}")
    if not [arm for arm in recipe.arms if reused_head(recipe, arm, task)]:
        raise RecipeError(
            f"{where}.heads: no arm trains a head that fits '{task.name}' ({task.format}, with the same labels in the "
            "same order); write `heads: fresh`"
        )


def _misfit(task: Task, other: Task) -> str | None:
    """Why the head of `other` cannot begin `task`, if it cannot."""
    if task.format != other.format:
        return f"it was trained for {other.format} and '{task.name}' is {task.format}"
    if task.labels != other.labels:
        return (
            f"its labels are {', '.join(other.labels) or 'none'}, and those of '{task.name}' "
            f"{', '.join(task.labels) or 'none'}"
        )
    if task.score_range != other.score_range:
        return f"it gives numbers in {other.score_range}, and '{task.name}' has them in {task.score_range}"
    return None


def score_splits(target: Target, task: Task) -> list[str]:
    """Splits that a target may be scored on, the preferred one first."""
    wanted = target.score_split or task.score_split
    return [wanted] if isinstance(wanted, str) else list(wanted)


def longest_item(phase: Training, task: Task, limit: int | None = None) -> int:
    """Tokens that an item of a task can have; the choices of an example are never torn apart.

    Args:
        limit: longest input of the model, where it is known.
    """
    own = phase.max_tokens or task.max_tokens
    return min(own, limit or own) * max(1, task.num_choices)


def _check_steps(phase: Training, tasks: list[Task], where: str, processes: int) -> None:
    if phase.steps is None and phase.epochs is None:
        raise RecipeError(f"{where}: how long to train is missing; give `steps` or `epochs` here or under `training`")
    if phase.batch_tokens is not None:
        longest, name = max((longest_item(phase, task), task.name) for task in tasks)
        if phase.batch_tokens < processes * longest:
            raise RecipeError(
                f"{where}.batch_tokens is {phase.batch_tokens:,}, too few for {processes} "
                f"{'rank' if processes == 1 else 'ranks'}, each of which needs an example in every step: one of {name} "
                f"may have {longest:,} tokens; raise it to {processes * longest:,} or more, or start fewer ranks "
                "(--processes)"
            )
    elif phase.batch_examples is not None and phase.batch_examples < processes:
        raise RecipeError(
            f"{where}.batch_examples is {phase.batch_examples}, too few for {processes} ranks, each of which needs an "
            f"example in every step; raise it to {processes} or more, or start fewer ranks (--processes)"
        )
