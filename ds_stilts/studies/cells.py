"""Reads a study's folder back: which arm, target and seeds each scored stage is of. What a report starts from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ds_stilts.errors import DataError, UserError
from ds_stilts.plan import trained_stages
from ds_stilts.recipe_file import explain
from ds_stilts.studies.expand import SeedPair, StudyRun, expand
from ds_stilts.studies.ledger import read_ledger, summed
from ds_stilts.studies.sections import Budget
from ds_stilts.studies.study import Study
from ds_stilts.tasks import declare_own
from ds_stilts.whole_file import write_whole

STUDY = "study.yaml"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One target of one arm with one pair of seeds."""

    arm: str
    target: str
    seed: SeedPair
    folder: Path
    """Of its stage: scores.json, predictions/, ledger.json, DONE."""

    @property
    def is_done(self) -> bool:
        return (self.folder / "DONE").is_file() and (self.folder / "scores.json").is_file()

    def scores(self) -> dict[str, Any]:
        """Its scores.json.

        Raises:
            DataError: it is damaged.
        """
        return read_scores(self.folder)


def read_scores(folder: Path) -> dict[str, Any]:
    """The scores.json of a scored stage.

    Raises:
        DataError: it cannot be read, or is not what scoring writes.
    """
    path = folder / "scores.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}); score the target again") from None
    if not isinstance(values, dict) or not isinstance(values.get("languages"), dict):
        raise DataError(f"{path} is damaged (it has no `languages`); score the target again")
    return values


def read_study(folder: Path) -> Study:
    """The study that a folder holds, as it was last run.

    Raises:
        DataError: there is none, or it was changed by hand.
    """
    path = folder / STUDY
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Study.model_validate(values)
    except OSError:
        raise DataError(f"{folder} holds no study: it has no {STUDY}; run `ds-stilts study run` first") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not valid YAML: {' '.join(str(error).split())}; run the study again") from None
    except ValidationError as error:
        raise DataError(f"{path}: {explain(error, Study)}; run the study again, which writes it anew") from None


def record_study(study: Study, folder: Path) -> None:
    """Keep a study in its folder as it is run.

    Raises:
        UserError: the folder cannot be written to.
    """
    text = yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / STUDY, text)
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror}); give another folder with --out") from None


def all_cells(study: Study, folder: Path) -> list[Cell]:
    """Every cell of a study, scored or not, seeds outermost."""
    return [
        Cell(arm=arm, target=target, seed=run.seed, folder=folder / run.folder / "targets" / arm / target)
        for run in expand(study)
        for arm in run.arms
        for target in run.recipe.targets
    ]


def done_cells(study: Study, folder: Path) -> list[Cell]:
    """The cells that have scores.

    Raises:
        DataError: none has, so that nothing can be said of any contrast or claim.
    """
    found = [cell for cell in all_cells(study, folder) if cell.is_done]
    if not found:
        raise DataError(
            f"{folder} has no scores of study '{study.study}' ({study.size}) yet, so nothing can be claimed from it; "
            "run `ds-stilts study run` first"
        )
    return found


def stage_folders(study: Study, folder: Path) -> Iterator[tuple[StudyRun, str, Path]]:
    """Every stage of every run, with its folder; one that runs share comes once for each."""
    runs = expand(study)
    declare_own(runs[0].recipe.tasks, runs[0].recipe.parts)
    for run in runs:
        for stage in run.stages:
            yield run, stage, folder / run.folder / stage


def used_amounts(study: Study, folder: Path, budget: Budget) -> dict[str, int | None]:
    """What the arms that are compared really used of the matched quantity, the mean over seeds; None: not all is done.

    With `over: all`, an intermediate phase and the mean of the targets after it. A merged arm has used what those that
    it merges have.
    """
    amounts: dict[str, list[float]] = {name: [] for name, arm in study.arms.items() if arm.is_matched}
    missing: set[str] = set()
    for run in expand(study):
        place = folder / run.folder
        for arm in [arm for arm in run.arms if arm in amounts]:
            phases = [read_ledger(place / stage) for stage in trained_stages(run.recipe, arm)]
            targets = [read_ledger(place / "targets" / arm / target) for target in run.recipe.targets]
            trained = [ledger for ledger in targets if ledger.get("steps")] if budget.over == "all" else []
            if not all(phases) or (budget.over == "all" and not all(targets)):
                missing.add(arm)
                continue
            own = summed(phases)[budget.match] or 0
            later = summed(trained)[budget.match] or 0
            amounts[arm].append(own + later / max(1, len(trained)))
    return {
        arm: None if arm in missing or not values else round(sum(values) / len(values))
        for arm, values in amounts.items()
    }
