"""What every stage of a run gets: the recipe, its folder, the data root, and the ranks that share the work."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import SplitKey, is_prepared, prepare, prepared_folder, prepared_path
from ds_stilts.engine import watchdog
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import CheckpointError, DataError, RecipeError, StoppedCleanly, UserError, in_common
from ds_stilts.recipe import Recipe
from ds_stilts.resources import cache_folder

if TYPE_CHECKING:  # importing them takes seconds, which a run that ends in a sentence need not pay
    from ds_stilts.engine.stop import StopSource
    from ds_stilts.engine.world import World

_SEEN_S = 120.0
"""For a name whose absence a host remembers: NFS does so for up to a minute by default (nfs(5), acdirmax)."""
_LOOK_AGAIN_S = 0.5


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


def data_folder(recipe: Recipe, given: Path | None) -> Path | None:
    """Folder of the official files: the one given, the recipe's, or for a recipe that reads from the hub one in the
    cache folder; None where nobody has named one, and for made-up languages."""
    if given or recipe.data.root:
        return given or Path(str(recipe.data.root))
    return cache_folder() / "data" if recipe.data.source == "hub" else None


def find_data(recipe: Recipe, run_dir: Path, data_root: Path | None) -> Path:
    """The folder that a recipe's data files are read from: that of made-up languages is the run's own.

    Raises:
        RecipeError: no data root is known.
        DataError: it is not there.
    """
    root = run_dir / "data" if recipe.data.synthetic else data_folder(recipe, data_root)
    if root is None:
        raise RecipeError(
            f"recipe '{recipe.name}' reads official data files: say where they are with --data-root DIR or data.root"
        )
    if not recipe.data.synthetic and recipe.data.source == "files" and not root.is_dir():
        raise DataError(
            f"there is no folder {root} to read the official data files from; give another one with --data-root DIR"
        )
    return root


def on_main(world: "World", work: Callable[[], Any]) -> None:
    """Run `work()` on rank 0 while the others wait; a UserError there is raised on all."""
    problem = None
    if world.is_main:
        try:
            work()
        except UserError as error:
            problem = str(error)
    world.meet(lambda: watchdog.beat("waiting for rank 0"))  # a download may take hours
    problem = world.gather(problem)[0]
    if problem:
        raise in_common(UserError(problem))


def see(run: Run, ranks: Ranks, source: str) -> None:
    """Wait until this rank sees a model's folder that rank 0 has written into the run folder.

    Args:
        source: the folder, or a model from elsewhere, for which nothing waits.

    Raises:
        CheckpointError: it is not seen in two minutes.
    """
    if ranks.world.is_main or not Path(source).is_relative_to(run.run_dir):
        return
    until = time.monotonic() + _SEEN_S
    while not Path(source).is_dir():
        watchdog.beat(f"waiting to see {source}")
        if time.monotonic() > until:
            raise CheckpointError(
                f"{source} was written by rank 0 and is not seen on {socket.gethostname()}; give a run folder (--out) "
                "that all nodes share, and see `ds-stilts doctor`"
            )
        time.sleep(_LOOK_AGAIN_S)


def seed_for(run: Run, label: str) -> int:
    """A seed for one purpose of this run, the same in every arm: arms differ in their start only.

    Args:
        label: begins with "arms" or "targets" where it is for such a stage; all else belongs to the start model.
    """
    kind = re.split("[/:]", label)[0]
    own = run.recipe.seed_of(kind if kind in ("arms", "targets") else "start")
    return xxhash.xxh3_64_intdigest(f"{own}:{label}".encode()) % (2**31)


def prepare_all(run: Run, ranks: Ranks, keys: list[SplitKey], tokenizer: Any) -> list[Path]:
    """Tokenise splits, shared out over the ranks; a bad file anywhere is raised everywhere, and so is a stop.

    Returns:
        The prepared file of each split. It lies in the cache folder, where another run may have left it.
    """
    encoder, folder, problem = Encoder(tokenizer), prepared_folder(), None

    def progress(examples: int) -> None:
        watchdog.beat("tokenising", examples)
        if ranks.stop.alone():
            raise StoppedCleanly

    for key in keys[ranks.world.rank :: ranks.world.size]:
        try:
            if not is_prepared(prepared_path(key, encoder, run.data_root, folder)) and ranks.world.is_main:
                say(f"tokenising {key.task.name}, {key.split} in {key.language} (done once)", passing=True)
            prepare(key, encoder, run.data_root, folder, progress)
        except UserError as error:
            problem = problem or str(error)
        except StoppedCleanly:
            break

    def waiting() -> None:
        watchdog.beat("waiting for tokenisation")
        ranks.stop.alone()

    ranks.world.meet(waiting)
    problems = [text for text in ranks.world.gather(problem) if text]
    if problems:
        raise in_common(UserError(problems[0]))
    ranks.stop.check("what is tokenised is kept")
    paths = [prepare(key, encoder, run.data_root, folder, _alive) for key in keys]
    ranks.world.meet(waiting)  # where each node has a cache folder of its own, it has just begun
    return paths


def _alive(examples: int) -> None:
    watchdog.beat("tokenising what another node has tokenised for itself", examples)
