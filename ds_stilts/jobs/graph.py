"""From a recipe and what is done of it to the jobs that are left, and what each of them waits for. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from ds_stilts.plan import arm_stages, check_recipe, clean_target, merged_stages, stage_before
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task

Script = Literal["train", "evaluate", "study", "report"]
"""A batch script in `slurm/`."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What a job waits for."""

    job: str
    how: Literal["afterok", "aftercorr", "afterany"]
    """As sbatch calls it: its success, that of the element of the same number, its end."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One batch job, or an array of them."""

    name: str
    """E.g. "start", "arms/qa", "train/qa", "score/qa", "perturbed/qa", "report"; unique in a recipe."""
    script: Script
    stages: tuple[str, ...]
    """One after another; of an array, one for each element. None for the report."""
    array: bool = False
    train_only: bool = False
    """Leave scoring to another job."""
    one_process: bool = False
    """There is nothing to share out."""
    after: tuple[Wait, ...] = ()


def job_graph(
    recipe: Recipe, *, done: Collection[str], trained: Collection[str] = (), reported: bool = False
) -> list[Job]:
    """The jobs that are left of a recipe, each after those that it waits for.

    A target is trained in one array and scored in another, whose elements each wait for their own; what needs no
    training, or has it behind it, is scored as soon as its arm is there, and what is scored with the model of a target
    that is still to be trained once all targets of its arm are. The report waits for everything to end, well or not,
    and shows what is there.

    Args:
        done: stages with a marker.
        trained: targets whose model is there.
        reported: there is a report of all that is done.

    Raises:
        RecipeError: the recipe names what does not exist.
    """
    check_recipe(recipe, 1)
    jobs: list[Job] = []
    if "start" not in done:
        makes_model = recipe.start.architecture is not None or recipe.start.pretrain is not None
        jobs.append(Job(name="start", script="train", stages=("start",), one_process=not makes_model))
    for arm in recipe.arms:
        jobs += _of_arm(recipe, arm, done, trained)
    if recipe.targets and (jobs or not reported):
        ends = tuple(Wait(job=job.name, how="afterany") for job in jobs)
        jobs.append(Job(name="report", script="report", stages=(), one_process=True, after=ends))
    return jobs


def _of_arm(recipe: Recipe, arm: str, done: Collection[str], trained: Collection[str]) -> list[Job]:
    jobs: list[Job] = []
    phases = tuple(stage for stage in arm_stages(recipe, arm) if stage not in done)
    if phases:
        merged = merged_stages(recipe, arm)
        after = tuple(Wait(job=f"arms/{other}", how="afterok") for other, stage in merged.items() if stage not in done)
        after = after or _after(recipe, phases[0], done)
        jobs.append(Job(name=f"arms/{arm}", script="train", stages=phases, one_process=bool(merged), after=after))
    to_train: list[str] = []
    to_score: list[str] = []
    by_others: list[str] = []
    for target in recipe.targets:
        stage, clean = f"targets/{arm}/{target}", clean_target(recipe, target)
        has_model = get_task(target).is_searched or (f"targets/{arm}/{clean}" if clean else stage) in (*trained, *done)
        if stage not in done:
            (to_score if has_model else by_others if clean else to_train).append(stage)
    for name, script, stages in (("train", "train", to_train), ("ready", "evaluate", to_score)):
        if stages:
            after = (Wait(job=f"arms/{arm}", how="afterok"),) if phases else _after(recipe, stages[0], done)
            trains = script == "train"
            jobs.append(
                Job(
                    name=f"{name}/{arm}",
                    script="train" if trains else "evaluate",
                    stages=tuple(stages),
                    array=True,
                    train_only=trains,
                    after=after,
                )
            )
    if to_train:
        each = (Wait(job=f"train/{arm}", how="aftercorr"),)
        jobs.append(Job(name=f"score/{arm}", script="evaluate", stages=tuple(to_train), array=True, after=each))
    if by_others:
        all_trained = (Wait(job=f"train/{arm}", how="afterok"),)
        jobs.append(
            Job(name=f"perturbed/{arm}", script="evaluate", stages=tuple(by_others), array=True, after=all_trained)
        )
    return jobs


def _after(recipe: Recipe, stage: str, done: Collection[str]) -> tuple[Wait, ...]:
    """What the first job of an arm waits for: the stage that made the model it begins with, unless that is there."""
    needs_start = stage_before(recipe, stage) == "start" and "start" not in done
    return (Wait(job="start", how="afterok"),) if needs_start else ()
