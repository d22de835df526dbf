"""The shipped recipe `real_all` names every official set that a model can be trained for and scored on."""

import subprocess
import sys
from pathlib import Path

from ds_stilts.recipe_file import load_recipe
from ds_stilts.tasks import all_tasks
from ds_stilts.tasks.task import Task

PARTS_ALONE = {"anli_plus"}
"""A collection of sets that are scored one by one."""


def can_be_scored(task: Task, root: Path) -> bool:
    there = {split for split in task.splits if task.available_languages(split, root)}
    return bool(there) if task.is_searched else "train" in there and len(there) > 1


def test_everything_that_can_be_scored_is_a_target(real_data: Path) -> None:
    targets = set(load_recipe("real_all").targets)
    there = {task.name for task in all_tasks() if task.format != "masked_lm" and can_be_scored(task, real_data)}
    assert targets == there - PARTS_ALONE


def test_every_file_that_it_reads_is_whole(real_data: Path) -> None:
    """What a run looks at before it trains anything."""
    command = [sys.executable, "-m", "ds_stilts", "data", "check", "real_all", "--data-root", str(real_data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
