"""Folders in XTREME's layout, made up with a seed: labels, and predictions of which most are right.

`python -m tests.evaluation.folders DIR NAME SEED SIZE` writes one, to be scored by other programs as well.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from ds_stilts.evaluation.benchmarks import get_benchmark
from ds_stilts.evaluation.layout import file_name
from ds_stilts.tasks.declaration import words
from ds_stilts.tasks.task import Task

WORDS = words(
    "the a an The cat's U.S.A. 1,000 ein der des Haus größe là những của một la las el niño في البيت الكتاب ال दिल्ली में "
    "१९४७ 北京 北京市，中国 １９９８ «été» θάλασσα ไทย -- . l\u0061\u0300 grö\u0308ße"
)
"""Articles, punctuation and scripts that the normalisers treat differently."""
RIGHT = 0.7
"""Share of predictions that are the gold."""

Sides = tuple[str, str]
"""Texts of the label file and of the prediction file."""


def write_folder(root: Path, name: str, seed: int, size: int) -> tuple[Path, Path]:
    """Write a whole benchmark, `size` examples a language, and return the folders of predictions and labels."""
    return write_sized(root, name, seed, lambda task, language: size)


def write_sized(root: Path, name: str, seed: int, size: Callable[[Task, str], int]) -> tuple[Path, Path]:
    """As `write_folder`, with a size for each task and language."""
    benchmark = get_benchmark(name)
    for task in benchmark.tasks():
        for language in benchmark.languages(task):
            draw = Random(f"{seed} {task.name} {language}")
            sides = _MAKERS[task.format](draw, task, language, size(task, language))
            for folder, text in zip(("labels", "predictions"), sides, strict=True):
                path = root / folder / task.name / file_name(task, language)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    return root / "predictions", root / "labels"


def _classes(draw: Random, task: Task, language: str, size: int) -> Sides:
    golds = draw.choices(task.labels, k=size)
    return _lines(golds), _lines([_guess(draw, gold, task.labels) for gold in golds])


def _places(draw: Random, task: Task, language: str, size: int) -> Sides:
    golds = draw.sample(range(size), k=size)
    return _lines(golds), _lines([_guess(draw, gold, range(size)) for gold in golds])


def _choices(draw: Random, task: Task, language: str, size: int) -> Sides:
    numbers = range(task.num_choices)
    golds = draw.choices(numbers, k=size)
    return tuple(_lines([json.dumps({"idx": place, "label": label}) for place, label in enumerate(side)])
                 for side in (golds, [_guess(draw, gold, numbers) for gold in golds]))  # fmt: skip


def _tags(draw: Random, task: Task, language: str, size: int) -> Sides:
    golds = [draw.choices(task.labels, k=draw.randint(1, 30)) for _ in range(size)]
    guesses = [[_guess(draw, tag, task.labels) for tag in tags] for tags in golds]
    return tuple("\n".join(map(_lines, side)) for side in (golds, guesses))


def _mined(draw: Random, task: Task, language: str, size: int) -> Sides:
    golds = [(f"{language}-{place:09}", f"en-{draw.randrange(10**9):09}") for place in range(size)]
    guesses = [_guess(draw, ids, golds) for ids in golds]
    wrong = [(source, target) for (source, _), (_, target) in zip(golds[::5], golds[1::5], strict=False)]
    return tuple(_lines(["\t".join(ids) for ids in side]) for side in (golds, guesses + wrong))


def _answers(draw: Random, task: Task, language: str, size: int) -> Sides:
    golds = {f"q{place}": [_text(draw) for _ in range(draw.randint(1, 3))] for place in range(size)}
    guesses = {
        id: _guess(draw, draw.choice(texts), [_text(draw)]) for id, texts in golds.items() if draw.random() < 0.97
    }
    asked = [
        {"id": id, "answers": [{"text": text, "answer_start": 0} for text in texts]} for id, texts in golds.items()
    ]
    half = size // 2
    return json.dumps({"data": [{"paragraphs": [{"qas": asked[:half]}, {"qas": asked[half:]}]}]}), json.dumps(
        guesses, ensure_ascii=False
    )


def _rankings(draw: Random, task: Task, language: str, size: int) -> Sides:
    pool = [f"Q{place}" for place in range(60)]
    golds = {f"m{place}": draw.sample(pool, k=1 if task.name == "mewslix" else 11) for place in range(size)}
    guesses = {id: draw.choices(pool, k=25) for id in golds if draw.random() < 0.97}
    return json.dumps(golds), json.dumps(guesses)


def _text(draw: Random) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(1, 5)))


def _guess(draw: Random, gold: Any, others: Any) -> Any:
    return gold if draw.random() < RIGHT else draw.choice(others)


def _lines(values: Any) -> str:
    return "".join(f"{value}\n" for value in values)


_MAKERS: dict[str, Callable[[Random, Task, str, int], Any]] = {
    "sentence_pair": _classes,
    "retrieval": _places,
    "multiple_choice": _choices,
    "tagging": _tags,
    "mining": _mined,
    "span_qa": _answers,
    "ranking": _rankings,
}

if __name__ == "__main__":
    write_folder(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
