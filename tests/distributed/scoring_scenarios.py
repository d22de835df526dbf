"""What ranks do in tests of predictions: score made-up languages in one shape of world, batches and order."""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.prepared import open_prepared
from ds_stilts.engine import stop
from ds_stilts.engine.failpoints import VARIABLE
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.errors import StoppedCleanly
from ds_stilts.evaluation import kept
from ds_stilts.evaluation.harness import predict as predict_batches
from ds_stilts.evaluation.harness import score_languages
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.work import ForwardBatch
from ds_stilts.phases.context import Ranks, Run, prepare_all
from ds_stilts.phases.scoring import load_scorer, scoring_keys
from ds_stilts.recipe_file import parse_recipe
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import Example

RECIPE = """
name: predictions
start: {model: unused}
arms: {none: null}
targets:
  synth_nli: {score_languages: [aa, cc], max_score_examples: 40}
  synth_choice: {score_languages: [bb], max_score_examples: 25}
  synth_qa: {score_languages: [aa, hh], max_score_examples: 40, max_tokens: 40}
  synth_pos: {score_languages: [dd, gg], max_score_examples: 40, max_tokens: 12}
  synth_retrieval: {score_languages: [bb, cc]}
evaluation: {batch_tokens: 700}
"""
TEXT_RECIPE = """
name: predictions
start: {model: unused}
arms: {none: null}
targets:
  synth_nli: {score_languages: [aa, cc], max_score_examples: 25}
  synth_choice: {score_languages: [bb], max_score_examples: 9}
  synth_qa: {score_languages: [aa], max_score_examples: 9}
  synth_pos: {score_languages: [dd], max_score_examples: 3}
evaluation: {batch_tokens: 700}
"""
UNEVEN = {"synth_nli": (1, 7), "synth_qa": (1, 7)}
"""Tasks whose first language is scored once more with so few examples."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a set of languages is scored; none of it may change a prediction."""

    size: int
    config: str
    batch: int | None = None
    shuffled: bool = False
    text: bool = False

    @property
    def name(self) -> str:
        return f"{self.config}-{self.size}-{self.batch}-{self.shuffled}-{self.text}"


def predict(
    world: World, run_dir: str, start: str, shape: Shape, tasks: tuple[str, ...] = (), place: str = "", fail: str = ""
) -> str:
    """Score targets of a prepared run, heads random from a fixed seed.

    Args:
        tasks: which targets; all if none is named.
        place: where rows go, instead of a folder of the shape's name; then they are on disk after each batch.
        fail: what happens where, as `ds_stilts.engine.failpoints` reads it.

    Returns:
        What a clean stop says; "" without one.
    """
    os.environ[VARIABLE] = fail
    if place:
        kept.WRITE_EVERY_S, kept._SHARE_OF_TIME = 0.0, float("inf")
        stop._ASK_EVERY_S = 0.0
    try:
        _predict(world, Path(run_dir), start, shape, tasks, Path(run_dir) / (place or shape.name))
    except StoppedCleanly as ended:
        return str(ended)
    return ""


def _predict(world: World, run_dir: Path, start: str, shape: Shape, tasks: tuple[str, ...], place: Path) -> None:
    text = TEXT_RECIPE if shape.text else RECIPE
    recipe = parse_recipe(text, source="test", overrides=[f"engine.config={shape.config}", f"start.model={start}"])
    run = Run(recipe=recipe, run_dir=run_dir, data_root=run_dir / "data")
    ranks = Ranks(world=world, stop=StopSource(world, run.run_dir))
    for name, target in recipe.targets.items():
        if tasks and name not in tasks:
            continue
        task = get_task(name)
        torch.manual_seed(4)
        scorer, model = load_scorer(run, ranks, start, task)
        keys = scoring_keys(run, target, task, model.encoder.max_tokens)
        folder = place / name
        _score(scorer, run, ranks, [_shuffled(key) if shape.shuffled else key for key in keys], shape, folder, model)
        for count in UNEVEN.get(name, ()):
            few = [replace(keys[0], max_examples=count)]
            _score(scorer, run, ranks, few, shape, folder.with_name(f"{name}-{count}"), model)


def write_apart(world: World, run_dir: str, start: str, config: str, orders: list[list[int]]) -> list[dict[int, Any]]:
    """What each rank writes to one question of its own at a time: in each order, the question at its rank's place."""
    recipe = parse_recipe(TEXT_RECIPE, source="test", overrides=[f"engine.config={config}", f"start.model={start}"])
    run = Run(recipe=recipe, run_dir=Path(run_dir), data_root=Path(run_dir) / "data")
    ranks, task = Ranks(world=world, stop=StopSource(world, run.run_dir)), get_task("synth_qa")
    scorer, model = load_scorer(run, ranks, start, task)
    (key,) = scoring_keys(run, recipe.targets["synth_qa"], task, model.encoder.max_tokens)
    (path,) = prepare_all(run, ranks, [key], model.tokenizer)
    unit = LanguageWork(key=key, prepared=open_prepared([path]), zero_shot=True, tokenizer=model.tokenizer)
    examples = key.examples(run.data_root)
    released = []
    scorer.register_forward_hook(lambda module, *_: released.append(_num_released(module)))
    found = [predict_batches(scorer, unit, [ForwardBatch([order[world.rank]])], examples, world) for order in orders]
    assert config != "zero3_release_fp32" or min(released) > 0, "parameters must really have been released"
    return found


def _num_released(module: torch.nn.Module) -> int:
    return sum(p.ds_tensor is not None and p.numel() == 0 for p in module.parameters() if hasattr(p, "ds_tensor"))


def _score(
    scorer: Callable[..., Any], run: Run, ranks: Ranks, keys: list[SplitKey], shape: Shape, folder: Path, model: Any
) -> None:
    paths = prepare_all(run, ranks, keys, model.tokenizer)
    work = [
        LanguageWork(key=key, prepared=open_prepared([path]), zero_shot=True, tokenizer=model.tokenizer)
        for key, path in zip(keys, paths, strict=True)
    ]
    score_languages(
        scorer,
        work,
        run.recipe.evaluation.model_copy(update={"batch_examples": shape.batch}),
        root=run.data_root,
        folder=folder,
        pooling=Pooling(layer=2) if keys[0].task.is_searched else None,
        label=keys[0].task.name,
        world=ranks.world,
        stop=ranks.stop,
    )


def _shuffled(key: SplitKey) -> SplitKey:
    """The same examples in another order."""
    split = key.task.split(key.split)
    read = partial(read_shuffled, split.read, key.max_examples)
    return replace(key, task=replace(key.task, splits={**key.task.splits, key.split: replace(split, read=read)}))


def read_shuffled(read: Any, most: int | None, *given: Any, **named: Any) -> Iterator[Example]:
    """The first examples of a file, in an order of their own."""
    examples = list(read(*given, **named))[:most]
    random.Random(5).shuffle(examples)
    return iter(examples)
