"""What every stage of a run gets: the recipe, its folder, the data root, and the ranks that share the work."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from ds_stilts.data.prepare import SplitKey, prepare
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import UserError, in_common
from ds_stilts.recipe import Recipe

if TYPE_CHECKING:  # importing them takes seconds, which a run that ends in a sentence need not pay
    from ds_stilts.engine.stop import StopSource
    from ds_stilts.engine.world import World


@dataclass(frozen=True, kw_only=True)
class Run:
    """One recipe in one folder on one data root."""

    recipe: Recipe
    run_dir: Path
    data_root: Path


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """What all ranks of a stage share."""

    world: "World"
    stop: "StopSource"


def on_main(world: "World", work: Callable[[], Any]) -> None:
    """Run `work()` on rank 0 while the others wait; a UserError there is raised on all."""
    problem = None
    if world.is_main:
        try:
            work()
        except UserError as error:
            problem = str(error)
    problem = world.gather(problem)[0]
    if problem:
        raise in_common(UserError(problem))


def seed_for(run: Run, label: str) -> int:
    """A seed for one purpose of this run, the same in every arm: arms differ in their start only."""
    return xxhash.xxh3_64_intdigest(f"{run.recipe.seed}:{label}".encode()) % (2**31)


def prepare_all(run: Run, ranks: Ranks, keys: list[SplitKey], tokenizer: Any) -> list[Path]:
    """Tokenise splits, shared out over the ranks; a bad file anywhere is raised everywhere."""
    folder, problem = run.run_dir / "prepared", None
    if ranks.world.is_main and keys:
        names = ", ".join(dict.fromkeys(key.task.name for key in keys))
        say(f"tokenising {names}, {len(keys)} file{'s' if len(keys) > 1 else ''} (done once)", passing=True)
    for key in keys[ranks.world.rank :: ranks.world.size]:
        try:
            prepare(key, tokenizer, run.data_root, folder)
        except UserError as error:
            problem = problem or str(error)
    problems = [text for text in ranks.world.gather(problem) if text]
    if problems:
        raise in_common(UserError(problems[0]))
    return [prepare(key, tokenizer, run.data_root, folder) for key in keys]
