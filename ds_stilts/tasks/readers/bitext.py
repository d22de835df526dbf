"""Retrieval sets of two files, `LANG-PIVOT.LANG` and `LANG-PIVOT.PIVOT` (Tatoeba as XTREME lays it out).

The pivot's sentences (English) are the queries and the other language's are the corpus, the direction in which XTREME
searches (`similarity_search(x, y, …)` looks up `y` in an index of `x`). The gold file has, for each line of the pivot
file, the 0-based line of its translation; XTREME compares it as a string, so only plain integers are accepted.

Ids are "LANGUAGE-LINE" with the 0-based line, e.g. query "en-0", corpus "de-367": what stands after the dash is what a
submission file holds.
"""

from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import BitextExample, Example
from ds_stilts.tasks.readers.files import beside, check_same_length, plain_name, read_lines
from ds_stilts.tasks.task import Task


def pivot_of(path: Path, language: str) -> str:
    """Code of the pivot language in a name like "de-en.de".

    Raises:
        DataError: the name has another form.
    """
    stem, _, suffix = plain_name(path).rpartition(".")
    first, dash, pivot = stem.partition("-")
    if suffix != language or first != language or not dash or not pivot:
        raise DataError(f"{path}: a retrieval file of '{language}' is named {language}-PIVOT.{language}; rename it.")
    return pivot


def read_bitext(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read the queries (pivot side), then the corpus (`language` side, the file at `path`).

    Raises:
        DataError: the pivot file is missing, a sentence is empty, the gold file has another length than the queries, or
            a gold that is no line of the corpus; names file and line.
    """
    pivot = pivot_of(path, language)
    pivot_path = beside(path, f"{language}-{pivot}.{pivot}")
    if not pivot_path.is_file():
        raise DataError(
            f"{pivot_path} is missing: task '{task.name}' ({task.title}) needs it beside {path.name}, language "
            f"'{language}'. Download it from {task.url or 'its authors'} and put it there, or give another folder with "
            "--data-root."
        )
    queries, corpus = _sentences(pivot_path), _sentences(path)
    matches: list[str | None] = [None] * len(queries)
    if labels_path is not None:
        gold = read_lines(labels_path)
        check_same_length(pivot_path, len(queries), labels_path, len(gold))
        matches = [
            f"{language}-{_gold(text, len(corpus), labels_path, line)}" for line, text in enumerate(gold, start=1)
        ]
    examples: list[Example] = [
        BitextExample(id=f"{pivot}-{n}", text=text, side="query", match=match)
        for n, (text, match) in enumerate(zip(queries, matches, strict=True))
    ]
    examples += [
        BitextExample(id=f"{language}-{n}", text=text, side="corpus", match=None) for n, text in enumerate(corpus)
    ]
    return examples


def _sentences(path: Path) -> list[str]:
    """Sentences without white space around them, as XTREME reads them."""
    sentences = [line.strip() for line in read_lines(path)]
    for line, sentence in enumerate(sentences, start=1):
        if not sentence:
            raise DataError(
                f"{path}, line {line}: an empty line, where each line is a sentence that the gold file counts; get the "
                "file again from its source."
            )
    return sentences


def _gold(text: str, num_corpus: int, path: Path, line: int) -> int:
    # isdecimal() is true of other scripts' digits too; the round trip through int refuses those, signs and "007"
    if not text.isdecimal() or str(int(text)) != text or int(text) >= num_corpus:
        raise DataError(
            f"{path}, line {line}: {text!r} is not a line of the corpus (a plain integer from 0 to {num_corpus - 1}); "
            "correct it or get the file again from its source."
        )
    return int(text)
