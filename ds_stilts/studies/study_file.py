"""Study files: found by name or path, one size picked, checked. Faults are told by file and key.

A file holds what all sizes share and, under `sizes`, for each size the keys that are its own; a key that stands in both
is the size's. What the keys mean is said in `studies.study` and `studies.sections`.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.recipe_file import explain, find_recipe, is_study, read_mapping, shipped_folder, shipped_recipes
from ds_stilts.studies.cells import STUDY
from ds_stilts.studies.study import NOT_IN_BASE, Study

ONLY = "only"
"""What the size of a study is called whose file has none."""


def shipped_studies() -> list[str]:
    """Names of the studies in the package, e.g. "studies/s0"."""
    return shipped_recipes(studies=True)


def find_study(name_or_path: str) -> Path:
    """Path of a shipped study by its name, the folder of which may be left away, of a file, or of the study that a
    study's own folder keeps. A folder that is called as a shipped study is meant with a `/` in it: "./s0".

    Raises:
        RecipeError: none of them exists; suggests the nearest shipped name.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    shipped = shipped_studies()
    short = {name.rpartition("/")[2]: name for name in shipped}
    name = short.get(name_or_path, name_or_path)
    if name in shipped:
        return shipped_folder() / f"{name}.yaml"
    if (path / STUDY).is_file():
        return path / STUDY
    near = suggestion(name_or_path, [*shipped, *short])
    raise RecipeError(
        f"no study '{name_or_path}'{near}: it is neither a file, nor the folder of a study that was run, nor one of "
        f"the shipped studies ({', '.join(shipped)})"
    )


def sizes_of(name_or_path: str) -> list[str]:
    """The sizes of a study file, in its order."""
    path = find_study(name_or_path)
    values = _values(path)
    return list(values.get("sizes") or [values.get("size", ONLY)])


def load_study(name_or_path: str, size: str | None = None, overrides: list[str] | tuple[str, ...] = ()) -> Study:
    """Read one size of a study file, override (`a.b=c`) and check it.

    Args:
        size: None: the file's first.
        overrides: of keys as they are once the size is picked, and the recipe that `base` names is read.

    Raises:
        RecipeError: not found, not YAML, no such size, unknown key (with suggestion), or values that do not fit.
    """
    path = find_study(name_or_path)
    values = _values(path)
    one = values.pop("size", None)  # of a study as its folder keeps it
    sizes = values.pop("sizes", None) or ({one: {}} if one is not None else {})
    if not isinstance(sizes, dict) or not all(isinstance(own, dict | None) for own in sizes.values()):
        raise RecipeError(f"{path}: sizes: it is a mapping from a size's name to the keys that are its own")
    chosen = size or next(iter(sizes), ONLY)
    if chosen not in (sizes or {ONLY: None}):
        raise RecipeError(
            f"{path}: the study has no size '{chosen}'{suggestion(chosen, list(sizes))}; it has: "
            f"{', '.join(sizes) or 'one only, without a name'}"
        )
    picked = {**values, **(sizes.get(chosen) or {}), "size": chosen}
    where = f"{path}, size {chosen}" if sizes else str(path)
    picked = _overridden(picked, where, [one for one in overrides if _names_base(one)])
    picked, folder = _with_named_base(picked, path.resolve().parent)
    picked = _overridden(picked, where, [one for one in overrides if not _names_base(one)])
    return check_study(picked, source=where, folder=folder)


def check_study(values: dict[str, Any], *, source: str, folder: Path) -> Study:
    """A study from its values.

    Args:
        source: named in messages.
        folder: where a `base` that is named as a path lies, and what paths in a `base` that is written out are relative
            to.
    """
    values, folder = _with_named_base(values, folder)
    base = values.get("base")
    if isinstance(base, dict):
        values = {**values, "base": _with_whole_paths(base, folder)}
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{source}: {explain(error, Study)}") from None


def _names_base(override: str) -> bool:
    return override.partition("=")[0] == "base"


def _overridden(values: dict[str, Any], source: str, overrides: list[str]) -> dict[str, Any]:
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return read_mapping(text, source=source, what="study", overrides=overrides)


def _with_named_base(values: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Path]:
    """A study with the recipe that its `base` names in its place, and the folder that paths in it are relative to.
    Targets that the study does not give are the recipe's."""
    base = values.get("base")
    if not isinstance(base, str):
        return values, folder
    beside = folder / base
    path = beside if beside.is_file() else find_recipe(base)
    recipe = _recipe_of(path)
    base = {key: value for key, value in recipe.items() if key not in NOT_IN_BASE}
    return {"targets": recipe.get("targets"), **values, "base": base}, path.resolve().parent


def _values(path: Path) -> dict[str, Any]:
    text = _text_of(path, "study")
    if not is_study(text):
        raise RecipeError(f"{path} is no study: it has no `study: NAME` at its top; is it a recipe (ds-stilts run)?")
    return read_mapping(text, source=str(path), what="study")


def _recipe_of(path: Path) -> dict[str, Any]:
    return read_mapping(_text_of(path, "recipe"), source=str(path), what="recipe")


def _text_of(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} cannot be read as a {what}, a YAML file in UTF-8: {error}") from None


def _with_whole_paths(base: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The base recipe with the files of its own tasks as absolute paths; a malformed task is left for its check."""
    tasks = base.get("tasks")
    if not isinstance(tasks, dict):
        return base
    stem = Path(str(folder).replace("{", "{{").replace("}", "}}"))  # the paths are templates

    def whole(task: Any) -> Any:
        if not isinstance(task, dict):
            return task
        files = {
            kind: {split: str(stem / str(file)) for split, file in task[kind].items()}
            for kind in ("files", "gold")
            if isinstance(task.get(kind), dict)
        }
        return {**task, **files}

    return {**base, "tasks": {name: whole(task) for name, task in tasks.items()}}
