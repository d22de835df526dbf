"""Tasks that a recipe declares itself: a user's own files become a task like any other, without code.

    tasks:
      my_nli:
        format: sentence_pair
        languages: [en, de]
        labels: [different, same]
        files: {train: mine/train-{lang}.csv, test: mine/test-{lang}.csv}
        columns: {premise: text_a, hypothesis: text_b, label: gold}

What a file is follows from its name: .csv and .tsv (a header row, CSV quoting), .jsonl (an object a line); for span_qa
.json is SQuAD's layout, for tagging anything but .jsonl is `word<TAB>tag` lines, for masked_lm anything else a sentence
a line. Any of them may end in .gz. Columns are those of `ds_stilts.tasks.readers.columns`.
"""

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.recipe import OwnTask
from ds_stilts.tasks.readers import columns, tables
from ds_stilts.tasks.readers.squad import read_questions
from ds_stilts.tasks.readers.tags import read_tags
from ds_stilts.tasks.readers.text import read_sentences
from ds_stilts.tasks.task import Reader, Split, Task, fill

_TABLES: Mapping[str, tables.Table] = {
    ".csv": tables.Delimited(delimiter=","),
    ".tsv": tables.Delimited(),
    ".jsonl": tables.json_lines,
}
_COLUMNS: Mapping[str, type] = {
    "sentence_pair": columns.Pairs,
    "pair_regression": columns.ScoredPairs,
    "multiple_choice": columns.Choices,
    "tagging": columns.Tags,
    "span_qa": columns.Questions,
    "masked_lm": columns.Texts,
}
_WHOLE_FILES: Mapping[tuple[str, str], Reader] = {
    ("span_qa", ".json"): read_questions,
    ("tagging", ""): read_tags,
    ("masked_lm", ""): read_sentences,
}
_GOLD_APART = ("sentence_pair", "pair_regression", "multiple_choice", "tagging")
"""Formats of which a file with a label a line can be read."""
_WRITTEN: Mapping[Any, str] = {
    str: "the name of a column",
    tuple: "a list such as [a, b]",
    Mapping: "pairs such as {a: b}",
    bool: "true or false",
    NoneType: "null",
}
"""How a recipe writes what a role of a column can be."""
_METRICS: Mapping[str, tuple[str, ...]] = {
    "sentence_pair": ("accuracy",),
    "pair_regression": ("spearman", "pearson"),
    "multiple_choice": ("accuracy",),
    "tagging": ("f1", "accuracy"),
    "span_qa": ("f1", "exact_match"),
    "masked_lm": ("perplexity",),
}


def own_task(name: str, given: OwnTask) -> Task:
    """Make the task that a recipe declares under `tasks.NAME`.

    Raises:
        RecipeError: a key that the format needs is missing, does not belong to it, or names an unknown column role.
    """
    where = f"tasks.{name}"
    _check(given, where)
    splits = {
        split: Split(read=_reader(given, split, where), file=file, labels=given.gold.get(split))
        for split, file in given.files.items()
    }
    others = [split for split in splits if split != "train"]
    labels = {"accuracy": 100 / len(given.labels)} if given.format == "sentence_pair" else {}
    choices = {"accuracy": 100 / given.num_choices} if given.num_choices else {}
    return Task(
        name=name,
        title=given.title or name,
        format=given.format,
        languages=tuple(given.languages),
        splits=splits,
        score_split=next(split for split in ("test", "dev", *others, "train") if split in splits),
        labels=tuple(given.labels),
        num_choices=given.num_choices,
        score_range=given.score_range,
        no_answer=given.no_answer,
        unaligned_share=1.0,  # a user's own gold is counted and reported, never refused for its offsets
        metrics=_METRICS[given.format],
        chance=labels or choices,
        max_tokens=given.max_tokens or (384 if given.format == "span_qa" else 128),
        url="the user who declared it",
        licence=given.licence,
        citation=given.citation,
        note="Declared by the recipe itself.",
    )


