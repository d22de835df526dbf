"""What can be wrong with the data and the start model, looked for before any training: every file, every line.

What a recipe alone shows to be impossible is found earlier, in `ds_stilts.plan`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ds_stilts.data.identity import stable
from ds_stilts.data.prepare import SplitKey
from ds_stilts.errors import CheckpointError, DataError, RecipeError
from ds_stilts.evaluation.pooling import PRESETS, pooling_of, probe_pooling
from ds_stilts.formats.text_to_text import chooses_label
from ds_stilts.models.family import is_mt5, writes_text
from ds_stilts.models.freezing import check_frozen
from ds_stilts.models.lora import check_adapters, check_peft
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import (
    oracle_keys,
    pool_keys,
    probe_keys,
    scoring_keys,
    training_keys,
    unlabelled_keys,
    validation_keys,
)
from ds_stilts.phases.watching import check_watched
from ds_stilts.plan import trains_target
from ds_stilts.planning.adapters import linear_names
from ds_stilts.planning.public_models import public_config
from ds_stilts.planning.start_model import start_shape
from ds_stilts.recipe import Recipe, Training
from ds_stilts.tasks import get_task
from ds_stilts.tasks.guards import check_gold, check_some_gold
from ds_stilts.tasks.task import Task

_ANY_LENGTH = 1 << 20


def check_start(recipe: Recipe) -> None:
    """Check a start model that lies in a folder here, without its weights; a hub id is left to the phase that loads it,
    but for what the table of public models tells.

    Raises:
        CheckpointError: no such folder, or one that is no Hugging Face model, or whose tokenizer is another model's.
        RecipeError: it has no such hidden state for retrieval, not the layers to freeze or to add to, or a phase asks
            of mT5 what it cannot do in its use.
        ClusterError: low-rank additions are asked for, and peft is not installed.
    """
    _check_use(recipe)
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

        layers = check_folder(name, random_init=recipe.start.random_init)
    for where, phase in recipe.trained().items():
        if layers is not None:
            check_frozen(phase.freeze, layers, where)
            check_watched(phase, layers, where)
        if phase.lora:
            check_peft(where)
            if layers is not None or public_config(name or ""):
                check_adapters(phase.lora, linear_names(start_shape(recipe)[0]), where)
        if layers is not None and phase.validation and phase.validation.probe:
            probe_pooling(phase.validation.probe, layers, f"{where}.validation.probe")
    _check_retrieval(recipe, layers)


def _check_retrieval(recipe: Recipe, num_layers: int | None) -> None:
    """The keys of `evaluation` for texts that are searched; the layers only where the model's number is known."""
    own, searched = recipe.evaluation, [name for name in recipe.targets if get_task(name).is_searched]
    if own.pooled() and not searched:
        raise RecipeError(f"evaluation.{next(iter(own.pooled()))}: no target is searched for; remove it")
    if own.preset and not set(searched) & set(PRESETS[own.preset]):
        raise RecipeError(
            f"evaluation.preset: {own.preset} is of {' and '.join(PRESETS[own.preset])} only, which are no targets "
            "here; remove it"
        )
    if own.pooling == "cls" and is_mt5(recipe.start):
        raise RecipeError("evaluation.pooling: mT5 puts no special token before a text; remove `pooling: cls`")
    if num_layers is not None:
        for name in searched or [""]:  # of no task: that there is such a layer
            pooling_of(name, own, num_layers)


