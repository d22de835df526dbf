"""A study's folder as evidence: for every arm, target and seed the sums behind each language's value, from its rows.

Invariants: no score is taken from a stored file; a stored one that disagrees with its rows is a problem that is
reported. A cell that is missing, half done or damaged is told in words and left out; everything else counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa

from ds_stilts.errors import DataError
from ds_stilts.evaluation.calibration import calibration
from ds_stilts.evaluation.confidence import tally
from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats import get_format
from ds_stilts.plan import score_splits
from ds_stilts.recipe import Recipe
from ds_stilts.statistics.bootstrap import Tally
from ds_stilts.studies.cells import Cell, all_cells, read_study
from ds_stilts.studies.expand import StudyRun, expand
from ds_stilts.studies.guards import arm_recipes
from ds_stilts.studies.study import Study
from ds_stilts.tasks import declare_own, get_task
from ds_stilts.tasks.task import Task

STORED_SCORE_TOLERANCE = 0.005
"""Half a unit of the second decimal that reports show."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """One target of one arm with one pair of seeds, from its rows."""

    values: Mapping[str, float]
    """By language, in percent."""
    tallies: Mapping[str, Tally | None]
    """What each value is made of; None where it is not made of sums over items."""
    calibration: Mapping[str, float]
    """By language, expected calibration error in percent; only of languages whose rows have a confidence."""
    zero_shot: Mapping[str, bool]
    """By language, as the rows have it."""
    splits: Mapping[str, str]
    num_examples: int
    dev: float | None
    """Best value of a validation while it was trained; None where nothing was validated."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """All that a study's folder holds so far."""

    folder: Path
    study: Study
    runs: tuple[StudyRun, ...]
    recipes: Mapping[str, Recipe]
    """By arm, that of the first seed."""
    cells: tuple[Cell, ...]
    """All that were planned."""
    scored: Mapping[tuple[str, str], Mapping[int, tuple[Scored, ...]]]
    """By arm and target, then by intermediate seed: one of each target seed. A seed of which one is missing is not
    there, since seeds are paired as a whole."""
    problems: tuple[str, ...]
    """Rows that cannot be read, and stored scores that their rows do not give."""

    def seeds(self, arm: str, target: str) -> set[int]:
        """Intermediate seeds that are whole."""
        return set(self.scored.get((arm, target), {}))

    def languages(self, target: str) -> tuple[str, ...]:
        """Languages that every scored cell of a target has, in the task's order."""
        found = self._scored_languages(target)
        common = set.intersection(*found) if found else set()
        order = get_task(target).languages
        return tuple(sorted(common, key=lambda code: (order.index(code) if code in order else len(order), code)))

    def uneven_languages(self, target: str) -> tuple[str, ...]:
        """Languages that some scored cells of a target have and others lack."""
        return tuple(sorted(set().union(*self._scored_languages(target)) - set(self.languages(target))))

    def _scored_languages(self, target: str) -> list[set[str]]:
        seeds = [self.scored.get((arm, target), {}) for arm in self.study.arms]
        return [set(one.values) for own in seeds for seed in own.values() for one in seed]

    def value(self, arm: str, target: str, seed: int, language: str) -> float:
        """In percent, the mean over the seed's target seeds."""
        return fmean(one.values[language] for one in self.scored[arm, target][seed])

    def dev(self, arm: str, target: str, seed: int) -> float | None:
        """What the arms of a target may be chosen by: its best look, in percent, the mean over the seed's target seeds;
        None where nothing was looked at, or what was looked at is scored."""
        wanted = self.recipes[arm].targets[target]
        if wanted.validation and wanted.validation.split in score_splits(wanted, get_task(target)):
            return None
        values = [one.dev for one in self.scored[arm, target][seed]]
        return None if None in values else fmean(value for value in values if value is not None)

    def tally(self, arm: str, target: str, seed: int, language: str) -> Tally | None:
        """The sums behind `value`; None where there are none, or target seeds were scored on different items."""
        found = [one.tallies[language] for one in self.scored[arm, target][seed]]
        first = found[0]
        if first is None or len(found) == 1:
            return first
        if any(one is None or not np.array_equal(one.ids, first.ids) for one in found):
            return None
        # A tally's value is the mean over its axis M of metrics: target seeds are stacked there.
        sides = (np.concatenate([getattr(one, side) for one in found], axis=1) for side in ("over", "under"))
        over, under = sides
        return Tally(ids=first.ids, over=over, under=under)


