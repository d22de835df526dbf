"""CCG supertags in jiant's layout: a sentence a line, `words<TAB>tags`, both with spaces between them.

The tags of a task are known before any file is read, but CCGbank's may not be listed here; so, as in jiant (ccg.py of
nyu-mll/jiant), the task's labels are numbers, and `tags_to_id.json` beside the sentences says which tag has which. Ids
are the 0-based line.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import Example, TaggedSentence
from ds_stilts.tasks.readers.files import beside, iter_lines, parse_json, read_text
from ds_stilts.tasks.task import Task

TAGS_FILE = "tags_to_id.json"


def read_supertags(path: Path, *, task: Task, language: str, labels_path: Path | None) -> Iterator[Example]:
    """Read sentences whose tags are numbers of supertags; the declaration names `tags_to_id.json` in `also`.

    Raises:
        DataError: a line that is not words, a tab and as many tags, a tag that `tags_to_id.json` lacks, or a mapping
            that is not one of distinct tags to `task.labels`.
    """
    numbers = _mapping(beside(path, TAGS_FILE), task)
    for line, text in iter_lines(path):
        given_words, tab, given_tags = text.partition("\t")
        words, tags = given_words.split(), given_tags.split()
        if not tab or not words or len(words) != len(tags):
            raise DataError(
                f"{path}, line {line}: {len(words)} words and {len(tags)} tags, expected words, a tab and one tag for "
                "each word, with spaces between them; export the sentence again."
            )
        for tag in tags:
            if tag not in numbers:
                raise DataError(
                    f"{path}, line {line}: supertag {tag!r} is not in {TAGS_FILE} beside it; both must be of the same "
                    "export, so write them again."
                )
        yield TaggedSentence(id=str(line - 1), words=tuple(words), tags=tuple(numbers[tag] for tag in tags))


def _mapping(path: Path, task: Task) -> dict[str, str]:
    given = parse_json(read_text(path), path, 1, "write it again.")
    if not isinstance(given, dict):
        raise DataError(f"{path}: expected an object of supertags and their numbers, found {json.dumps(given):.60}.")
    numbers = {tag: str(number) for tag, number in given.items()}  # jiant reads "3" and 3 alike
    seen: dict[str, str] = {}
    for tag, number in numbers.items():
        if number not in task.labels:
            raise DataError(
                f"{path}: supertag {tag!r} has number {number}, but those of task '{task.name}' are numbered from 0 to "
                f"{len(task.labels) - 1}; number yours so."
            )
        if number in seen:
            raise DataError(f"{path}: {seen[number]!r} and {tag!r} have the same number {number}; give each its own.")
        seen[number] = tag
    return numbers