def _check(given: OwnTask, where: str) -> None:
    needs = {
        "labels": given.format in ("sentence_pair", "tagging"),
        "num_choices": given.format == "multiple_choice",
    }
    for key, needed in needs.items():
        if needed and not getattr(given, key):
            raise RecipeError(f"{where}.{key} is missing: a task of format '{given.format}' needs it")
        if not needed and getattr(given, key):
            raise RecipeError(f"{where}.{key} does not belong to format '{given.format}'; remove it")
    for split, file in given.files.items():
        _check_template(file, f"{where}.files.{split}")
        if len(given.languages) > 1 and "{lang}" not in file:
            raise RecipeError(
                f"{where}.files.{split}: '{file}' is one file for {len(given.languages)} languages; write {{lang}} "
                "where the language code stands"
            )
    for split, file in given.gold.items():
        _check_template(file, f"{where}.gold.{split}")
        if split not in given.files:
            raise RecipeError(
                f"{where}.gold.{split}: there is no split of that name under `files`"
                f"{suggestion(split, list(given.files))}; give its file, or remove it"
            )
        if given.format not in _GOLD_APART or (given.format == "tagging" and _is_table(given, split)):
            raise RecipeError(
                f"{where}.gold.{split}: gold that lies apart, a label a line, is not read for '{given.files[split]}' "
                f"of format '{given.format}'; put it into that file, and remove the key"
            )


def _check_template(file: str, where: str) -> None:
    try:
        fill(file, "en")
    except (LookupError, ValueError, AttributeError):
        raise RecipeError(
            f"{where}: '{file}' has braces that are not {{lang}}, which stands for the language code; write any other "
            "brace twice"
        ) from None


def _suffix(given: OwnTask, split: str) -> str:
    return PurePath(given.files[split].removesuffix(".gz")).suffix


def _is_table(given: OwnTask, split: str) -> bool:
    """A table of running text would be learned with its column names and braces; tags are word<TAB>tag in .tsv too."""
    suffix = _suffix(given, split)
    return bool(given.columns) or (suffix in _TABLES and (suffix == ".jsonl" or given.format == "masked_lm"))


def _reader(given: OwnTask, split: str, where: str) -> Reader:
    suffix = _suffix(given, split)
    kind = (given.format, suffix if (given.format, suffix) in _WHOLE_FILES else "")
    if kind in _WHOLE_FILES and not _is_table(given, split):
        return _WHOLE_FILES[kind]
    if suffix not in _TABLES or given.format not in _COLUMNS:
        raise RecipeError(
            f"{where}.files.{split}: '{given.files[split]}' is none of the files that a task of format "
            f"'{given.format}' can be read from ({', '.join(_TABLES)}); convert it"
        )
    return columns.Rows(_TABLES[suffix], _roles(_COLUMNS[given.format], given.columns, where))


def _roles(kind: Callable[..., Any], named: Mapping[str, Any], where: str) -> Any:
    known = get_type_hints(kind)
    for role in named:
        if role not in known:
            raise RecipeError(
                f"{where}.columns.{role}: unknown{suggestion(role, list(known))}; known here: {', '.join(known)}"
            )
    return kind(**{role: _given(column, known[role], f"{where}.columns.{role}") for role, column in named.items()})


def _given(column: Any, kind: Any, where: str) -> Any:
    """What stands in the recipe, as its role has it: in a text that should be a list, parts of it would be found."""
    if not where.endswith((".drop", ".names")):  # labels, which may be any text
        for text in column if isinstance(column, list) else [column]:
            if columns.broken_template(text):
                raise RecipeError(
                    f"{where}: '{text}' has a brace that belongs to no name of a column, and would stand in the text "
                    'of every example; write a template like "{context} {question}"'
                )
    try:
        return TypeAdapter(kind).validate_python(column)
    except ValidationError:
        kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
        wanted = " or ".join(_WRITTEN[get_origin(one) or one] for one in kinds)
        raise RecipeError(f"{where}: {column!r} does not belong there; write {wanted}") from None
