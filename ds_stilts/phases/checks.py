"""What can be wrong with the data and the start model, looked for before any training: every file, every line.

What a recipe alone shows to be impossible is found earlier, in `ds_stilts.plan`.
"""

from pathlib import Path
from typing import Any

from ds_stilts.data.prepare import SplitKey, checksum
from ds_stilts.errors import CheckpointError, RecipeError
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import scoring_keys, training_keys
from ds_stilts.plan import check_recipe
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task

_ANY_LENGTH = 1 << 20


def check_start(recipe: Recipe) -> None:
    """Check a start model that lies in a folder here, without its weights; a hub id is left to the phase that loads it.

    Raises:
        CheckpointError: no such folder, or one that is no Hugging Face model, or whose tokenizer is another model's.
        RecipeError: evaluation.layer is none of its layers.
    """
    name, layers = recipe.start.model, None
    if recipe.start.architecture:
        layers = recipe.start.architecture.layers
    elif name and (Path(name).exists() or _is_path(name)):
        if not Path(name).is_dir():
            raise CheckpointError(
                f"start.model: there is no folder {name}; give a folder in Hugging Face layout (config.json, "
                "model.safetensors, tokenizer.json), or a hub id such as FacebookAI/xlm-roberta-base"
            )
        from ds_stilts.models.loading import check_folder

        layers = check_folder(name)
    layer = recipe.evaluation.layer
    if layer is not None and layers is not None and not 0 <= layer <= layers:
        raise RecipeError(f"evaluation.layer is {layer}, but the start model has hidden states 0 to {layers}")


def _is_path(name: str) -> bool:
    """Whether a name can only be meant as a path: a hub id is NAME or OWNER/NAME."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1


def check_files(run: Run) -> None:
    """Read every official file that the run will read.

    Raises:
        DataError: the first that is missing or malformed; names file and line.
    """
    seen: set[tuple[str, str, str]] = set()
    for key in all_keys(run):
        identity = (key.task.name, key.split, key.language)
        if identity not in seen:
            seen.add(identity)
            key.examples(run.data_root)


def all_keys(run: Run) -> list[SplitKey]:
    """Every split of every language that the recipe reads, in the order of its stages."""
    recipe = run.recipe
    keys: list[SplitKey] = []
    phases = [recipe.start.pretrain, *recipe.arms.values()]
    for phase in [phase for phase in phases if phase]:
        for name in phase.tasks:
            keys += training_keys(run, phase, get_task(name), _ANY_LENGTH)
    for name, target in recipe.targets.items():
        task = get_task(name)
        if task.format != "retrieval":
            keys += training_keys(run, target, task, _ANY_LENGTH)
        keys += scoring_keys(run, target, task, _ANY_LENGTH)
    return keys


def check_data(recipe: Recipe, data_root: Path) -> list[dict[str, Any]]:
    """One line for each task, split and language that a recipe reads: files, examples, checksum."""
    check_recipe(recipe, processes=1)
    run = Run(recipe=recipe, run_dir=data_root, data_root=data_root)
    lines = []
    for key in all_keys(run):
        files = key.task.files(key.split, key.language, data_root)
        lines.append(
            {
                "task": key.task.name,
                "split": key.split,
                "language": key.language,
                "files": [str(path) for path in files],
                "examples": len(key.examples(data_root)),
                "checksum": checksum(path for path in files if path.is_file()),
            }
        )
    return lines
