"""Tagged sentences, one `word<TAB>tag` a line and an empty line between sentences (UD-POS, PAN-X).

Where the tags were taken off (XTREME's test files), words stand alone and the tags lie in a file apart, a tag a line
with the same empty lines. Raw WikiANN files write the word as `lang:word`; where every word of a file does, the prefix
is removed as in XTREME's `panx_preprocess`. Ids are the 0-based number of the sentence.

An empty line that ends no sentence is refused: XTREME's scorer (`read_tag`, google-research/xtreme 838c13b) would count
an empty sentence there, and every sentence after it would be compared with another one.
"""

from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import Example, TaggedSentence
from ds_stilts.tasks.readers.files import check_label, check_same_length, read_lines
from ds_stilts.tasks.task import Task

Row = tuple[int, list[str]]
"""Line number (1-based) and the line's columns."""


def read_tags(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read sentences and their tags.

    Raises:
        DataError: wrong number of columns, an empty word or sentence, a tag outside `task.labels`, or a tag file whose
            lines or sentence ends differ; names file and line.
    """
    lines = read_lines(path)
    sentences = _sentences(path, lines, ("word", "tag") if labels_path is None else ("word",))
    if labels_path is None:
        tags = [[check_label(row[1].strip(), task, path, line) for line, row in sentence] for sentence in sentences]
    else:
        gold_lines = read_lines(labels_path)
        _check_aligned(path, lines, labels_path, gold_lines)
        gold = _sentences(labels_path, gold_lines, ("tag",))
        tags = [[check_label(row[0].strip(), task, labels_path, line) for line, row in sentence] for sentence in gold]
    prefix = f"{language}:"
    raw = all(row[0].startswith(prefix) for sentence in sentences for _, row in sentence)
    return [
        TaggedSentence(
            id=str(index),
            words=tuple(_word(row[0].removeprefix(prefix) if raw else row[0], path, line) for line, row in sentence),
            tags=tuple(sentence_tags),
        )
        for index, (sentence, sentence_tags) in enumerate(zip(sentences, tags, strict=True))
    ]


def _sentences(path: Path, lines: list[str], columns: tuple[str, ...]) -> list[list[Row]]:
    sentences: list[list[Row]] = []
    begins = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            if begins:
                raise DataError(
                    f"{path}, line {number}: an empty line where a sentence should begin; XTREME's scorer would count "
                    "an empty sentence here, so remove the line."
                )
            begins = True
            continue
        row = line.split("\t")
        if len(row) != len(columns):
            raise DataError(
                f"{path}, line {number}: {len(row)} columns, expected {len(columns)} ({', '.join(columns)}) with a tab "
                "between them; correct the line or get the file again from its source."
            )
        if begins:
            sentences.append([])
            begins = False
        sentences[-1].append((number, row))
    return sentences


def _check_aligned(path: Path, lines: list[str], labels_path: Path, gold_lines: list[str]) -> None:
    check_same_length(path, len(lines), labels_path, len(gold_lines))
    for number, (line, gold) in enumerate(zip(lines, gold_lines, strict=True), start=1):
        if bool(line.strip()) != bool(gold.strip()):
            ends, other = (labels_path, path) if line.strip() else (path, labels_path)
            raise DataError(
                f"{ends}, line {number}: a sentence ends here but not in {other}; words and tags must be of the same "
                "release, so get both again from their source."
            )


def _word(word: str, path: Path, line: int) -> str:
    if not word.strip():
        raise DataError(f"{path}, line {line}: the word is empty; write a word before the tab or remove the line.")
    return word
