"""Intervals of the differences between arms, from the prediction rows of both.

Invariants: the languages of a difference are those that `summary` compares. Rows that are not there (a run folder of an
older version, or one without its predictions), or that make another value than the stored one (scored again since),
mean no interval, never an error.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ds_stilts.errors import RecipeError
from ds_stilts.evaluation.confidence import Intervals, paired_intervals, read_tally
from ds_stilts.recipe import OwnTask, Part
from ds_stilts.report.collect import Run, Scores
from ds_stilts.report.summary import STORED_SCORE_TOLERANCE, language_score, why_not_comparable
from ds_stilts.statistics.bootstrap import Tally
from ds_stilts.tasks import get_task
from ds_stilts.tasks.custom import own_task
from ds_stilts.tasks.part import part
from ds_stilts.tasks.task import Task


def difference_intervals(run: Run) -> dict[tuple[str, str], Intervals]:
    """By (arm, target): intervals of arm minus baseline, of each compared language and of their mean."""
    found = {}
    for target in run.targets:
        arms = [arm for arm in run.arms if (arm, target) in run.scores]
        task = _task(target, run.recipe)
        if task is None or run.baseline not in arms or len(arms) == 1:
            continue
        theirs = run.scores[run.baseline, target]
        baseline = _tallies(task, run, theirs, list(theirs.languages))
        for arm in arms:
            if arm == run.baseline:
                continue
            ours = run.scores[arm, target]
            shared = [code for code in ours.languages if code in theirs.languages]
            compared = [code for code in shared if not why_not_comparable(ours, theirs, code)]
            found[arm, target] = paired_intervals(_tallies(task, run, ours, compared), baseline)
    return found


def _tallies(task: Task, run: Run, scores: Scores, languages: list[str]) -> dict[str, Tally | None]:
    """None for a language whose rows do not stand behind its scores."""
    folder = run.dir / "targets" / scores.arm / scores.task / "predictions"
    return {code: _tally(task, folder, scores, code) for code in languages}


def _tally(task: Task, folder: Path, scores: Scores, code: str) -> Tally | None:
    if not any(folder.glob(f"{code}-*.parquet")):
        return None
    tally, stored = read_tally(task, folder, code), language_score(scores.languages[code].metrics, scores)
    if tally is None or stored is None or abs(tally.value() - stored) > STORED_SCORE_TOLERANCE:
        return None
    return tally


def _task(name: str, recipe: Mapping[str, Any]) -> Task | None:
    """The task of the catalogue or of the recipe; None where this version knows it no longer."""
    try:
        own, of = ((recipe.get(key) or {}).get(name) for key in ("tasks", "parts"))
        if of:
            declared = Part.model_validate(of)
            return part(name, get_task(declared.of), declared.where)
        return own_task(name, OwnTask.model_validate(own)) if own else get_task(name)
    except (RecipeError, ValidationError):
        return None
