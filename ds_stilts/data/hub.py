"""Fetch a task's copy from the Hugging Face hub into the data root, once.

What was fetched is then read like any official file (`Task.stream`); nothing here knows what the columns mean. Beside
each copy a JSON file says what it is a copy of, so that a run can name the commit that its data came from.
"""

import json
from pathlib import Path
from typing import Any, NoReturn

from ds_stilts.data.checksums import checksum
from ds_stilts.errors import DataError, RecipeError
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Pairs, Tags
from ds_stilts.tasks.task import Task


def fetch(task: Task, split: str, language: str, root: Path) -> Path:
    """Copy one split of one language from the hub into `root`, unless the copy is there.

    The hub's cache and its offline mode (HF_HUB_OFFLINE, HF_DATASETS_OFFLINE) are respected; a second process waits for
    the first and then finds its copy. No code of a data set is ever run.

    Args:
        root: the data root; `Hub.path` says where in it the copy lies.

    Returns:
        The Parquet file, the rows in the hub's order. `.json` beside it names data set, commit, rows and checksum.

    Raises:
        RecipeError: the task has no such split, or not in that language.
        DataError: the hub has no copy of it that we know, or the copy cannot be had; says what else can be done.
    """
    if language not in (task.split(split).languages or task.languages):
        raise RecipeError(f"task '{task.name}' has no language '{language}' in split '{split}'")
    path = Hub.path(task.name, split, language, root)
    if path.is_file():
        return path
    hub = task.hub and task.hub.of(split)
    if hub is None:
        raise DataError(
            f"the Hugging Face hub has no copy that we know of task '{task.name}', split '{split}'; download the "
            f"official files from {task.url or 'its authors'} and give their folder with --data-root."
        )
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                _copy(task, hub, split, language, path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror or error}); give a folder that can be with --data-root."
        ) from None
    return path


def record_of(path: Path) -> dict[str, Any]:
    """What a fetched copy is a copy of: id, config, split, revision, rows, checksum.

    Raises:
        DataError: the record is missing or damaged.
    """
    try:
        values = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.with_suffix('.json')}, which says what {path.name} is a copy of, cannot be read ({error}); remove "
            "both to have them fetched again."
        ) from None
    assert isinstance(values, dict)
    return values


def _copy(task: Task, hub: Hub, split: str, language: str, path: Path) -> None:
    config, hub_split = hub.config_of(language), hub.splits[split]
    try:
        dataset, revision = _load(hub, config, hub_split)
    except DataError:
        raise
    except Exception as error:  # two libraries, and an HTTP client that changes with their version: no common base
        _refuse(task, hub, config, hub_split, error)
    _check_classes(dataset, hub, task, _named(hub, config, hub_split))
    temporary = path.with_suffix(".tmp")
    try:
        dataset.to_parquet(str(temporary))
        record = {
            "id": hub.id,
            "config": config,
            "split": hub_split,
            "revision": revision,
            "rows": dataset.num_rows,
            "checksum": checksum([temporary]),
        }
        described = path.with_suffix(".json.tmp")
        described.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
        described.replace(path.with_suffix(".json"))
        temporary.replace(path)  # last: a copy that is there has its record
    finally:
        temporary.unlink(missing_ok=True)


def _load(hub: Hub, config: str | None, split: str) -> tuple[Any, str | None]:
    """The data set and its commit (None: a folder on this machine, which has none)."""
    import datasets
    import huggingface_hub

    folder = Path(hub.id).is_dir()
    revision = hub.revision
    if not folder and not _offline():
        # Resolved first, and then asked for, so that what is loaded is what is recorded.
        revision = huggingface_hub.HfApi().dataset_info(hub.id, revision=revision).sha
    dataset = datasets.load_dataset(hub.id, config, split=split, revision=revision, keep_in_memory=False)
    if folder:
        return dataset, None
    # Without a network `datasets` takes the newest version in its cache, whatever was asked for. That cache has a
    # folder for each commit, and the name of an Arrow file says which one that is.
    loaded = Path(dataset.cache_files[0]["filename"]).parent.name
    if revision is not None and loaded != revision:
        raise DataError(
            f"the Hugging Face cache holds {hub.id} at revision {loaded}, but {revision} is asked for; fetch it once "
            "with a network, or give the folder of the official files with --data-root."
        )
    return dataset, loaded


def _offline() -> bool:
    """Whether either of the two libraries was told to leave the network alone."""
    import datasets
    import huggingface_hub

    return bool(datasets.config.HF_HUB_OFFLINE or huggingface_hub.constants.HF_HUB_OFFLINE)


def _named(hub: Hub, config: str | None, split: str) -> str:
    return f"{hub.id}, {f'configuration {config!r}, ' if config else ''}split {split!r}"


def _check_classes(dataset: Any, hub: Hub, task: Task, what: str) -> None:
    """Refuse a data set whose own names say that a number is another label than the one that is read from it.

    Names that are none of our words ("duplicate" for 1) say nothing.
    """
    columns = hub.columns
    if not isinstance(columns, (Pairs, Tags)):
        return
    column = columns.label if isinstance(columns, Pairs) else columns.tags
    feature = dataset.features.get(column)
    classes: list[str] = getattr(getattr(feature, "feature", feature), "names", None) or []
    if isinstance(columns, Pairs):
        words = [columns.names.get(str(number), str(number)) for number in range(len(classes))]
    else:
        words = list(columns.names or ())
    for number, (theirs, ours) in enumerate(zip(classes, words, strict=False)):
        if theirs in words and theirs != ours:
            raise DataError(
                f"the Hugging Face hub's copy of task '{task.name}' ({what}) numbers its labels otherwise than we "
                f"read them: {number} is {theirs!r} there, and would be read as {ours!r}; download the official files "
                f"from {task.url or 'their authors'} and give their folder with --data-root."
            )


def _refuse(task: Task, hub: Hub, config: str | None, split: str, error: Exception) -> NoReturn:
    what = _named(hub, config, split)
    said = " ".join(str(error).split()) or type(error).__name__
    if _offline() and not Path(hub.id).is_dir():
        said = "HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set, and the Hugging Face cache does not hold it"
    raise DataError(
        f"the Hugging Face hub's copy of task '{task.name}' ({what}) cannot be had: {said[:300].rstrip('.')}; download "
        f"the official files from {task.url or 'their authors'} and give their folder with --data-root."
    ) from None
