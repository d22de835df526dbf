"""What tells two preparations apart has the same text in every process."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ds_stilts.data.identity import code_files, code_fingerprint, declaration, stable
from ds_stilts.errors import RecipeError
from ds_stilts.tasks import VARIANTS, all_tasks, get_task
from ds_stilts.tasks.task import Task

ROOT = Path(__file__).resolve().parents[2]


def everything() -> str:
    return "\n".join(declaration(task, split) for task in all_tasks() for split in task.splits) + code_fingerprint()


def test_every_declaration_has_one_text_in_all_processes() -> None:
    assert " at 0x" not in everything()
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['everything']())"
    said = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code, __file__]
        said.add(subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.strip())
    assert said == {everything().strip()}


def test_the_reader_and_its_columns_count_and_prose_does_not() -> None:
    task = get_task("mnli")
    assert declaration(task, "train") != declaration(get_task("mnli:shuffled"), "train")
    assert declaration(task, "train") != declaration(replace(task, labels=task.labels[::-1]), "train")
    assert declaration(task, "train") == declaration(replace(task, title="?", citation="?", chance={}), "train")


def test_all_code_that_declarations_read_with_counts() -> None:
    hashed = {str(path) for path in code_files()}
    # a declaration's values are in its text; what its functions do is not
    called = {
        function for task in [*all_tasks(), *variants()] for function in functions((*task.splits.values(), task.hub))
    }
    assert {function.__code__.co_filename for function in called} <= hashed
    assert any(function.__module__.endswith("real_fake") for function in called)


def variants() -> Iterator[Task]:
    for task in all_tasks():
        for make in VARIANTS.values():
            with suppress(RecipeError):  # a variant that there is not of this task
                yield make(task)


def functions(value: Any) -> Iterator[Any]:
    """Every function in a declaration, and the `__call__` of every object in it."""
    if isinstance(value, partial):
        yield from functions((value.func, value.args, value.keywords))
    elif isinstance(value, Mapping):
        yield from functions(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from functions(item)
    elif is_dataclass(value):
        yield from functions(vars(type(value)).get("__call__"))
        yield from functions(tuple(getattr(value, field.name) for field in fields(value)))
    elif hasattr(value, "__code__"):
        yield value


def test_functions_are_told_by_name_and_containers_by_content() -> None:
    assert stable(partial(stable, 1, a={"b": frozenset({"y", "x"})})) == (
        "partial(ds_stilts.data.identity.stable, [1], {'a': {'b': {'x', 'y'}}})"
    )
