"""Every task with a copy on the hub: official files, written out as the declared columns have them, come back the same.

What is tested is that both declarations of a task agree (labels and their numbers, ids, order, no-answer). Whether the
hub's columns are called so cannot be known without a network.
"""

from pathlib import Path
from typing import Any

import datasets
import pytest

from ds_stilts.data.hub import fetch
from ds_stilts.tasks import Task, all_tasks
from ds_stilts.tasks.examples import ChoiceExample, Example, PairExample, QuestionExample, TaggedSentence
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Choices, Pairs, Questions, Tags
from tests.hub import at, write_hub

MOST = 1000


def invertible(hub: Hub) -> bool:
    """Whether rows can be made of examples again: not where a column is a template or a function of several."""
    columns = hub.columns
    return isinstance(columns, (Pairs, Tags, Questions)) or (
        isinstance(columns, Choices) and "{" not in columns.context and isinstance(columns.choices, str)
    )


TASKS = [task for task in all_tasks() if task.hub and invertible(task.hub)]


@pytest.mark.real_data
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_official_files_and_their_hub_rows_are_the_same(
    task: Task, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    assert task.hub is not None
    there = {split: language for split in task.hub.splits if (language := last_language(task, split, real_data))}
    assert there, f"no official file of a split of {task.name} that the hub has"
    official, rows = {}, {}
    for split, language in there.items():
        official[split] = task.examples(split, language, real_data)[:MOST]
        where = (str(task.hub.config_of(language) or "default"), task.hub.splits[split])
        rows[where] = [row_of(example, task.hub.columns) for example in official[split]]
    copied = at(task, write_hub(tmp_path / "hub", rows))
    for split, language in there.items():
        fetch(copied, split, language, tmp_path / "copies")
        assert copied.examples(split, language, tmp_path / "copies") == official[split]


def last_language(task: Task, split: str, root: Path) -> str | None:
    """The last language of a split all of whose files lie there."""
    whole = [
        language
        for language in task.available_languages(split, root)
        if all(path.is_file() for path in task.files(split, language, root))
    ]
    return whole[-1] if whole else None


def row_of(example: Example, columns: Any) -> dict[str, Any]:
    """The row that the declared columns say an example was read from."""
    row: dict[str, Any] = {}

    def put(column: str, value: Any) -> None:
        *parents, last = column.split(".")
        node = row
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value

    if columns.id:
        put(columns.id, example.id)
    if isinstance(example, PairExample):
        put(columns.premise, example.premise)
        if columns.hypothesis:
            put(columns.hypothesis, example.hypothesis)
        written = next((theirs for theirs, ours in columns.names.items() if ours == example.label), example.label)
        put(columns.label, int(written) if str(written).isdigit() else written)
    elif isinstance(example, ChoiceExample):
        put(columns.context, example.context)
        put(columns.choices, list(example.choices))
        assert example.label is not None
        put(columns.label, columns.names[example.label] if columns.names else example.label)
    elif isinstance(example, TaggedSentence):
        assert example.tags is not None
        put(columns.words, list(example.words))
        put(columns.tags, [columns.names.index(tag) for tag in example.tags])
    else:
        assert isinstance(example, QuestionExample)
        put(columns.question, example.question)
        put(columns.context, example.context)
        starts = [-1 if answer.start is None else answer.start for answer in example.answers]
        put(columns.answers, {"text": [answer.text for answer in example.answers], "answer_start": starts})
    return row
