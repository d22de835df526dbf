"""What a recipe with `data.source: hub` needs from the Hugging Face hub: fetched before any file is looked at.

How one copy is fetched lives in `ds_stilts.data.hub`; here is only which ones, and the run's record of them.
"""

import json
from collections.abc import Iterator
from typing import Any

from ds_stilts.data.hub import fetch, record_of
from ds_stilts.engine.telemetry import say
from ds_stilts.phases.checks import all_keys
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import training_keys, validation_keys
from ds_stilts.plan import score_splits, trains_target
from ds_stilts.plan_validation import pivot_language, unlabelled_languages
from ds_stilts.recipe import Target, Training
from ds_stilts.tasks import Task, get_task
from ds_stilts.tasks.hub import Hub

RECORD = "hub.json"
"""File of the run folder that lists the copies which the run read."""
_ANY_LENGTH = 1 << 20


def fetch_missing(run: Run) -> None:
    """Fetch every split that the recipe reads and the data root lacks.

    Raises:
        DataError: the hub has no copy of one, or it cannot be reached; says what else can be done.
    """
    for task, split, language in _read(run):
        if not task.files(split, language, run.data_root)[0].is_file():
            rows = record_of(fetch(task, split, language, run.data_root))["rows"]
            say(f"fetched {task.name}, split '{split}', language '{language}' from the hub: {rows:,} rows")


def record_copies(run: Run) -> None:
    """List in the run's folder the hub's copies that it reads; nothing is written where there are none."""
    if run.recipe.data.synthetic:
        return
    copies: list[dict[str, Any]] = []
    for key in all_keys(run):
        path = Hub.path(key.task.name, key.split, key.language, run.data_root)
        if key.task.files(key.split, key.language, run.data_root) == [path]:
            copy = {"task": key.task.name, "language": key.language, "our_split": key.split, **record_of(path)}
            copies += [copy] if copy not in copies else []
    if copies:
        (run.run_dir / RECORD).write_text(json.dumps(copies, indent=1, ensure_ascii=False), encoding="utf-8")


def _read(run: Run) -> Iterator[tuple[Task, str, str]]:
    """(task, split, language) of everything that the recipe reads, were it all there."""
    recipe = run.recipe
    phases = [phase for phase in (recipe.start.pretrain, *recipe.intermediate().values()) if phase]
    uses = [(phase, get_task(name)) for phase in phases for name in phase.tasks]
    targets = [(target, get_task(name)) for name, target in recipe.targets.items()]
    for phase, task in uses + [(target, task) for target, task in targets if trains_target(recipe, task.name)]:
        for keys in (training_keys, validation_keys):
            for key in keys(run, phase, task, _ANY_LENGTH):
                yield task, key.split, key.language
        yield from _watched(phase, task)
    for target, task in targets:
        yield from _scored(run, target, task)


def _watched(phase: Training, task: Task) -> Iterator[tuple[Task, str, str]]:
    """What a phase's validation looks at beside its own splits."""
    wanted = phase.validation
    if wanted and wanted.probe:
        probed = get_task(wanted.probe.task)
        for language in wanted.probe.languages or probed.languages if probed.hub else ():
            yield probed, probed.score_split, language
    if wanted and wanted.unlabelled and isinstance(phase, Target):
        pivot = pivot_language(phase, task)
        on_hub = task.hub is not None and task.hub.of(wanted.unlabelled.split) is not None
        for language in [*([pivot] if pivot else []), *unlabelled_languages(phase, task)] if on_hub else ():
            yield task, wanted.unlabelled.split, language


def _scored(run: Run, target: Target, task: Task) -> Iterator[tuple[Task, str, str]]:
    """For each language that is scored the first split that lies there, else the first that the hub has."""
    splits = score_splits(target, task)
    there = {split: task.available_languages(split, run.data_root) for split in splits}
    if task.hub is None and target.score_languages is None and any(there.values()):
        return  # the hub adds no language to those whose official files are there
    for language in target.score_languages or task.languages:
        having = [split for split in splits if language in (task.split(split).languages or task.languages)]
        found = [split for split in having if language in there[split]]
        on_hub = [split for split in having if task.hub and task.hub.of(split)]
        for split in (found or on_hub or having)[:1]:
            yield task, split, language
