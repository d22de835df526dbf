"""Which official files a phase trains on and a target is scored on: (task, split, language), in a fixed order.

Reads no file itself, except to say which one is missing where a task has none at all.
"""

from dataclasses import replace

from ds_stilts.data.prepare import SplitKey
from ds_stilts.formats.base import Limits
from ds_stilts.formats.text_to_text.encoding import MAX_TOKENS
from ds_stilts.labelled import train_languages
from ds_stilts.models.family import writes_text
from ds_stilts.phases.context import Run
from ds_stilts.plan import score_splits
from ds_stilts.plan_validation import (
    pivot_language,
    unlabelled_languages,
    validated_tasks,
    validation_languages,
)
from ds_stilts.recipe import Target, Training
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task


def _limits(phase: Training, task: Task, max_tokens: int, text: bool) -> Limits:
    """Longest sequence: what the phase says, or else the task; a text-to-text prompt has no windows and gets more."""
    wide = text and not task.is_searched and task.format != "masked_lm"
    return Limits(max_tokens=min(phase.max_tokens or (MAX_TOKENS if wide else task.max_tokens), max_tokens))


def training_keys(run: Run, training: Training, task: Task, max_tokens: int) -> list[SplitKey]:
    """The splits that a phase trains on for one task, at most `max_tokens` tokens a sequence."""
    text = writes_text(run.recipe.start)
    limits = _limits(training, task, max_tokens, text)
    if isinstance(training, Target):
        split, most, where = "train", training.max_train_examples, None
        languages = train_languages(training, task)
    else:
        use = training.tasks[task.name]
        split, most, where = use.split, use.max_examples, use.where
        limits = replace(limits, join_lines=use.join_lines)
        if use.languages is not None:
            languages = use.languages
        elif task.format == "masked_lm":
            languages = task.available_languages(split, run.data_root)
        else:
            languages = list(task.split(split).languages or task.languages)[:1]
    if not languages:
        task.examples(split, (task.split(split).languages or task.languages)[0], run.data_root)  # says what is missing
    return [
        SplitKey(
            task=task,
            split=split,
            language=language,
            limits=limits,
            training=True,
            max_examples=most,
            where=where,
            text=text,
        )
        for language in languages
    ]


def validation_keys(run: Run, training: Training, task: Task, max_tokens: int) -> list[SplitKey]:
    """The splits that a phase is validated on for one task; none without `validation` and for running text."""
    wanted = training.validation
    if wanted is None or not validated_tasks(training, [task]):
        return []
    languages = validation_languages(training, task)
    return _looked_at(run, training, task, wanted.split, languages, wanted.examples, max_tokens)


def unlabelled_keys(run: Run, training: Training, task: Task, max_tokens: int) -> list[SplitKey]:
    """The texts whose labels are not read, of a target that looks at some: that of the pivot first, where it has one
    (see `ds_stilts.plan_validation`), then those of each language whose files are there; the files that are missing
    of a language that is asked for are told when they are read."""
    wanted = training.validation.unlabelled if training.validation else None
    if wanted is None or not isinstance(training, Target):
        return []
    languages = unlabelled_languages(training, task)
    if not wanted.languages:
        there = task.available_languages(wanted.split, run.data_root)
        languages = [language for language in languages if language in there] or languages[:1]
    pivot = pivot_language(training, task)
    keys = _looked_at(
        run, training, task, wanted.split, [*([pivot] if pivot else []), *languages], wanted.examples, max_tokens
    )
    return [replace(key, unlabelled=True) for key in keys]


def _looked_at(
    run: Run, training: Training, task: Task, split: str, languages: list[str], most: int, max_tokens: int
) -> list[SplitKey]:
    """The first `most` examples of some languages, as a phase looks at them while it trains."""
    text = writes_text(run.recipe.start)
    limits = _limits(training, task, max_tokens, text)
    return [
        SplitKey(task=task, split=split, language=language, limits=limits, training=False, max_examples=most, text=text)
        for language in languages
    ]


def oracle_keys(run: Run, training: Training, task: Task, max_tokens: int) -> list[SplitKey]:
    """The same with labels and without the pivot, where the recipe asks to be shown what the choice has cost."""
    wanted = training.validation.unlabelled if training.validation else None
    if wanted is None or not wanted.oracle or not isinstance(training, Target):
        return []
    pivot = pivot_language(training, task)
    keys = unlabelled_keys(run, training, task, max_tokens)
    return [replace(key, unlabelled=False) for key in keys if key.language != pivot]


def probe_keys(run: Run, training: Training, max_tokens: int) -> list[SplitKey]:
    """The parallel sentences that a phase's probe looks at, whole files; none without one."""
    wanted = training.validation.probe if training.validation else None
    if wanted is None:
        return []
    task = get_task(wanted.task)
    split = task.score_split
    languages = wanted.languages or task.available_languages(split, run.data_root)
    if not languages:
        task.examples(split, task.languages[0], run.data_root)  # says what is missing
    text = writes_text(run.recipe.start)
    limits = Limits(max_tokens=min(task.max_tokens, max_tokens))
    return [
        SplitKey(task=task, split=split, language=language, limits=limits, training=False, text=text)
        for language in languages
    ]


def pool_keys(run: Run, target: Target, task: Task, max_tokens: int) -> list[SplitKey]:
    """The file that the queries of all languages are searched for in, where the task has one apart from them."""
    if "pool" not in task.splits:
        return []
    (language,) = task.split("pool").languages or ()
    text = writes_text(run.recipe.start)
    limits = _limits(target, task, max_tokens, text)
    return [SplitKey(task=task, split="pool", language=language, limits=limits, training=False, text=text)]


def scoring_keys(run: Run, target: Target, task: Task, max_tokens: int) -> list[SplitKey]:
    """The splits that a target is scored on, in the task's language order: for each language the first of the
    target's splits that lies there."""
    splits = score_splits(target, task)
    split_of: dict[str, str] = {}
    for split in splits:
        for language in task.available_languages(split, run.data_root):
            split_of.setdefault(language, split)
    languages = target.score_languages or [language for language in task.languages if language in split_of]
    if not languages:
        declared = task.split(splits[0])
        task.examples(splits[0], (declared.languages or task.languages)[0], run.data_root)  # says what is missing
    text = writes_text(run.recipe.start)
    limits = _limits(target, task, max_tokens, text)
    return [
        SplitKey(
            task=task,
            split=split_of.get(language, splits[0]),
            language=language,
            limits=limits,
            training=False,
            max_examples=target.max_score_examples,
            text=text,
        )
        for language in languages
    ]
