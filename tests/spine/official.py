"""A start model and a few lines of every file that a small real recipe reads, in official layouts, and the program."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from ds_stilts.engine.failpoints import VARIABLE
from tests.small import tokenizer, xlmr

PROGRAM = [sys.executable, "-m", "ds_stilts"]
LABELS = ("contradiction", "entailment", "neutral")
RECIPE = """
name: tiny
start: {model: MODEL}
training: {epochs: 1, batch_examples: 4, lr: 1.0e-3, log_every: 1}
arms:
  none: null
  qa: {tasks: {squad_v1: {}}}
targets:
  xnli: {}
engine: {config: zero2_fp32, processes: 1}
"""


def write_model(folder: Path, *, rows: int = 32) -> None:
    """A random XLM-R whose embedding has `rows` rows, for a tokenizer of 32 pieces."""
    xlmr(vocabulary=rows, max_tokens=64).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def write_data(root: Path) -> None:
    """SQuAD 1.1 and XNLI with English training data and two test languages."""
    context = "the cat sat on the mat"
    questions = [
        {"id": f"q{n}", "question": f"what sat {'on ' * n}", "answers": [{"text": "cat", "answer_start": 4}]}
        for n in range(6)
    ]
    squad = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": questions}]}]}
    _write(root / "squad" / "train-v1.1.json", json.dumps(squad))
    pairs = [f"a man sleeps {'so ' * n}\the rests {'very ' * n}" for n in range(9)]
    gold = [LABELS[n % 3] for n in range(9)]
    _write(root / "xnli" / "train-en.tsv", _lines(f"{pair}\t{label}" for pair, label in zip(pairs, gold, strict=True)))
    for language in ("en", "de"):
        _write(root / "xnli" / f"test-{language}.tsv", _lines(pairs))
        _write(root / "labels" / "xnli" / f"test-{language}.tsv", _lines(gold))


def ds_stilts(
    *arguments: str, cwd: Path, program: list[str] | None = None, fail: str = "", timeout_s: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder of its own, on one thread; `fail` is what `engine.failpoints` is told."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [*(program or PROGRAM), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, cwd=cwd, env={**environment, VARIABLE: fail}
    )


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
