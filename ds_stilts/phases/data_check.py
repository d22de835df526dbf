"""`ds-stilts data check`: which splits are looked at, of a recipe or of the whole catalogue.

How one split is looked at lives in `ds_stilts.data.check`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds_stilts.data.check import Line, check_split, lines_there
from ds_stilts.data.identity import stable
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import UserError
from ds_stilts.phases.checks import reads
from ds_stilts.phases.context import Run
from ds_stilts.plan import check_recipe
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import all_tasks, get_task


@dataclass(frozen=True, kw_only=True)
class DataCheck:
    """What lies under a data root."""

    lines: list[Line]
    not_here: list[str]
    """Tasks of the catalogue without a file there."""

    @property
    def wrong(self) -> list[Line]:
        return [line for line in self.lines if line.state == "wrong"]

    @property
    def licences(self) -> dict[str, str]:
        """Of each task that is there."""
        return {name: get_task(name).licence for name in dict.fromkeys(line.task for line in self.lines)}

    def as_json(self) -> dict[str, Any]:
        lines = [line.as_json() for line in self.lines]
        return {"lines": lines, "licences": self.licences, "not_here": self.not_here}


def check_catalogue(root: Path) -> DataCheck:
    """Check every task of the catalogue whose files lie under `root`; made-up languages lie nowhere."""
    lines: list[Line] = []
    not_here = []
    for task in all_tasks():
        if task.name.startswith("synth_"):
            continue
        say(f"reading {task.name}", passing=True)
        found = lines_there(task, root)
        lines += found
        not_here += [] if found else [task.name]
    return DataCheck(lines=lines, not_here=not_here)


def check_needed(recipe: Recipe, root: Path) -> DataCheck:
    """Check every split that a recipe reads, and every part of one (`where`); one that is missing is wrong here."""
    check_recipe(recipe, processes=1)
    run = Run(recipe=recipe, run_dir=root, data_root=root)
    lines: dict[tuple[str, str, str, str], Line] = {}
    for task, find in reads(run):
        say(f"reading {task.name}", passing=True)
        try:
            keys = find()
        except UserError as error:
            problem = Line(task=task.name, split="", language="", state="wrong", problem=str(error))
            lines.setdefault((task.name, "", "", str(error)), problem)
            continue
        for key in keys:
            place = (task.name, key.split, key.language, "")
            if place not in lines:
                lines[place] = check_split(task, key.split, key.language, root)
            part = (*place[:3], stable(key.where))
            if key.where and part not in lines and lines[place].state != "wrong":
                lines[part] = check_split(task, key.split, key.language, root, key.where)
    return DataCheck(lines=list(lines.values()), not_here=[])
