"""Recipe files: found by name or path, read as YAML without surprises, overridden from the command line, checked.

Faults are told by file and key. What the keys mean is said in `ds_stilts.recipe`.
"""

import re
from collections.abc import Hashable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.recipe import OwnTask, Recipe

_STUDY = re.compile(r"^study:", re.MULTILINE)
"""A file with this key at its top is a study (`ds_stilts.studies`), not a recipe."""
_CLAIMS = re.compile(r"^claims:", re.MULTILINE)
"""One with this key is a list of claims (`ds_stilts.studies.claims`)."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """`safe_load` that refuses a key given twice, which plain YAML would silently overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<: *other`: keys that may be written anew
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                break  # refused below, with its place
            if key in seen:
                raise RecipeError(
                    f"{key_node.start_mark.name}, line {key_node.start_mark.line + 1}: key '{key}' is given twice"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads `1e-3` as a string; the resolver of YAML 1.2 reads it as the number that people mean.
_UniqueKeyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


_BAD_VALUES = (ValueError, AttributeError, LookupError, RecursionError)
"""What PyYAML raises for a value that is none (`2020-02-30`, `!!timestamp x`, `!!bool x`), or is nested too deeply."""


def shipped_recipes(*, studies: bool = False) -> list[str]:
    """Names of the recipes in the package, e.g. "quickstart", "studies/quickstart_claims", or those of its studies."""
    root = shipped_folder()
    texts = {path: path.read_text(encoding="utf-8") for path in root.rglob("*.yaml")}
    return sorted(
        str(path.relative_to(root).with_suffix(""))
        for path, text in texts.items()
        if is_study(text) == studies and not _CLAIMS.search(text)
    )


def shipped_folder() -> Path:
    """Folder of the recipes and studies that come with the package."""
    return Path(str(resources.files("ds_stilts") / "recipes"))


def is_study(text: str) -> bool:
    """Whether a file's text is that of a study."""
    return bool(_STUDY.search(text))


def find_recipe(name_or_path: str) -> Path:
    """Path of a shipped recipe by name, or of a file.

    Raises:
        RecipeError: neither exists; suggests the nearest shipped name. Or the system refuses to look there.
    """
    path = Path(name_or_path)
    try:
        if path.is_file():
            return path
    except OSError as error:  # a folder that is not ours, a name that is too long
        raise RecipeError(f"{path}: {error.strerror}; name a recipe file that can be read") from None
    if name_or_path in shipped_recipes():
        return shipped_folder() / f"{name_or_path}.yaml"
    raise RecipeError(
        f"no recipe '{name_or_path}'{suggestion(name_or_path, shipped_recipes())}: it is neither a file nor one of "
        f"the shipped recipes ({', '.join(shipped_recipes())})"
    )


def load_recipe(name_or_path: str, overrides: list[str] | tuple[str, ...] = ()) -> Recipe:
    """Read, override (`a.b=c`, values in YAML) and check a recipe.

    Raises:
        RecipeError: not found, not YAML, unknown key (with suggestion), or a value that makes no sense.
    """
    path = find_recipe(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} cannot be read as a recipe, a YAML file in UTF-8: {error}") from None
    return _with_whole_paths(parse_recipe(text, source=str(path), overrides=overrides), path.resolve().parent)


def _with_whole_paths(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with its own tasks' files as absolute paths, so that it can be stored and read elsewhere."""

    def whole(task: OwnTask) -> OwnTask:
        stem = Path(str(folder).replace("{", "{{").replace("}", "}}"))  # the paths are templates
        files, gold = ({split: str(stem / file) for split, file in kind.items()} for kind in (task.files, task.gold))
        return task.model_copy(update={"files": files, "gold": gold})

    return recipe.model_copy(update={"tasks": {name: whole(task) for name, task in recipe.tasks.items()}})


def parse_recipe(text: str, *, source: str, overrides: list[str] | tuple[str, ...] = ()) -> Recipe:
    """As `load_recipe`, from text; `source` is named in messages."""
    if is_study(text):
        raise RecipeError(f"{source} is a study, of many runs; see `ds-stilts study plan {source}`")
    if _CLAIMS.search(text):
        raise RecipeError(f"{source} is a list of claims, nothing to run; see `ds-stilts study claims`")
    values = read_mapping(text, source=source, what="recipe", overrides=overrides)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{source}: {explain(error, Recipe)}") from None


def read_mapping(text: str, *, source: str, what: str, overrides: list[str] | tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of a YAML file that people write, after overrides, not yet checked against any model.

    Args:
        source, what: the file, and what it should be, for messages.

    Raises:
        RecipeError: not YAML, a key given twice, no mapping, or an override that cannot be put in its place.
    """

    def read(content: str, source: str) -> Any:
        try:
            loader = _UniqueKeyLoader(content)
            loader.name = source
            return loader.get_single_data()
        except (yaml.YAMLError, *_BAD_VALUES) as error:
            raise RecipeError(f"{source} is not valid YAML: {' '.join(str(error).split())}") from None

    values = read(text, source)
    if not isinstance(values, dict):
        raise RecipeError(f"{source}: a {what} is a YAML mapping, found {type(values).__name__}")
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator:
            raise RecipeError(f"--set {override}: write it as key=value, e.g. --set seed=2")
        node = values
        *parents, last = key.split(".")
        for parent in parents:
            if isinstance(node, dict) and node.get(parent) is None:
                node[parent] = {}
            node = node[_place(node, parent, override)]
        node[_place(node, last, override)] = read(value, f"--set {override}")
    return values


def _place(node: Any, key: str, override: str) -> Any:
    """`key` as an index: of the phases of a sequence, "1" is the first."""
    if isinstance(node, dict):
        return key
    if not isinstance(node, list):
        raise RecipeError(
            f"--set {override}: '{key}' would stand inside of {node!r}, which has no keys; set that first"
        )
    if not key.isdecimal() or not 1 <= int(key) <= len(node):
        raise RecipeError(f"--set {override}: '{key}' stands for a place in a list of {len(node)}; count from 1")
    return int(key) - 1


def explain(error: ValidationError, root: type[BaseModel]) -> str:
    """The first problem of a pydantic error as a sentence, with the nearest known key for an unknown one."""
    first = error.errors()[0]
    where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])  # as `--set` counts
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1], root)
        return f"{where}: unknown key{suggestion(str(first['loc'][-1]), known)}; known here: {', '.join(known)}"
    message = first["msg"].removeprefix("Value error, ")
    found = "" if first["type"] in ("missing", "value_error") else f" (found {first['input']!r})"
    return f"{where}: {message}{found}" if where else message


def _known_keys(location: tuple[int | str, ...], root: type[BaseModel]) -> list[str]:
    model: Any = root
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[str(part)].annotation
        for _ in range(3):  # unwrap dict[str, X] and X | None; the dict's key consumes the next part
            args = [a for a in getattr(model, "__args__", ()) if a is not type(None)]
            if args and not (isinstance(model, type) and issubclass(model, BaseModel)):
                model = args[-1]
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
