"""Studies whose rows were written with known effects: by the real row writer, in the layout that a study leaves.

An item of a cell is right with a probability that is the sum of a level of its language, the planted effect of the arm,
what the seed adds to every arm and what it adds to this arm alone. Items keep their easiness over arms and languages.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ds_stilts.evaluation.rows import Origin, Row, write_shard
from ds_stilts.recipe import Recipe
from ds_stilts.studies.cells import STUDY, Cell, all_cells, stage_folders
from ds_stilts.studies.expand import expand
from ds_stilts.studies.guards import arm_recipes, labels_seen
from ds_stilts.studies.study import Study
from ds_stilts.studies.study_file import check_study
from ds_stilts.synthetic.languages import SOURCE, distance
from ds_stilts.tasks import get_task
from tests.studies.worlds import values

Effect = Callable[[str, str, str], float]
"""From arm, target and language to points that are added."""
Confidence = Callable[[str, str, str], float | None]
"""From arm, target and language to the probability that every answer is given; None: none is."""

LANGUAGES = ("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh")
LEVEL = {"aa": 80.0, "bb": 70.0, "ff": 70.0, "hh": 65.0, "dd": 60.0, "cc": 50.0, "gg": 50.0, "ee": 45.0}
TARGETS: dict[str, Any] = {"synth_nli": {}, "synth_choice": {}}


def planted_study(**changes: Any) -> Study:
    """Targets of classes and choices in all made-up languages, six seeds, and arms with nothing, gains and losses."""
    shape = {
        "arms__harm": {"intermediate": {"tasks": {"synth_qa": {"max_examples": 60}}}},
        "targets": TARGETS,
        "seeds": {"intermediate": [1, 2, 3, 4, 5, 6]},
        "statistics__resamples": 400,
    }
    return check_study(values(**{**shape, **changes}), source="study.yaml", folder=Path())


def qa_gains_harm_loses(arm: str, target: str, language: str) -> float:
    """Question answering adds 7 points, less 1.5 for each switch of the grammar; "harm" takes 5; "shuffled" nothing."""
    return {"qa": 7.0 - 1.5 * distance(SOURCE, language), "harm": -5.0}.get(arm, 0.0)


def nothing(arm: str, target: str, language: str) -> float:
    return 0.0


def unsaid(arm: str, target: str, language: str) -> None:
    return None


def plant(
    folder: Path,
    study: Study,
    effect: Effect = nothing,
    *,
    items: int = 200,
    seed_sd: float = 1.0,
    draw_seed: int = 0,
    confidence: Confidence = unsaid,
    skip: Callable[[Cell], bool] = lambda cell: False,
) -> Path:
    """Write a study's folder.

    Args:
        seed_sd: standard deviation over seeds of an arm's own level, in points.
        skip: cells that are not done yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STUDY).write_text(yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    draw = np.random.default_rng(draw_seed)
    runs = expand(study)
    recipes = arm_recipes(runs)
    common = {seed: 1.5 * draw.normal() for seed in study.seeds.intermediate}
    easy = {target: draw.random(items) for target in study.targets}
    for cell in all_cells(study, folder):
        own = common[cell.seed.intermediate] + seed_sd * draw.normal()
        if not skip(cell):
            _write_cell(cell, recipes[cell.arm], easy[cell.target], own, effect, confidence, draw)
    for run, stage, place in stage_folders(study, folder):
        if (place / "DONE").exists() or not stage.startswith("targets/"):
            place.mkdir(parents=True, exist_ok=True)
            (place / "ledger.json").write_text(json.dumps(_ledger(run.recipe, stage)))
            (place / "DONE").write_text(json.dumps({"wall_s": 3.0}))
    return folder


def log(stage: Path, *lines: dict[str, Any], torn: str = "") -> None:
    """What a stage's training recorded, as its `metrics.jsonl`.

    Args:
        torn: a last line that a killed process left unfinished.
    """
    (stage / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + torn)


def _write_cell(
    cell: Cell,
    recipe: Recipe,
    easy: np.ndarray,
    own: float,
    effect: Effect,
    confidence: Confidence,
    draw: np.random.Generator,
) -> None:
    task = get_task(cell.target)
    seen = labels_seen(recipe, cell.arm, cell.target)
    wanted = recipe.targets[cell.target].score_languages or LANGUAGES
    answers = list(task.labels or range(task.num_choices))
    scored: dict[str, float] = {}
    for language in wanted:
        level = LEVEL[language] + effect(cell.arm, cell.target, language) + own + 0.5 * draw.normal()
        # Half of what decides an item is its own easiness, shared by all; the other half is drawn anew.
        right = 0.5 * easy + 0.5 * draw.random(len(easy)) < _threshold(level / 100)
        rows = [
            Row(
                task=cell.target,
                language=language,
                split="test",
                id=f"{cell.target}-{place}",
                index=place,
                gold=json.dumps(answers[place % len(answers)]),
                prediction=json.dumps(answers[(place + (0 if good else 1)) % len(answers)]),
                score=1.0,
                tokens=12,
                zero_shot=language not in seen,
                confidence=confidence(cell.arm, cell.target, language),
            )
            for place, good in enumerate(right)
        ]
        write_shard(rows, cell.folder / "predictions", language, 0, Origin(made_by="planted", num_rows=len(rows)))
        scored[language] = 100 * float(right.mean())
    facts = {
        "task": task.name,
        "format": task.format,
        "split": "test",
        "metrics": list(task.metrics),
        "value_metrics": list(task.value_metrics),
        "train": {"languages": ["aa"]},
        "languages": {
            code: {"metrics": {"accuracy": value}, "examples": len(easy), "random": {"accuracy": 100 / len(answers)}}
            for code, value in scored.items()
        },
        "score": float(np.mean(list(scored.values()))),
    }
    (cell.folder / "scores.json").write_text(json.dumps(facts))
    (cell.folder / "DONE").write_text(json.dumps({"wall_s": 4.0}))


def _threshold(share: float) -> float:
    """The value that the mean of two uniform numbers lies below with this probability (triangular distribution)."""
    share = min(max(share, 0.0), 1.0)
    return float((share / 2) ** 0.5 if share <= 0.5 else 1 - ((1 - share) / 2) ** 0.5)


def _ledger(recipe: Recipe, stage: str) -> dict[str, Any]:
    trains = stage != "start"
    return {
        "steps": 4 if trains else 0,
        "examples": 32 if trains else 0,
        "tokens": 1000 if trains else 0,
        "flops": 1e9 if trains else 0.0,
        "scored_examples": 100,
        "scored_tokens": 1200,
        "scoring_flops": 1e8,
        "wall_s": 4.0,
        "device_s": 4.0,
        "energy_j": None,
    }
