"""Predictions and labels as files, in the layout of XTREME: `<task>/test-<language>.{tsv,json,jsonl}`.

Reads what `evaluate.py` of google-research/xtreme (838c13b) reads, as it reads it: white space around a line goes,
blank lines stay, and a top-level "data" is unwrapped in every JSON file. Where that script would stop with a traceback,
here is a sentence. What files mean for a score is not known here. LAReQA has no files there; its layout here is that
of Mewsli-X: {question: [candidates, best first]}, and in labels {question: [right candidates]}.
"""

import io
import json
from collections.abc import Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ds_stilts.errors import DataError, suggestion
from ds_stilts.evaluation.benchmarks import Benchmark
from ds_stilts.tasks.readers.columns import nested, scalar, value
from ds_stilts.tasks.readers.files import read_text
from ds_stilts.tasks.readers.tables import Row
from ds_stilts.tasks.task import Task

_SUFFIXES = {"span_qa": "json", "ranking": "json", "multiple_choice": "jsonl"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePair:
    """The two files of one language of one task."""

    task: Task
    language: str
    predictions: Path
    labels: Path


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a folder of predictions and one of labels hold of a benchmark."""

    pairs: Mapping[str, list[FilePair]]
    """By task, in the official order; every language that has labels."""
    missing: Mapping[str, list[str]]
    """By task, the languages of the benchmark without a pair of files."""
    ignored: list[str]
    """Folders of predictions that are no task of the benchmark."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question's gold."""

    id: str
    answers: list[str]


def file_name(task: Task, language: str) -> str:
    """The name of a language's file in the task's folder."""
    return f"test-{language}.{_SUFFIXES.get(task.format, 'tsv')}"


def find_files(predictions: Path, labels: Path, benchmark: Benchmark) -> Found:
    """Pair the files of two folders.

    A task that either folder lacks is missing as a whole, and so is a language without labels.

    Raises:
        DataError: no such folder, no task that both have, a language with labels but no predictions, or files with
            another extension.
    """
    for folder, what in ((predictions, "predictions"), (labels, "labels")):
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder} with {what}; give one that holds a folder a task.")
    folders = {name: sorted(path.name for path in root.iterdir() if path.is_dir())
               for name, root in (("predictions", predictions), ("labels", labels))}  # fmt: skip
    tasks = benchmark.tasks()
    pairs: dict[str, list[FilePair]] = {}
    missing: dict[str, list[str]] = {}
    for task in tasks:
        languages = benchmark.languages(task)
        found = []
        if task.name in folders["predictions"] and task.name in folders["labels"]:
            found = _pairs(task, languages, predictions / task.name, labels / task.name)
        if found:
            pairs[task.name] = found
        if absent := [code for code in languages if code not in {pair.language for pair in found}]:
            missing[task.name] = absent
    ignored = [name for name in folders["predictions"] if name not in {task.name for task in tasks}]
    if not pairs:
        _say_nothing_fits(predictions, labels, benchmark, folders)
    return Found(pairs=pairs, missing=missing, ignored=ignored)


def _pairs(task: Task, languages: Seq[str], predictions: Path, labels: Path) -> list[FilePair]:
    for folder in (predictions, labels):
        _check_extensions(folder, task, languages)
    pairs = [
        FilePair(task=task, language=code, predictions=predictions / name, labels=labels / name)
        for code in languages
        if (labels / (name := file_name(task, code))).is_file()
    ]
    if absent := [pair.language for pair in pairs if not pair.predictions.is_file()]:
        raise DataError(
            f"{predictions} has no {file_name(task, absent[0])}: predictions of {', '.join(absent)} are missing, which "
            f"{labels} has labels for; add them, or take the whole folder '{task.name}' out."
        )
    return pairs


def _check_extensions(folder: Path, task: Task, languages: Seq[str]) -> None:
    names = {path.name for path in folder.iterdir()}
    for code in languages:
        right = file_name(task, code)
        others = sorted(name for name in names if name.startswith(f"test-{code}."))
        if others and right not in names:
            raise DataError(f"{folder / others[0]}: files of task '{task.name}' must be called {right}; rename it.")


def _say_nothing_fits(
    predictions: Path, labels: Path, benchmark: Benchmark, folders: Mapping[str, list[str]]
) -> NoReturn:
    """Raise the DataError of two folders that have no task in common."""
    names = [task.name for task in benchmark.tasks()]
    for folder, there in ((predictions, folders["predictions"]), (labels, folders["labels"])):
        if not set(names) & set(there):
            near = suggestion(there[0], names) if there else ""
            raise DataError(
                f"{folder} holds no task of {benchmark.title}: found {', '.join(there[:5]) or 'no folder'}{near}, "
                f"expected folders named {', '.join(names)}."
            )
    raise DataError(
        f"{predictions} and {labels} have no task of {benchmark.title} in common whose labels are there; predictions "
        f"are of {', '.join(name for name in names if name in folders['predictions'])}."
    )


