"""TweetEval's layout: one tweet a line, a file of label numbers beside it, and `mapping.txt` with the number's words.

A tweet may hold a tab, so a line is taken whole.
"""

from collections.abc import Iterator
from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.files import beside, iter_lines
from ds_stilts.tasks.readers.tables import Row
from ds_stilts.tasks.task import Split, Task


def tweets(folder: str, name: str, published: int | None = None) -> Split:
    """The split called `name` in one of TweetEval's folders, e.g. "val" of "domain/tweeteval/irony"."""
    return Split(
        read=read_tweets,
        file=f"{folder}/{name}_text.txt",
        labels=f"{folder}/{name}_labels.txt",
        also=(f"{folder}/mapping.txt",),
        published=published,
    )


def read_tweets(path: Path, *, task: Task, language: str, labels_path: Path | None) -> Iterator[Example]:
    """Read single sentences; `labels_path` has their label numbers, and the declaration names the mapping in `also`.

    Raises:
        DataError: a mapping that is not the task's labels in their order, a number that it lacks, or another number of
            labels than of tweets.
    """
    names = _mapping(beside(path, "mapping.txt"), task)
    columns = Pairs(premise="text", hypothesis=None, names=names)
    yield from Rows(_tweets, columns)(path, task=task, language=language, labels_path=labels_path)


def _tweets(path: Path) -> Iterator[Row]:
    for line, text in iter_lines(path):
        yield Row(path, f"line {line}", {"text": text})


def _mapping(path: Path, task: Task) -> dict[str, str]:
    lines = [line.partition("\t") for _, line in iter_lines(path)]
    names = {number: word.strip() for number, _, word in lines}
    expected = {str(number): word for number, word in enumerate(task.labels)}
    if names != expected:
        raise DataError(
            f"{path}: maps {', '.join(f'{n!r} to {word!r}' for n, word in names.items()) or 'nothing'}, but the labels "
            f"of task '{task.name}' are {', '.join(task.labels)}, counted from 0; get it again from its source."
        )
    return names
