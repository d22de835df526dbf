"""What decides the numbers of a stage, as a hash: the address under which its folder lies in a store.

Stages with one key have the same numbers, whatever recipe, study or seed they belong to. So a key is made of the stage
before, the phase's own deciding keys, the seed of its kind, the engine's configuration and what is read; and not of
names of runs and arms, later stages, portions in which ranks share the work, or how often progress is saved. A target's
key holds its arm's name all the same, since that name stands in its scores.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ds_stilts import __version__
from ds_stilts.plan import arm_stages, keeps_language_head, merged_stages, stage_before
from ds_stilts.recipe import Merge, Recipe
from ds_stilts.recipe_identity import deciding
from ds_stilts.resources import config_path
from ds_stilts.tasks import get_task

LAYOUT = 1
"""Raised whenever stages with the same facts leave other folders."""


def stage_key(recipe: Recipe, stage: str, sources: Mapping[str, str]) -> str:
    """Hash of `stage_facts`: 32 hexadecimal digits.

    Args:
        recipe: one that `check_recipe` has passed.
        stage: one of `plan.stages`.
        sources: by stage, what identifies the files that it reads (see `studies.sources`); a stage that is missing
            there is told apart by the recipe alone, which is enough to count, and for made-up languages.
    """
    return hashlib.sha256(json.dumps(stage_facts(recipe, stage, sources), sort_keys=True).encode()).hexdigest()[:32]


def stage_facts(recipe: Recipe, stage: str, sources: Mapping[str, str]) -> dict[str, Any]:
    """Everything that decides a stage's numbers, as plain values."""
    kind, *names = stage.split("/")
    before = stage_before(recipe, stage)
    facts: dict[str, Any] = {
        "layout": LAYOUT,
        "version": __version__,
        "kind": kind,
        "engine": engine_values(recipe.engine.config),
        "world": made_up_world(recipe),
        "sources": sources.get(stage, ""),
        "before": stage_key(recipe, before, sources) if before else _loaded(recipe, sources),
    }
    if kind == "start":
        return facts | {"seed": recipe.seed_of("start"), "start": _start(recipe)}
    if kind == "arms":
        phase = arm_stages(recipe, names[0])[stage]
        if isinstance(phase, Merge):
            return facts | {
                "merged": _merged(recipe, names[0], phase, sources),
                "keeps_language_head": keeps_language_head(recipe, stage),
            }
        return facts | {
            "seed": recipe.seed_of("arms"),
            "place": names[1] if len(names) > 1 else "1",  # later phases of a sequence draw from seeds of their own
            "phase": _phase(recipe, phase.model_dump(mode="json")),
            "keeps_language_head": keeps_language_head(recipe, stage),
        }
    target = recipe.targets[names[1]]
    searched = get_task(names[1]).is_searched
    own = {
        "arm": names[0],
        "target": names[1],
        "phase": _phase(recipe, {"tasks": {names[1]: {}}, **target.model_dump(mode="json", exclude={"tasks"})}),
        "seed": None if searched else recipe.seed_of("targets"),
        "note": recipe.start.note,
    }
    if searched:
        own["search"] = {"layer": recipe.evaluation.layer, **recipe.evaluation.pooled()}
    return facts | own


def _merged(recipe: Recipe, arm: str, merge: Merge, sources: Mapping[str, str]) -> list[tuple[str, str]]:
    """The key and the weight, as a fraction, of each stage that is merged, in the order of summing."""
    return [
        (stage_key(recipe, stage, sources), str(merge.weights[other]))
        for other, stage in merged_stages(recipe, arm).items()
    ]


def made_up_world(recipe: Recipe) -> dict[str, Any] | None:
    """What the made-up languages' files are a pure function of."""
    if recipe.data.synthetic is None:
        return None
    from ds_stilts.synthetic.write import FORMAT

    return {"format": FORMAT, **deciding(recipe.data.synthetic.model_dump(mode="json"))}


def engine_values(name_or_path: str) -> Any:
    """The DeepSpeed JSON that a recipe names, by its content."""
    path = Path(name_or_path) if Path(name_or_path).is_file() else config_path(name_or_path)
    return json.loads(path.read_text(encoding="utf-8"))


def _start(recipe: Recipe) -> dict[str, Any]:
    """The start model as it is made; `note` is prose, and its seed stands apart."""
    values: dict[str, Any] = deciding(recipe.start.model_dump(mode="json", exclude={"note", "seed"}))
    phase = values.get("pretrain")
    return values if phase is None else {**values, "pretrain": _phase(recipe, phase)}


def _loaded(recipe: Recipe, sources: Mapping[str, str]) -> dict[str, Any]:
    """A start model that no stage makes."""
    drawn = {"seed": recipe.seed_of("start")} if recipe.start.random_init else {}
    return {"start": _start(recipe), "weights": sources.get("", ""), **drawn}


def _phase(recipe: Recipe, values: dict[str, Any]) -> dict[str, Any]:
    """A phase's deciding keys, with the recipe's own tasks and parts as declared; where files lie says nothing."""
    own = {
        name: recipe.tasks[base].model_dump(mode="json", exclude={"files", "gold"})
        for name in values.get("tasks") or {}
        if (base := name.partition(":")[0]) in recipe.tasks
    }
    named = {name.partition(":")[0] for name in values.get("tasks") or {}}
    own |= {name: part.model_dump(mode="json") for name, part in recipe.parts.items() if name in named}
    decided: dict[str, Any] = deciding(values)
    return {**decided, "own_tasks": own} if own else decided
