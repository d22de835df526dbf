"""The typed description of a study, and what its parts must say together. Reading the file: `studies.study_file`.

A study is one question asked of several arms under the same seeds and targets. It says nothing about how a run is
carried out: each of its arms becomes an arm of ordinary recipes (`studies.expand`).
"""

from collections.abc import Iterator
from typing import Any

from pydantic import Field, model_validator

from ds_stilts.errors import suggestion
from ds_stilts.recipe_sections import Section
from ds_stilts.studies.sections import (
    Aggregate,
    AssumedItems,
    Budget,
    Cells,
    Contrast,
    Hardware,
    Keep,
    Scaling,
    Seeds,
    Statistics,
    StudyArm,
)
from ds_stilts.tasks.perturbed import is_perturbed

NOT_IN_BASE = {
    "name": "it is made from the study's",
    "seed": "give `seeds` of the study",
    "target_seed": "give `seeds` of the study",
    "arms": "give `arms` of the study",
    "targets": "give `targets` of the study",
}
"""Keys of a recipe that a study decides itself, and where."""


class Study(Section):
    """One study in one size."""

    study: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Its name."""
    size: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Which of the file's `sizes` this is."""
    question: str
    description: str = ""
    """Of this size: what it leaves out, and what readers must know."""
    base: dict[str, Any]
    """The recipe that all runs share, without arms, targets and seeds."""
    arms: dict[str, StudyArm] = Field(min_length=2)
    targets: dict[str, dict[str, Any] | None] = Field(min_length=1)
    """As in a recipe, the same for every arm."""
    seeds: Seeds
    budget: Budget | None = None
    """null: arms may cost what they like, and the report says that nothing was matched."""
    aggregate: Aggregate = "mean"
    """The primary metric: each target's own value (the mean of its value metrics), put together over languages so, then
    averaged over targets."""
    held_out: list[str] = []
    """Languages in which no arm may see labels."""
    contrasts: dict[str, Contrast] = Field(min_length=1)
    scaling: dict[str, Scaling] = {}
    """Gains over an amount that arms differ in, for the report; nothing is judged by them."""
    statistics: Statistics = Statistics()
    hardware: Hardware = Hardware()
    keep: Keep = Keep()
    unverified: dict[str, str] = {}
    """Constants that were quoted from memory or second hand, and what would settle them."""
    assumed_items: dict[str, AssumedItems] = {}
    """By task, for the plan alone: how many it trains on, where it cannot be counted and was not published."""

    @model_validator(mode="after")
    def fits_together(self) -> "Study":
        for key, where in NOT_IN_BASE.items():
            if key in self.base:
                raise ValueError(f"base.{key}: {where}; remove it")
        for where, arm in self.named_arms():
            if arm not in self.arms:
                raise ValueError(
                    f"{where}: there is no arm '{arm}'{suggestion(arm, list(self.arms))}; the study has: "
                    f"{', '.join(self.arms)}"
                )
        for where, target in self.named_targets():
            if target not in self.targets:
                raise ValueError(
                    f"{where}: there is no target '{target}'{suggestion(target, list(self.targets))}; the study has: "
                    f"{', '.join(self.targets)}"
                )
        if self.statistics.language_sd is not None and not any(one.slope for one in self.contrasts.values()):
            raise ValueError("statistics.language_sd: no contrast has a `slope`, which it is for; remove it")
        if not any(arm.is_matched for arm in self.arms.values()):
            raise ValueError("arms: every arm is a baseline or unmatched; a study compares something")
        return self

    def named_arms(self) -> Iterator[tuple[str, str]]:
        """Arms that contrasts and `scaling` name, with the key where each stands."""
        for name, contrast in self.contrasts.items():
            for place, arm in enumerate(contrast.best_of or [], start=1):
                yield f"contrasts.{name}.best_of.{place}", arm
            if contrast.arm is not None:
                yield f"contrasts.{name}.arm", contrast.arm
            for place, one in enumerate(contrast.rotations or [], start=1):
                yield f"contrasts.{name}.rotations.{place}.arm", one.arm
                yield f"contrasts.{name}.rotations.{place}.against", one.against
            if contrast.against:
                yield f"contrasts.{name}.against", contrast.against
        for name, scaling in self.scaling.items():
            yield f"scaling.{name}.against", scaling.against
            for amount, arm in scaling.named:
                yield f"scaling.{name}.arms.{amount:g}", arm

    def named_targets(self) -> Iterator[tuple[str, str]]:
        """Targets that arms, contrasts and `scaling` name, with the key where each stands."""
        for name, arm in self.arms.items():
            for target in arm.targets:
                yield f"arms.{name}.targets", target
        for name, contrast in self.contrasts.items():
            for key, cells in (("of", contrast.of), ("minus", contrast.minus)):
                for target in (cells.targets if cells else None) or []:
                    yield f"contrasts.{name}.{key}.targets", target
        for name, scaling in self.scaling.items():
            for line, cells in scaling.of.items():
                for target in cells.targets or []:
                    yield f"scaling.{name}.of.{line}.targets", target

    def not_verified(self) -> dict[str, str]:
        """Everything that readers must not take for granted: `unverified`, and the counts that are assumed."""
        assumed = {f"{one.items:,} items of {task}": one.why for task, one in self.assumed_items.items()}
        return {**self.unverified, **assumed}

    def targets_of(self, cells: Cells) -> list[str]:
        """The targets that some cells are of: those that they name, or all whose texts are not perturbed."""
        return list(cells.targets or self.clean_targets())

    def clean_targets(self) -> list[str]:
        """The targets that means are over: all but perturbed copies, if there are others."""
        clean = [target for target in self.targets if not is_perturbed(target)]
        return clean or list(self.targets)

    def declared(self) -> dict[str, Any]:
        """What a lock freezes: all but prose, the machine that the cost is computed for, and what stays on disk."""
        beside = {"description", "hardware", "keep", "unverified", "assumed_items"}
        # Without `scaling` it is what it was before there was that key, so that older locks hold.
        return self.model_dump(mode="json", exclude=beside | (set() if self.scaling else {"scaling"}))
