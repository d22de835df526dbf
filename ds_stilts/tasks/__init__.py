"""The catalogue of tasks: every module of `intermediate`, `targets`, `text` and `synthetic` declares one as `TASK`.

A new task is a new file in one of these folders; nothing else has to be told. Files are read by `readers`, and how a
task becomes tokens and a loss belongs to `ds_stilts.formats`.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.tasks.shuffled import SUFFIX, shuffled
from ds_stilts.tasks.task import Task

_FOLDERS = ("intermediate", "targets", "text", "synthetic")


@cache
def _catalogue() -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for folder in _FOLDERS:
        package = import_module(f"{__name__}.{folder}")
        for module in sorted(iter_modules(package.__path__), key=lambda module: module.name):
            task = import_module(f"{package.__name__}.{module.name}").TASK
            assert task.name not in tasks, f"two declarations of task '{task.name}'"
            tasks[task.name] = task
    return tasks


def all_tasks() -> list[Task]:
    """Every declared task: intermediate, targets, running text, made-up languages; by name within each."""
    return list(_catalogue().values())


def get_task(name: str) -> Task:
    """The task of that name, or, for "NAME:shuffled", its label-shuffled control.

    Raises:
        RecipeError: no such task (suggests the nearest name), or one without labels to shuffle.
    """
    tasks = _catalogue()
    base, colon, variant = name.partition(":")
    if base not in tasks:
        raise RecipeError(f"no task '{base}'{suggestion(base, list(tasks))}; the catalogue has: {', '.join(tasks)}.")
    if not colon:
        return tasks[base]
    if f":{variant}" != SUFFIX:
        raise RecipeError(f"no variant '{variant}' of task '{base}'; the only one is '{base}{SUFFIX}'.")
    return shuffled(tasks[base])


__all__ = ["Task", "all_tasks", "get_task"]
