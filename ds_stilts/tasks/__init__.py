"""The catalogue of tasks: every module of its folders declares one as `TASK`.

A new task is a new file in one of these folders; nothing else has to be told. Files are read by `readers`, and how a
task becomes tokens and a loss belongs to `ds_stilts.formats`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.tasks.part import part
from ds_stilts.tasks.perturbed import PERTURBATIONS, perturbed
from ds_stilts.tasks.real_fake import real_fake
from ds_stilts.tasks.shuffled import shuffled
from ds_stilts.tasks.task import Task

if TYPE_CHECKING:  # a recipe's reader costs time that listing the catalogue need not pay
    from ds_stilts.recipe import OwnTask, Part

FOLDERS = {
    "intermediate": "Intermediate tasks in English",
    "targets": "Targets of XTREME and XTREME-R",
    "non_english": "Tasks in other languages",
    "domain": "Tasks from other domains",
    "text": "Running text",
    "synthetic": "Made-up languages",
}
"""The parts of the catalogue, each a folder here, in the order in which they are listed, with their headings."""

VARIANTS: Mapping[str, Callable[[Task], Task]] = {
    "shuffled": shuffled,
    "real_fake": real_fake,
    **{name: partial(perturbed, name=name) for name in PERTURBATIONS},
}
"""What is made of a task where its name is followed by a colon and one of these."""


@dataclass(frozen=True, kw_only=True)
class _Declared:
    task: Task
    folder: str
    text: str
    """Docstring of the declaration: what the task is, after a colon."""


@cache
def _declared() -> dict[str, _Declared]:
    found: dict[str, _Declared] = {}
    for folder in FOLDERS:
        package = import_module(f"{__name__}.{folder}")
        for info in sorted(iter_modules(package.__path__), key=lambda info: info.name):
            module = import_module(f"{package.__name__}.{info.name}")
            assert module.TASK.name not in found, f"two declarations of task '{module.TASK.name}'"
            found[module.TASK.name] = _Declared(task=module.TASK, folder=folder, text=module.__doc__ or "")
    return found


@cache
def _catalogue() -> dict[str, Task]:
    return {name: declared.task for name, declared in _declared().items()}


_own: dict[str, Task] = {}


def declare_own(given: "Mapping[str, OwnTask]", parts: "Mapping[str, Part]") -> None:
    """Make the tasks of a recipe's own `tasks` and `parts` known to this process, in place of those of another recipe.

    Raises:
        RecipeError: a name that another task has already, or a declaration that makes no task.
    """
    from ds_stilts.tasks.custom import own_task

    for name in given:
        if name in _catalogue():
            raise RecipeError(f"tasks.{name}: the catalogue has a task of that name; choose another one")
    for name, asked in parts.items():
        if name in _catalogue() or name in given:
            raise RecipeError(f"parts.{name}: there is a task of that name already; choose another one")
        if asked.of not in _catalogue():
            near = suggestion(asked.of, list(_catalogue()))
            raise RecipeError(f"parts.{name}.of: the catalogue has no task '{asked.of}'{near}; name one that it has")
    made = {name: own_task(name, declared) for name, declared in given.items()}
    made |= {name: part(name, _catalogue()[asked.of], asked.where) for name, asked in parts.items()}
    _own.clear()
    _own.update(made)


def all_tasks() -> list[Task]:
    """Every task of the catalogue, in the order of `FOLDERS`, by name within each; not those of a recipe."""
    return list(_catalogue().values())


def group_of(task: Task) -> str:
    """The part of `FOLDERS` that declares a task, or the one that a variant is made of; "" for a recipe's own."""
    declared = _declared().get(task.name.partition(":")[0])
    return declared.folder if declared else ""


def description(task: Task) -> str:
    """What a task is in a sentence: that of its declaration, or its title for a variant and a recipe's own."""
    declared = _declared().get(task.name)
    first = " ".join(declared.text.split("\n\n")[0].split()) if declared else task.title
    text = first.partition(": ")[2] or first
    return text[0].upper() + text[1:]


def get_task(name: str) -> Task:
    """The task of that name; "NAME:shuffled" is its label-shuffled control, "NAME:real_fake" one made of running text,
    and "NAME:noise" (or another of `PERTURBATIONS`) a target with perturbed texts.

    Raises:
        RecipeError: no such task (suggests the nearest name) or variant, or a task that has no such variant.
    """
    tasks = {**_catalogue(), **_own}
    base, colon, variant = name.partition(":")
    if base not in tasks:
        raise RecipeError(f"no task '{base}'{suggestion(base, list(tasks))}; the catalogue has: {', '.join(tasks)}.")
    if not colon:
        return tasks[base]
    if variant not in VARIANTS:
        ways = ", ".join(f"'NAME:{way}'" for way in PERTURBATIONS)
        raise RecipeError(
            f"no variant '{variant}' of task '{base}'{suggestion(variant, list(VARIANTS))}; there are 'NAME:shuffled' "
            f"of tasks with training labels, 'NAME:real_fake' of running text, and {ways} of targets."
        )
    return VARIANTS[variant](tasks[base])


__all__ = ["Task", "all_tasks", "declare_own", "description", "get_task", "group_of"]
