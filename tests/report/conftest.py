"""Run folders as a run leaves them: a tiny one whose numbers are worked out by hand, and one of realistic size."""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.evaluation.rows import Row, write_shard
from ds_stilts.evaluation.scores import scores_from_rows
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task


def _codes(text: str) -> list[str]:
    return text.split()


XNLI = _codes("ar bg de el en es fr hi ru th tr zh")
XQUAD = _codes("ar de en es vi zh")
UDPOS = _codes("af ar bg de el en es et fa fi fr he hi id it ja kk ko mr nl pt ru ta th tr ur vi tl zh")
PANX = _codes("af ar bg bn de el en es et fa fi fr he hi hu id it ja kk ko ml mr ms nl pt ru ta te tl tr ur vi zh")
TATOEBA = _codes("af ar bg bn de el es et fa fi fr he hi id it ja kk ko nl pt ru sw ta te th tl tr ur vi zh")

Scores = dict[str, Any]


def scores(
    arm: str, task: str, values: dict[str, dict[str, float]], *, metrics: list[str], format: str, **other: Any
) -> Scores:
    """One scores.json; `values` holds language → metric → percent, averages and score are filled in as a run does."""
    averages = {name: sum(value[name] for value in values.values()) / len(values) for name in metrics}
    score = (averages["f1"] + averages["exact_match"]) / 2 if format == "span_qa" else averages[metrics[0]]
    majority = other.pop("majority", {})
    return {
        "task": task,
        "title": other.pop("title", task.upper()),
        "arm": arm,
        "split": "test",
        "score_split_is_official": True,
        "metrics": metrics,
        "value_metrics": metrics if format == "span_qa" else metrics[:1],
        "format": format,
        "train": {"split": "train", "languages": ["en"], "examples": 7000, "steps": 437},
        "overlap": "none",
        "overlap_with": [],
        "notes": [],
        "languages": {
            code: {
                "metrics": value,
                "examples": 1000,
                "zero_shot": code != "en",
                "checksum": f"xxh3:{task}-{code}",
                **({"majority": {metrics[0]: majority[code]}} if code in majority else {}),
            }
            for code, value in values.items()
        },
        "averages": averages,
        "score": score,
        "layer": None,
        "pooling": None,
        "attention": "sdpa-grouped",
        "checkpoint": f"targets/{arm}/{task}/model",
        "seed": 1,
        "world": {"processes": 2, "zero_stage": 2, "dtype": "bf16"},
        **other,
    }


