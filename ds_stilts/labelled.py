"""Which languages an arm has labels in, so that what is called zero-shot is known to be. From a recipe alone."""

from ds_stilts.recipe import Recipe, Target
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task


def train_languages(target: Target, task: Task) -> list[str]:
    """Languages whose training split a target learns from."""
    return target.train_languages or list(task.split("train").languages or task.languages)[:1]


def labelled_languages(recipe: Recipe, arm: str, own: list[str]) -> set[str]:
    """Languages with labelled training data: `own` of the target, and those of phase 1 and the intermediate phase.

    A code like "en-de" (context and question of different languages) counts as both.
    """
    codes = set(own)
    for phase in (recipe.start.pretrain, *recipe.phases_of(arm)):
        for name, use in (phase.tasks if phase else {}).items():
            other = get_task(name)
            if other.format != "masked_lm":
                codes |= set(use.languages or (other.split(use.split).languages or other.languages)[:1])
    return {language for code in codes for language in code.split("-")}


def is_zero_shot(code: str, labelled: set[str]) -> bool:
    """Whether a language, or either one of a code like "en-de", has no labelled training data."""
    return not set(code.split("-")) <= labelled
