"""From a study to ordinary recipes: one for each pair of seeds, with all arms that share start model and targets.

Arms that differ in these have recipes of their own. Every recipe has a run folder of its own, on which `ds-stilts
report` works as on any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ds_stilts.errors import RecipeError
from ds_stilts.plan import stages
from ds_stilts.recipe import Recipe
from ds_stilts.recipe_file import explain
from ds_stilts.studies.study import Study

SHARED = "shared"
"""Group of the arms that have the study's own start model and targets."""
_EACH = 100
"""Target seeds that one intermediate seed may have: that of the j-th is _EACH · (seed + 1) + j."""


@dataclass(frozen=True, kw_only=True, order=True)
class SeedPair:
    """Seeds of one run: what is drawn before the targets, and in them."""

    intermediate: int
    number: int | None
    """Which of the target seeds of this intermediate seed, from 1; None where there is one, the same."""

    @property
    def label(self) -> str:
        """As in a folder's name: "3", or "3.2"."""
        return f"{self.intermediate}" if self.number is None else f"{self.intermediate}.{self.number}"

    @property
    def target(self) -> int | None:
        return None if self.number is None else _EACH * (self.intermediate + 1) + self.number - 1


@dataclass(frozen=True, kw_only=True)
class StudyRun:
    """One recipe of a study."""

    group: str
    seed: SeedPair
    arms: tuple[str, ...]
    recipe: Recipe

    @property
    def folder(self) -> Path:
        """In the study's folder."""
        return Path("runs") / self.group / f"seed-{self.seed.label}"

    @property
    def stages(self) -> list[str]:
        return stages(self.recipe)


def seed_pairs(study: Study) -> list[SeedPair]:
    """The pairs of seeds in which every arm is run."""
    each = study.seeds.targets_each
    numbers = [None] if each == 1 else list(range(1, each + 1))
    return [SeedPair(intermediate=seed, number=number) for seed in study.seeds.intermediate for number in numbers]


def groups(study: Study) -> dict[str, tuple[str, ...]]:
    """Arms by the recipe that they share."""
    shared = tuple(name for name, arm in study.arms.items() if not arm.stands_apart)
    apart = {name: (name,) for name, arm in study.arms.items() if arm.stands_apart}
    return ({SHARED: shared} if shared else {}) | apart


def expand(study: Study) -> list[StudyRun]:
    """Every recipe of a study, groups within seeds, so that runs of one seed are next to each other.

    Raises:
        RecipeError: an arm, the targets or the base make no recipe, or an arm merges one that is in another recipe.
    """
    _check_merges(study)
    return [
        StudyRun(group=group, seed=seed, arms=arms, recipe=_recipe(study, group, arms, seed))
        for seed in seed_pairs(study)
        for group, arms in groups(study).items()
    ]


def _check_merges(study: Study) -> None:
    together = groups(study).get(SHARED, ())
    for name, arm in study.arms.items():
        merge = (arm.intermediate or {}).get("merge")
        others = merge.get("arms") if isinstance(merge, dict) else None
        for other in [name, *others] if isinstance(others, dict | list) else []:
            if other in study.arms and other not in together:
                raise RecipeError(
                    f"study '{study.study}', arms.{name}.intermediate.merge: '{other}' has a start model or targets of "
                    "its own, and only arms that share both can be merged; remove its `start` and `targets`"
                )


def _recipe(study: Study, group: str, arms: tuple[str, ...], seed: SeedPair) -> Recipe:
    first = study.arms[arms[0]]
    values: dict[str, Any] = {
        "description": study.question,
        **study.base,
        "name": f"{study.study}-{study.size}-{group}-seed-{seed.label}",
        "seed": seed.intermediate,
        "target_seed": seed.target,
        "start": _start(study.base.get("start"), first.start),
        "arms": {name: study.arms[name].intermediate for name in arms},
        "targets": {name: {**(target or {}), **first.targets.get(name, {})} for name, target in study.targets.items()},
    }
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"study '{study.study}', the recipe of {', '.join(arms)}: {explain(error, Recipe)}") from None


def _start(base: Any, own: Mapping[str, Any]) -> Any:
    """The base's start model with an arm's keys; an arm that loads a model drops what made the base's."""
    if not isinstance(base, dict):
        return dict(own) or base
    made = ("architecture", "oracle", "tokenizer", "pretrain") if "model" in own else ()
    return {**{key: value for key, value in base.items() if key not in made}, **own}
