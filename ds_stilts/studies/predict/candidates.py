"""Which arms and targets of a study can be compared from one start model. Looks at no data file and no model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.studies.expand import SHARED, StudyRun
from ds_stilts.studies.sections import StudyArm
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What is predicted of."""

    run: StudyRun
    """Of the first seed, with the arms that share the study's start model and targets."""
    arms: tuple[str, ...]
    left_out: Mapping[str, str]
    """By arm that trains and is no candidate, why."""
    targets: tuple[str, ...]
    without: Mapping[str, str]
    """By target of which nothing is predicted, why."""


def find_candidates(study: Study, runs: Sequence[StudyRun], wanted: Sequence[str] = ()) -> Candidates:
    """The arms to rank for each target.

    Args:
        runs: all of the study.
        wanted: arms by name; none: every arm that trains something before its targets and is no control.

    Raises:
        RecipeError: an arm that is not there or cannot be ranked, or nothing left to rank.
    """
    for name in wanted:
        if name not in study.arms:
            raise RecipeError(
                f"--arm: there is no arm '{name}'{suggestion(name, list(study.arms))}; the study has: "
                f"{', '.join(study.arms)}"
            )
        if why := _unfit(study.arms[name]):
            raise RecipeError(f"--arm: '{name}' {why}; name another arm")
    fit = [name for name, arm in study.arms.items() if _unfit(arm) is None]
    arms = list(dict.fromkeys(wanted)) or [name for name in fit if study.arms[name].role != "control"]
    if not arms:
        raise RecipeError(
            f"study '{study.study}' ({study.size}): no arm trains an intermediate task from the study's own start model"
            f"{', but for controls (name them with --arm)' if fit else ''}, so there is nothing to rank; add one under "
            "`arms`"
        )
    without = {name: why for name in study.targets if (why := _unpredictable(name))}
    if len(without) == len(study.targets):
        raise RecipeError(
            f"study '{study.study}' ({study.size}): none of its targets has training examples to look at "
            f"({', '.join(without)}); add one under `targets`"
        )
    return Candidates(
        run=next(run for run in runs if run.group == SHARED),
        arms=tuple(arms),
        left_out={
            name: _unfit(arm) or ("is a control" if arm.role == "control" else "was not named")
            for name, arm in study.arms.items()
            if name not in arms and arm.role != "baseline"
        },
        targets=tuple(name for name in study.targets if name not in without),
        without=without,
    )


def _unfit(arm: StudyArm) -> str | None:
    if arm.stands_apart:
        return "has a start model or targets of its own"
    return None if arm.intermediate else "has no intermediate phase"


def _unpredictable(target: str) -> str | None:
    return "is searched without training, so it has no examples to learn from" if get_task(target).is_searched else None