def write_scores(run_dir: Path, values: Scores) -> Path:
    path = run_dir / "targets" / values["arm"] / values["task"] / "scores.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def write_recipe(run_dir: Path, arms: dict[str, list[str] | None], targets: list[str]) -> None:
    phases = {arm: None if tasks is None else {"tasks": {task: {} for task in tasks}} for arm, tasks in arms.items()}
    recipe = {"name": run_dir.name, "seed": 1, "arms": phases, "targets": {target: {} for target in targets}}
    (run_dir / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    """Two arms, three targets, numbers that can be checked by hand.

    xnli   accuracy  none: en 80, de 60, th 40 (mean 60)    nli: en 82, de 63, th 34 (mean 59 2/3; +2, +3, −6; −1/3)
    xquad  f1/em     none: en 70/50, de 50/30 (mean 50)     nli: en 74/52, de 50/34 (mean 52.5; +3, +2; +2.5)
    paws   accuracy  none: en 90, de 80 (mean 85)           nli: en 95, de 85 (mean 90; +5), overlap identical (pawsx)
    """
    run_dir = tmp_path / "small"
    run_dir.mkdir()
    write_recipe(run_dir, {"none": None, "nli": ["mnli"]}, ["xnli", "xquad", "paws"])
    accuracy: dict[str, Any] = {"metrics": ["accuracy"], "format": "sentence_pair"}
    span: dict[str, Any] = {"metrics": ["f1", "exact_match"], "format": "span_qa"}

    def plain(**by_language: float) -> dict[str, dict[str, float]]:
        return {code: {"accuracy": value} for code, value in by_language.items()}

    def qa(**by_language: tuple[float, float]) -> dict[str, dict[str, float]]:
        return {code: {"f1": f1, "exact_match": em} for code, (f1, em) in by_language.items()}

    guess = {"en": 33.0, "de": 34.0, "th": 35.0}
    for item in (
        scores("none", "xnli", plain(en=80, de=60, th=40), majority=guess, **accuracy),
        scores("nli", "xnli", plain(en=82, de=63, th=34), majority=guess, **accuracy),
        scores("none", "xquad", qa(en=(70, 50), de=(50, 30)), **span),
        scores("nli", "xquad", qa(en=(74, 52), de=(50, 34)), **span),
        scores("none", "paws", plain(en=90, de=80), **accuracy),
        scores("nli", "paws", plain(en=95, de=85), overlap="identical", overlap_with=["pawsx"], **accuracy),
    ):
        write_scores(run_dir, item)
    return run_dir


@pytest.fixture
def baseline_only(tmp_path: Path) -> Path:
    """A run that was stopped after the first target of the baseline: no run.json, no metrics, no second arm."""
    run_dir = tmp_path / "unfinished"
    run_dir.mkdir()
    write_recipe(run_dir, {"none": None, "nli": ["mnli"]}, ["xnli", "xquad"])
    values = {"en": {"accuracy": 80.0}, "de": {"accuracy": 60.0}}
    write_scores(run_dir, scores("none", "xnli", values, metrics=["accuracy"], format="sentence_pair"))
    return run_dir


@pytest.fixture
def edit_scores() -> Callable[..., None]:
    """`edit_scores(run_dir, arm, task, change)` rewrites one scores.json after `change(values)`."""

    def edit(run_dir: Path, arm: str, task: str, change: Callable[[Scores], Any]) -> None:
        path = run_dir / "targets" / arm / task / "scores.json"
        values = json.loads(path.read_text(encoding="utf-8"))
        change(values)
        path.write_text(json.dumps(values), encoding="utf-8")

    return edit


@pytest.fixture
def full_run(tmp_path: Path) -> Path:
    return make_full_run(tmp_path / "phang-small")


def make_full_run(run_dir: Path) -> Path:
    """Three arms, six targets, 110 languages in all, with curves, stages and notes, as a finished run has them."""
    run_dir.mkdir(parents=True)
    draw = random.Random(7)
    arms: dict[str, list[str] | None] = {
        "none": None,
        "mnli_squad": ["mnli", "squad_v1"],
        "shuffled": ["mnli_shuffled"],
    }
    declared: dict[str, tuple[str, str, list[str], list[str]]] = {
        "xnli": ("XNLI", "sentence_pair", ["accuracy"], XNLI),
        "xquad": ("XQuAD", "span_qa", ["f1", "exact_match"], XQUAD),
        "udpos": ("UD-POS", "tagging", ["f1", "accuracy"], UDPOS),
        "panx": ("PAN-X (WikiANN)", "tagging", ["f1"], PANX),
        "tatoeba": ("Tatoeba", "retrieval", ["accuracy"], TATOEBA),
        "tydiqa": ("TyDiQA-GoldP", "span_qa", ["f1", "exact_match"], ["en"]),
    }
    write_recipe(run_dir, arms, list(declared))
    level = {"xnli": 55.0, "xquad": 38.0, "udpos": 62.0, "panx": 48.0, "tatoeba": 30.0, "tydiqa": 33.0}
    gain = {"none": 0.0, "mnli_squad": 1.6, "shuffled": -0.9}
    overlap = {("mnli_squad", "xnli"): ["mnli"], ("mnli_squad", "xquad"): ["squad_v1"]}
    base: dict[tuple[str, str], float] = {}
    for arm in arms:
        for task, (title, format, metrics, languages) in declared.items():
            values = {}
            for code in languages:
                start = level[task] + draw.gauss(0, 9) + (14 if code == "en" else 0)
                base.setdefault((task, code), start)
                shift = gain[arm] + (draw.gauss(0, 2.2) if gain[arm] else 0) + (4 if (arm, task) in overlap else 0)
                f1 = round(base[task, code] + shift, 2)
                values[code] = {name: f1 if i == 0 else round(f1 * 0.83, 2) for i, name in enumerate(metrics)}
            other: dict[str, Any] = {"title": title}
            if task == "xnli":
                other["majority"] = {code: 33.4 for code in languages}
            if (arm, task) in overlap:
                other |= {"overlap": "identical", "overlap_with": overlap[arm, task]}
            if format == "retrieval":
                note = "phase 1 saw parallel text (ntrex)"
                other |= {"train": None, "layer": 8, "pooling": "mean", "notes": [note]}
            if task == "tydiqa":
                other |= {"split": "dev", "score_split_is_official": True}
            write_scores(run_dir, scores(arm, task, values, metrics=metrics, format=format, **other))
    for folder, tasks, start, end, steps in (
        ("start", ["text", "ntrex"], 9.6, 3.4, 2000),
        ("arms/mnli_squad", ["mnli", "squad_v1"], 1.9, 0.8, 900),
        ("arms/shuffled", ["mnli_shuffled"], 1.2, 1.09, 900),
    ):
        lines = []
        for step in range(10, steps + 1, 10):
            losses = {
                task: end + (1 + 0.3 * i) * (start - end) * math.exp(-4 * step / steps) + draw.gauss(0, 0.05 * start)
                for i, task in enumerate(tasks)
            }
            record = {"step": step, "loss": sum(losses.values()) / len(losses), "lr": 1e-4, "grad_norm": 1.0}
            lines.append(json.dumps(record | {"tokens_per_s": 5200.0, "losses": losses, "elapsed_s": step * 0.4}))
        (run_dir / folder).mkdir(parents=True, exist_ok=True)
        (run_dir / folder / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pretrain = {"tasks": ["text", "ntrex"], "parallel_text": True}
    (run_dir / "start" / "pretrain.json").write_text(json.dumps(pretrain), encoding="utf-8")
    stages = [
        "start",
        "arms/mnli_squad",
        "arms/shuffled",
        *(f"targets/{arm}/{task}" for arm in arms for task in declared),
    ]
    info = {
        "name": run_dir.name,
        "fingerprint": "0f3a9c41d2b87e65",
        "command": ["ds-stilts", "run", "phang small.yaml", "--set", "seed=1"],
        "started": "2026-11-20T14:00:00+00:00",
        "finished": "2026-11-20T15:12:09+00:00",
        "wall_s": 4329.0,
        "versions": {"ds_stilts": "0.1.0", "torch": "2.13.0", "deepspeed": "0.19.8", "transformers": "5.23.0"},
        "machine": {"cores": 2, "accelerator": "cpu", "processes": 2},
        "stages": [{"stage": stage, "wall_s": 60.0 + 7.3 * i, "done": True} for i, stage in enumerate(stages)],
    }
    (run_dir / "run.json").write_text(json.dumps(info), encoding="utf-8")
    return run_dir


NLI_LANGUAGES = ("en", "de", "th")


@pytest.fixture
def run_with_rows(tmp_path: Path) -> Path:
    """Two arms on XNLI with the prediction rows behind their scores: 300 items in each of three languages, 30 of which
    the arm "nli" answers otherwise than "none"."""
    run_dir = tmp_path / "rows"
    run_dir.mkdir()
    write_recipe(run_dir, {"none": None, "nli": ["mnli"]}, ["xnli"])
    for arm in ("none", "nli"):
        write_rows(run_dir, arm, get_task("xnli"))
    return run_dir


def write_rows(run_dir: Path, arm: str, task: Task) -> None:
    """Rows of one arm, and the scores that the evaluation makes of them."""
    folder = run_dir / "targets" / arm / task.name / "predictions"
    for code in NLI_LANGUAGES:
        draw = random.Random(code)
        right = [draw.random() < 0.6 for _ in range(300)]
        if arm != "none":
            right = [not one if index % 10 == 0 else one for index, one in enumerate(right)]
        rows = [
            Row(
                task=task.name, language=code, split="test", id=str(index), index=index,
                gold=json.dumps(task.labels[0]), prediction=json.dumps(task.labels[0 if one else 1]), score=1.0,
                tokens=9, zero_shot=code != "en", confidence=0.75,
            )
            for index, one in enumerate(right)
        ]  # fmt: skip
        write_shard(rows, folder, code, 0)
    made = scores_from_rows(task, list(NLI_LANGUAGES), folder)
    values = {code: cell["metrics"] for code, cell in made["languages"].items()}
    written = scores(arm, task.name, values, metrics=["accuracy"], format=task.format)
    for code, cell in written["languages"].items():
        cell |= made["languages"][code]
    write_scores(run_dir, {**written, "interval": made["interval"]})
