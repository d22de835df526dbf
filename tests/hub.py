"""A data set in the layout of the Hugging Face hub, on this machine: Parquet files, and a README that says which."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ds_stilts.tasks import Task

NLI_NAMES = ["entailment", "neutral", "contradiction"]
"""Class names of the hub's NLI sets, in the order of their numbers."""


def write_hub(
    folder: Path,
    splits: dict[tuple[str, str], list[dict[str, Any]]],
    classes: Mapping[str, list[str]] | None = None,
) -> Path:
    """Write (configuration, split) → rows as the hub has them; labels 0, 1 and 2 become the class labels of NLI, and
    the columns of `classes`, numbers or lists of numbers, what is given there."""
    import datasets

    for (config, split), rows in splits.items():
        dataset = datasets.Dataset.from_list(rows)
        for column, names in (classes or {}).items():
            kind = datasets.ClassLabel(names=names)
            dataset = dataset.cast_column(column, datasets.List(kind) if isinstance(rows[0][column], list) else kind)
        if not classes and {row.get("label") for row in rows} == {0, 1, 2}:
            dataset = dataset.cast_column("label", datasets.ClassLabel(names=NLI_NAMES))
        (folder / config).mkdir(parents=True, exist_ok=True)
        # two files, so that their order counts
        for part in range(2):
            half = dataset.shard(num_shards=2, index=part, contiguous=True)
            half.to_parquet(str(folder / config / f"{split}-{part:05d}-of-00002.parquet"))
    lines = ["---", "configs:"]
    for config in dict.fromkeys(config for config, _ in splits):
        lines += [f"- config_name: {config}", "  data_files:"]
        for split in [split for other, split in splits if other == config]:
            lines += [f"  - split: {split}", f"    path: {config}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")
    return folder


def put_in_cache(cache: Path, folder: Path, id: str, commit: str) -> None:
    """Leave in the hub's cache what `datasets` leaves there when it has downloaded a data set like that of `folder`."""
    import datasets

    for config in datasets.get_dataset_config_names(str(folder)):
        loaded = datasets.load_dataset(str(folder), config, cache_dir=str(cache / "local"))
        made = Path(next(iter(loaded.values())).cache_files[0]["filename"]).parent
        shutil.copytree(made, cache / id.replace("/", "___") / config / "0.0.0" / commit)


def at(task: Task, folder: Path | str) -> Task:
    """The task with its hub copy in a folder."""
    assert task.hub is not None
    return replace(task, hub=replace(task.hub, id=str(folder)))


def nli_rows(pairs: Iterable[tuple[str, str, str | None]]) -> list[dict[str, Any]]:
    """Rows as the hub's NLI sets have them: the label a number, -1 where it was taken off."""
    return [
        {"premise": premise, "hypothesis": hypothesis, "label": NLI_NAMES.index(label) if label else -1}
        for premise, hypothesis, label in pairs
    ]
