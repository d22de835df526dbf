"""Part of a task as a task of its own, e.g. XNLI's test pairs of one genre, so that several can be targets of one run.

Chosen are examples of those splits that have the field; the others stay whole. Copies from the hub are not read: what
they hold is another table.
"""

from dataclasses import replace
from functools import partial

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.tasks.task import Task, Where


def part(name: str, task: Task, where: Where) -> Task:
    """The part of a task, under a name and with predictions of its own; head and training data are the whole's.

    Raises:
        RecipeError: no split has one of the fields.
    """
    known = list(dict.fromkeys(field for split in task.splits.values() for field in split.fields))
    for field in where:
        if field not in known:
            has = f"they can by: {', '.join(known)}" if known else "they cannot by any; name another task"
            raise RecipeError(
                f"parts.{name}.where.{field}: examples of task '{task.name}' cannot be chosen by that field"
                f"{suggestion(field, known)}; {has}"
            )
    splits = {
        split: replace(declared, read=partial(declared.read, where=where), published=None, fields=())
        if set(where) <= set(declared.fields)
        else declared
        for split, declared in task.splits.items()
    }
    title = f"{task.title}, {chosen_words(where)}"
    return replace(task, name=name, title=title, splits=splits, benchmarks={}, hub=None)


def chosen_words(where: Where | None) -> str:
    """What is chosen, e.g. "genre fiction, travel"; "" where all is."""
    return "; ".join(f"{field} {', '.join(values)}" for field, values in (where or {}).items())