def read_evidence(folder: Path) -> Evidence:
    """Read a study's folder.

    Raises:
        DataError: it holds no study, or the study has no rows yet.
    """
    study = read_study(folder)
    runs = tuple(expand(study))
    declare_own(runs[0].recipe.tasks, runs[0].recipe.parts)
    cells = tuple(all_cells(study, folder))
    read: dict[Path, Scored] = {}
    ids: dict[tuple[str, str], np.ndarray] = {}
    problems: list[str] = []
    found: dict[tuple[str, str], dict[int, list[Scored]]] = {}
    for cell in (one for one in cells if one.is_done):
        place = cell.folder.resolve()  # a stage that several studies or seeds share is read once
        if place not in read:
            try:
                read[place] = _read(cell, problems, ids)
            except (DataError, pa.ArrowInvalid, OSError) as error:
                problems.append(f"{_name(cell)} is left out: {' '.join(str(error).split())}")
                continue
        found.setdefault((cell.arm, cell.target), {}).setdefault(cell.seed.intermediate, []).append(read[place])
    if not found:
        raise DataError(
            f"{folder} has no scored target of study '{study.study}' ({study.size}) yet, so there is nothing to "
            "report; run `ds-stilts study run` first"
        )
    whole = study.seeds.targets_each
    return Evidence(
        folder=folder,
        study=study,
        runs=runs,
        recipes=arm_recipes(runs),
        cells=cells,
        scored={
            key: {seed: tuple(own) for seed, own in seeds.items() if len(own) == whole} for key, seeds in found.items()
        },
        problems=tuple(problems),
    )


def _read(cell: Cell, problems: list[str], ids: dict[tuple[str, str], np.ndarray]) -> Scored:
    """One cell.

    Args:
        ids: by target and language those of the first cell; equal ones are held once, as they are most of what a tally
            holds.
    """
    task, folder = get_task(cell.target), cell.folder / "predictions"
    languages = sorted({path.stem.rpartition("-")[0] for path in folder.glob("*.parquet")})
    if not languages:
        raise DataError(f"{folder} holds no prediction rows; score the target again (`ds-stilts study run`)")
    rows = {language: read_rows(folder, language) for language in languages}
    tallies = {language: tally(task, own, language) for language, own in rows.items()}
    for language, sums in tallies.items():
        if sums is not None:
            first = ids.setdefault((cell.target, language), sums.ids)
            tallies[language] = replace(sums, ids=first) if np.array_equal(first, sums.ids) else sums
    values = {language: _value(task, rows[language], language, tallies[language]) for language in languages}
    scores = cell.scores()
    problems += [f"{_name(cell)}: {text}, which is reported" for text in _disagreements(scores, values, task)]
    return Scored(
        values=values,
        tallies=tallies,
        calibration={
            language: error
            for language, own in rows.items()
            if (error := calibration(task, own).get("ece")) is not None
        },
        zero_shot={language: bool(own[0]["zero_shot"]) for language, own in rows.items()},
        splits={language: str(own[0]["split"]) for language, own in rows.items()},
        num_examples=sum(map(len, rows.values())),
        dev=((scores.get("train") or {}).get("validation") or {}).get("value"),
    )


def _value(task: Task, rows: list[dict[str, Any]], language: str, sums: Tally | None) -> float:
    if sums is not None:
        return sums.value()
    metrics = get_format(task.format).score(rows, task, language)
    return fmean(metrics[name] for name in task.value_metrics)


def _disagreements(scores: dict[str, Any], values: Mapping[str, float], task: Task) -> list[str]:
    """Where stored scores are not those of the rows: in which languages, or else in the mean over them."""
    found = []
    for language, value in values.items():
        metrics = (scores["languages"].get(language) or {}).get("metrics") or {}
        stored = [float(metrics[name]) for name in task.value_metrics if _is_number(metrics.get(name))]
        if len(stored) == len(task.value_metrics) and _differ(fmean(stored), value):
            found.append(f"the stored score {fmean(stored):.2f} in {language} is not that of its rows, {value:.2f}")
    mean = fmean(values.values())
    if not found and _differ(scores.get("score"), mean):
        found.append(f"the stored score {scores['score']:.2f} is not that of its rows, {mean:.2f}")
    return found


def _differ(stored: Any, value: float) -> bool:
    return _is_number(stored) and abs(stored - value) > STORED_SCORE_TOLERANCE


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _name(cell: Cell) -> str:
    return f"{cell.arm}, {cell.target}, seed {cell.seed.label}"