def read_lines(path: Path) -> list[str]:
    """One value a line, blank lines included (PAWS-X, XNLI, Tatoeba)."""
    return [line.strip() for line in io.StringIO(read_text(path), newline=None)]


def read_tags(path: Path) -> list[list[str]]:
    """Sentences of one tag a line (UD-POS, PAN-X); every blank line ends one, and a further one an empty sentence."""
    sentences: list[list[str]] = [[]]
    for tag in read_lines(path):
        if tag:
            sentences[-1].append(tag)
        else:
            sentences.append([])
    return sentences if sentences[-1] else sentences[:-1]


def read_pairs(path: Path) -> list[tuple[str, ...]]:
    """The columns of each line (BUCC): two ids, where all is well; a blank line is ("",)."""
    return [tuple(line.split("\t")) for line in read_lines(path)]


def read_choices(path: Path) -> list[Row]:
    """One JSON object a line with the choice as `label` (XCOPA).

    Raises:
        DataError: broken JSON, a blank line included, or no label.
    """
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        values = _parsed(line, path, number)
        row = Row(path, f"line {number}", values if isinstance(values, dict) else {})
        value(row, "label")  # says that it is missing, and what is there
        rows.append(row)
    return rows


def read_questions(path: Path) -> list[Question]:
    """The gold of SQuAD's JSON, or of its bare list of articles; ids may repeat, and answers be missing.

    Raises:
        DataError: broken JSON, or a missing or mistyped field.
    """
    articles = nested(Row(path, "the whole file", {"data": _json(path)}), "data")
    questions = []
    for row in (row for article in articles for part in nested(article, "paragraphs") for row in nested(part, "qas")):
        answers = value(row, "answers.text")
        if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
            raise row.fault(f"field 'answers' must be a list of objects with a 'text', found {answers!r:.60}.")
        questions.append(Question(id=scalar(row, "id"), answers=answers))
    return questions


def read_answers(path: Path) -> dict[str, str]:
    """Answers by the id of their question.

    Raises:
        DataError: broken JSON, or an answer that is no string.
    """
    answers = _object(path)
    for id, answer in answers.items():
        if not isinstance(answer, str):
            raise DataError(
                f"{path}: the answer to '{id}' must be a string, found {json.dumps(answer)[:60]}; write the text of "
                'the answer, or "" for none.'
            )
    return answers


def read_rankings(path: Path) -> dict[str, list[str]]:
    """Lists of ids, best first, by the id of their query (Mewsli-X, LAReQA); in labels, of the right ones.

    Raises:
        DataError: broken JSON, or anything but a list of strings.
    """
    rankings = _object(path)
    for id, ranked in rankings.items():
        if not isinstance(ranked, list) or not all(isinstance(item, str) for item in ranked):
            raise DataError(f"{path}: '{id}' must have a list of ids, found {json.dumps(ranked)[:60]}; correct it.")
    return rankings


def _json(path: Path) -> Any:
    root = _parsed(read_text(path), path)
    return root["data"] if isinstance(root, dict) and "data" in root else root


def _parsed(text: str, path: Path, first_line: int = 1) -> Any:
    """JSON without NaN, which is none."""

    def refuse(constant: str) -> NoReturn:
        raise DataError(f"{path} holds {constant}, which is no value of JSON and no answer; correct the program.")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {first_line + error.lineno - 1}, column {error.colno}: broken JSON ({error.msg}); the file "
            "may be cut short, write it again."
        ) from None


def _object(path: Path) -> dict[str, Any]:
    root = _json(path)
    if not isinstance(root, dict):
        raise DataError(f"{path}: expected an object with an entry an id, found {json.dumps(root)[:60]}.")
    return root


def as_text(task: Task, content: Any) -> str:
    """The text of a file of predictions, of what the reader of the task's format gives; no trailing blank line."""
    if task.format in ("span_qa", "ranking"):
        return json.dumps(content, ensure_ascii=False, indent=0) + "\n"
    if task.format == "multiple_choice":
        return "".join(json.dumps({"label": label}) + "\n" for label in content)
    if task.format == "tagging":
        return "\n".join("".join(f"{tag}\n" for tag in sentence) for sentence in content)
    lines = ["\t".join(line) for line in content] if task.format == "mining" else content
    return "".join(f"{line}\n" for line in lines)
