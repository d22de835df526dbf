"""A run's stored predictions as the folder and the zip file that XTREME takes: `<task>/test-<language>.<extension>`.

Everything is put together and checked before anything is written: that no language is missing, that rows are of the
benchmark's split and as many as published, and that every prediction is one that could be right. What a model wrote
that is no answer stays in its place, as `ILLEGAL`, and counts as wrong.
"""

import json
import zipfile
from collections.abc import Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.evaluation.benchmarks import Benchmark
from ds_stilts.evaluation.layout import as_text, file_name
from ds_stilts.evaluation.rows import read_rows
from ds_stilts.evaluation.validation import strange
from ds_stilts.tasks.task import Task

ILLEGAL = "_"
"""Stands where a model wrote no label: no task has it."""

Rows = Seq[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Files that passed every check, not written yet."""

    files: Mapping[str, str]
    """Text by path within the folder."""
    missing: list[str]
    """Tasks of the benchmark that the run has no scores of."""


def make_submission(
    run_dir: Path, benchmark: Benchmark, *, arm: str | None = None, bucc_dev: Path | None = None
) -> Submission:
    """Turn the prediction rows of one arm of a run into files.

    Args:
        arm: which arm; None where the run has one only.
        bucc_dev: a run that scored bucc2018 on its sample set ("dev"), under the same arm: the margin from which a
            pair counts is tuned there, language by language.

    Raises:
        DataError: no such run or arm, no task of the benchmark, a language missing, another split, a number of
            examples that is not the published one, or predictions that cannot be right.
    """
    folder = run_dir / "targets" / _arm(run_dir, arm)
    scored = {task.name: task for task in benchmark.tasks() if (folder / task.name / "scores.json").is_file()}
    if not scored:
        raise DataError(f"{folder} has no scores of a task of {benchmark.title}; score its targets with the run first.")
    files: dict[str, str] = {}
    for task in scored.values():
        languages = json.loads((folder / task.name / "scores.json").read_text(encoding="utf-8"))["languages"]
        if absent := [code for code in benchmark.languages(task) if code not in languages]:
            raise DataError(
                f"{folder / task.name} has no predictions of {', '.join(absent)}, and {benchmark.title} takes a task "
                "with all its languages only; score them, or submit a run without this target."
            )
        for language in benchmark.languages(task):
            where = folder / task.name / "predictions"
            rows: Rows = read_rows(where, language)
            _check(rows, task, language, where)
            if task.format == "mining":
                rows = _kept(rows, language, where, bucc_dev and bucc_dev / "targets" / folder.name)
            files[f"{task.name}/{file_name(task, language)}"] = as_text(task, content(rows, task, language))
    return Submission(files=files, missing=[task.name for task in benchmark.tasks() if task.name not in scored])


def write_submission(submission: Submission, out: Path) -> list[Path]:
    """Write the folder `out` and, beside it, a zip file of it; returns both paths.

    Raises:
        DataError: one of them is there already, or cannot be written.
    """
    packed = out.with_name(f"{out.name}.zip")
    for path in (out, packed):
        if path.exists():
            raise DataError(f"{path} is there already; remove it, or give another folder with --out.")
    try:
        for name, text in submission.files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        with zipfile.ZipFile(packed, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, text in submission.files.items():
                # an entry made from its name alone bears no time, so that equal predictions make equal files
                entry = zipfile.ZipInfo(f"{out.name}/{name}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, text)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror}); give another folder with --out.") from None
    return [out, packed]


def content(rows: Rows, task: Task, language: str) -> Any:
    """What the reader of the task's format would give of these rows' file."""
    said = [row["prediction"] if row["legal"] else _illegal(row["prediction"], task) for row in rows]
    if task.format == "retrieval":
        return [text.removeprefix(f"{language}-") for text in said]
    if task.format == "mining":
        return [(row["id"], target) for row, target in zip(rows, said, strict=True)]
    if task.format not in ("span_qa", "ranking"):
        return said
    answers: dict[str, Any] = {}
    for row, answer in zip(rows, said, strict=True):
        # a file's second question of the same id is "ID#2" in rows; the benchmark knows one answer for both
        first = row["id"].rpartition("#")[0]
        if first not in answers:
            answers[row["id"]] = answer
    return answers


def _illegal(prediction: Any, task: Task) -> Any:
    """An illegal prediction as it is written: no label may be a blank line, which could end a sentence."""
    if task.format == "tagging":
        return [tag or ILLEGAL for tag in prediction]
    return (prediction or ILLEGAL) if task.format == "sentence_pair" else prediction


def _arm(run_dir: Path, arm: str | None) -> str:
    arms = sorted({path.parts[-3] for path in run_dir.glob("targets/*/*/scores.json")})
    if not arms:
        raise DataError(f"{run_dir} has no scored target; give the folder of a run, the one that holds recipe.yaml.")
    if arm is None and len(arms) > 1:
        raise DataError(f"{run_dir} has the arms {', '.join(arms)}, and a submission is of one; name it with --arm.")
    if arm is not None and arm not in arms:
        raise DataError(f"{run_dir} has no scored target of arm '{arm}'; it has: {', '.join(arms)}.")
    return arm or arms[0]


def _check(rows: Rows, task: Task, language: str, where: Path) -> None:
    """Raise the DataError of rows that are not a whole official split of predictions that could be right."""
    at = f"{where}, language '{language}'"
    if splits := {row["split"] for row in rows} - {task.score_split}:
        raise DataError(
            f"{at}: the predictions are of split '{splits.pop()}', and the benchmark's is '{task.score_split}'; score "
            "that one."
        )
    expected = task.split(task.score_split).published_count(language) or len(rows)
    in_lines = task.format in ("sentence_pair", "tagging", "multiple_choice", "retrieval")
    if len(rows) != expected or (in_lines and [row["index"] for row in rows] != list(range(len(rows)))):
        raise DataError(
            f"{at}: {len(rows)} examples are predicted, {max(row['index'] for row in rows) + 1} lie in the file and "
            f"{expected} are published; score the whole official file (without max_score_examples)."
        )
    legal = [row for row in rows if row["legal"]]
    found = list(strange(task, language, content(legal, task, language))) if task.format != "mining" else []
    if found:
        raise DataError(
            f"{at}: {len(found)} predictions cannot be right, the first: {found[0][1]}; score the target again."
        )


def _kept(rows: Rows, language: str, where: Path, dev: Path | None) -> Rows:
    """The mined pairs with at least the margin that is best on the sample set."""
    from ds_stilts.formats.mining import threshold_of

    if dev is None:
        raise DataError(
            f"{where}: which pairs count depends on a margin, which is tuned on the sample set; score bucc2018 with "
            "score_split: dev in a run of its own, and name that with --bucc-dev."
        )
    folder = dev / "bucc2018" / "predictions"
    sample = read_rows(folder, language) if any(folder.glob(f"{language}-*")) else []
    if {row["split"] for row in sample} != {"dev"}:
        raise DataError(f"{folder} has no predictions of split 'dev', language '{language}'; score it in that run.")
    threshold = threshold_of(sample)
    return [row for row in rows if row["prediction"] is not None and row["score"] >= threshold]
