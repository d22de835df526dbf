"""What ranks do in tests of phases that follow one another: real stages of a recipe over made-up languages."""

import os
from pathlib import Path
from typing import Any

import yaml

from ds_stilts.engine.failpoints import VARIABLE
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.phases import run_stage
from ds_stilts.phases.context import Ranks, Run
from ds_stilts.plan import check_recipe
from ds_stilts.recipe import Architecture, Recipe
from ds_stilts.synthetic import write_world
from ds_stilts.synthetic.oracle import oracle_start


def recipe(start: str, config: str, **changes: Any) -> Recipe:
    """A short recipe over the tiny world, one step of dropout away from being the same with another seed."""
    values: dict[str, Any] = {
        "name": "phases",
        "start": {"model": start},
        "training": {"lr": 1e-3, "batch_examples": 8, "micro_batch_tokens": 600, "checkpoint_every": 4, "log_every": 1,
                     "steps": 3},
        "arms": {"none": None},
        "targets": {},
        "engine": {"config": config, "processes": 2},
        "evaluation": {"batch_tokens": 4096},
    }  # fmt: skip
    return Recipe.model_validate({**values, **changes})


def text_of(recipe: Recipe) -> str:
    """A recipe as the YAML that `walk` is given."""
    return yaml.safe_dump(recipe.model_dump(mode="json", exclude={"training"}))


def make_folder(path: Path, shape: Architecture) -> Path:
    """Official files of the tiny world under `path/data`, and a start model that knows its words, in `path/start`."""
    write_world(path / "data", preset="tiny", seed=7)
    oracle_start(path / "start", preset="tiny", world_seed=7, seed=1, sigma=0.3, scale=0.4, architecture=shape)
    return path


def walk(world: World, run_dir: str, text: str, stages: list[str], fail: str = "") -> None:
    """Carry out stages of a recipe, given as YAML, in this world; `run_dir/../data` holds the files.

    Args:
        fail: what happens where, as `ds_stilts.engine.failpoints` reads it.
    """
    os.environ[VARIABLE] = fail
    made = Recipe.model_validate(yaml.safe_load(text))
    check_recipe(made, world.size)
    run = Run(recipe=made, run_dir=Path(run_dir), data_root=Path(run_dir).parent / "data")
    run.run_dir.mkdir(exist_ok=True)
    ranks = Ranks(world=world, stop=StopSource(world, run.run_dir))
    for stage in stages:
        run_stage(run, stage, ranks)