def _check_use(recipe: Recipe) -> None:
    if recipe.engine.attention != "auto" and is_mt5(recipe.start):
        raise RecipeError(
            f"engine.attention: mT5 attends in one way only, with its bias by distance, not by "
            f"'{recipe.engine.attention}'; remove the key"
        )
    if writes_text(recipe.start):
        for name, target in recipe.targets.items():
            if target.validation and target.validation.unlabelled and not chooses_label(get_task(name)):
                raise RecipeError(
                    f"targets.{name}.validation.unlabelled: the model writes the answers of a {get_task(name).format} "
                    "task freely, not as one of some labels, so there is no distribution over answers; remove it, or "
                    "add `use: heads` under `start`"
                )
            if target.heads == "reuse":
                raise RecipeError(
                    f"targets.{name}.heads: in text-to-text there are no heads, the whole model is handed on; remove "
                    "the key, or add `use: heads` under `start`"
                )
    elif is_mt5(recipe.start):
        phases = {"start.pretrain": recipe.start.pretrain, **recipe.intermediate()}
        for where, phase in phases.items():
            for name in phase.tasks if phase else {}:
                if get_task(name).format == "masked_lm":
                    raise RecipeError(
                        f"{where}.tasks.{name}: mT5 has no head for masked language modelling; remove `use: heads` "
                        "under `start`, and running text is learned by span corruption, or remove the task"
                    )


def _is_path(name: str) -> bool:
    """Whether a name can only be meant as a path: a hub id is NAME or OWNER/NAME."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1


def check_files(run: Run) -> None:
    """Read every official file that the run will read.

    Raises:
        DataError: the first that is missing or malformed, or has no gold; names file and line.
    """
    seen: set[tuple[str, str, str, int | None, bool, str]] = set()
    for key in all_keys(run):
        identity = (key.task.name, key.split, key.language, key.max_examples, key.unlabelled, stable(key.where))
        if identity not in seen:
            seen.add(identity)
            examples = key.examples(run.data_root)
            file = key.task.files(key.split, key.language, run.data_root)[0]
            check_gold(examples, key.task, file)
            if not key.unlabelled and key.split != "pool":
                check_some_gold(examples, key.task, file)


def check_files_there(run: Run) -> None:
    """As `check_files`, but only that every file is there; opens none.

    Raises:
        DataError: the first that is missing.
    """
    for key in all_keys(run):
        missing = missing_file(key, run.data_root)
        if missing:
            raise DataError(missing)


def missing_file(key: SplitKey, data_root: Path) -> str | None:
    """A sentence for a split of which a file is not there; None if all are."""
    if all(path.is_file() for path in key.task.files(key.split, key.language, data_root)):
        return None
    try:
        key.task.stream(key.split, key.language, data_root)
    except DataError as error:
        return str(error)
    raise AssertionError(key)


def all_keys(run: Run, max_tokens: int = _ANY_LENGTH) -> list[SplitKey]:
    """Every split of every language that the recipe reads, in the order of its stages."""
    return [key for _, keys in reads(run, max_tokens) for key in keys()]


def reads(run: Run, max_tokens: int = _ANY_LENGTH) -> Iterator[tuple[Task, Callable[[], list[SplitKey]]]]:
    """Each task that each phase reads, with what finds the splits; that raises a DataError where there are none."""
    recipe = run.recipe
    phases = [recipe.start.pretrain, *recipe.intermediate().values()]
    for phase in [phase for phase in phases if phase]:
        for name in phase.tasks:
            task = get_task(name)
            yield task, partial(training_keys, run, phase, task, max_tokens)
            yield task, partial(validation_keys, run, phase, task, max_tokens)
        yield from _probed(run, phase, max_tokens)
    for name, target in recipe.targets.items():
        task = get_task(name)
        if trains_target(recipe, name):
            yield task, partial(training_keys, run, target, task, max_tokens)
            yield task, partial(validation_keys, run, target, task, max_tokens)
            yield task, partial(unlabelled_keys, run, target, task, max_tokens)
            yield task, partial(oracle_keys, run, target, task, max_tokens)
            yield from _probed(run, target, max_tokens)
        yield task, partial(scoring_keys, run, target, task, max_tokens)
        yield task, partial(pool_keys, run, target, task, max_tokens)


def _probed(run: Run, phase: Training, max_tokens: int) -> Iterator[tuple[Task, Callable[[], list[SplitKey]]]]:
    if phase.validation and phase.validation.probe:
        yield get_task(phase.validation.probe.task), partial(probe_keys, run, phase, max_tokens)
