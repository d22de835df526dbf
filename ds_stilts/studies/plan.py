"""What a study would do and cost, as a value for JSON, before anything runs. How it reads as text: `studies.text`.

Hours follow from FLOPs and the study's `hardware`, which is assumed, not measured; scoring and everything else that is
not training arithmetic is in its `stage_s`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.phases.context import data_folder
from ds_stilts.plan import clean_target, merged_stages, trains_target
from ds_stilts.recipe import Recipe
from ds_stilts.studies.budget import PhaseCost, learned_in, phase_costs, total
from ds_stilts.studies.expand import StudyRun, expand
from ds_stilts.studies.graph import Node, Sources, build_graph
from ds_stilts.studies.guards import (
    all_languages,
    arm_recipes,
    check_arms,
    check_budget,
    check_seeds,
    planned_amounts,
)
from ds_stilts.studies.keeping import readers
from ds_stilts.studies.power import announced_power
from ds_stilts.studies.sections import Contrast
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study

_CERTAINTY = ("exact", "a mean of prepared files", "an upper bound")
_MODEL_BYTES = 4
"""Of a finished stage, a parameter: models are exported in fp32."""
_STATE_BYTES = 16
"""Of a checkpoint while a phase trains: fp32 weights, two moments and the master copy, a parameter (ZeRO's paper,
arXiv:1910.02054, section 3.1, counts as many for mixed precision)."""


def check_study(study: Study, data_root: Path | None = None) -> list[StudyRun]:
    """The runs of a study that has passed every check which needs no data; see `studies.guards`.

    Args:
        data_root: folder of the official files; None: the base recipe's, if it names one. Budgets are then those of
            what lies there.
    """
    runs = expand(study)
    check_seeds(study)
    check_arms(study, runs)
    costs = arm_costs(study, runs, data_folder(runs[0].recipe, data_root))
    _check_assumed(study, costs)
    check_budget(study, costs)
    return runs


def _check_assumed(study: Study, costs: Mapping[str, Mapping[str, PhaseCost]]) -> None:
    trained = _items(costs)
    for task in study.assumed_items if trained else ():
        if task not in trained:
            raise RecipeError(
                f"assumed_items.{task}: no phase of the study trains on it{suggestion(task, list(trained))}; remove it"
            )


def arm_costs(study: Study, runs: Sequence[StudyRun], data_root: Path | None = None) -> dict[str, dict[str, PhaseCost]]:
    """By arm, the costs of all phases of its recipe; without a data root no file is looked at."""
    assumed = {task: one.items for task, one in study.assumed_items.items()}
    recipes = arm_recipes(runs)
    made: dict[int, dict[str, PhaseCost]] = {}
    for recipe in recipes.values():
        made.setdefault(id(recipe), phase_costs(recipe, recipe.engine.processes, data_root, assumed))
    return {arm: made[id(recipe)] for arm, recipe in recipes.items()}


def plan_study(
    study: Study, *, store: Store | None = None, sources: Sources | None = None, data_root: Path | None = None
) -> dict[str, Any]:
    """The plan of a study.

    Args:
        store: where finished stages are looked for; None: nothing is done yet.
        sources: what the runs' stages read; None: files are not looked at, and stages are told apart by recipes alone.
        data_root: folder of the official files, whose examples are counted; None: the recipes', or published counts.

    Raises:
        RecipeError: what the study may not do or claim.
        DataError: a data file is malformed.
    """
    runs = check_study(study, data_root)
    costs = arm_costs(study, runs, data_folder(runs[0].recipe, data_root))
    nodes = build_graph(runs, sources or (lambda run: {}))
    left = [node for node in nodes if not (store and store.is_done(node.key))]
    return {
        "study": study.study,
        "size": study.size,
        "question": study.question,
        "seeds": {"intermediate": list(study.seeds.intermediate), "targets_each": study.seeds.targets_each},
        "arms": {name: _arm(study, costs, name) for name in study.arms},
        "targets": list(study.targets),
        "budget": _budget(study, costs),
        "runs": len(runs),
        "stages": _stages(nodes, left, sum(len(run.stages) for run in runs)),
        "cost": cost_of(study, left, costs),
        "contrasts": {name: _contrast(study, runs, contrast) for name, contrast in study.contrasts.items()},
        "items": _items(costs),
        "unverified": study.not_verified(),
    }


def _items(costs: Mapping[str, Mapping[str, PhaseCost]]) -> dict[str, dict[str, Any]]:
    """By task, the most items that a phase trains on, and where the number is from."""
    found: dict[str, dict[str, Any]] = {}
    for cost in (cost for phases in costs.values() for cost in phases.values()):
        for task, size in cost.counts.items():
            if task not in found or (size.items or 0) > (found[task]["items"] or 0):
                found[task] = {"items": size.items, "counted": size.counted}
    return found


def _arm(study: Study, costs: Mapping[str, Mapping[str, PhaseCost]], name: str) -> dict[str, Any]:
    arm = study.arms[name]
    own = learned_in(costs[name], name)
    return {
        "role": arm.role,
        "steps": total(cost.steps for cost in own),
        "tokens": total(cost.tokens for cost in own),
        "tokens_are": max((cost.tokens_are for cost in own), key=_CERTAINTY.index, default="exact"),
        "merged": arm.is_merged,
        "matched": arm.is_matched,
        **({"unmatched": arm.unmatched} if arm.unmatched else {}),
        **({"note": arm.note} if arm.note else {}),
    }


def _budget(study: Study, costs: Mapping[str, Mapping[str, PhaseCost]]) -> dict[str, Any] | None:
    if study.budget is None:
        return None
    amounts = planned_amounts(study, costs)
    return {**study.budget.model_dump(), "planned": amounts, "known": all(v is not None for v in amounts.values())}


def _stages(nodes: Sequence[Node], left: Sequence[Node], separately: int) -> dict[str, Any]:
    """How many stages there are, once each, by kind; how many that would be without sharing; and how many are left."""
    kinds = ("start", "arms", "targets")
    return {
        **{kind: sum(node.kind == kind for node in nodes) for kind in kinds},
        "all": len(nodes),
        "without_sharing": separately,
        "shared": sum(len(node.serves) > 1 for node in nodes),
        "targets_on_one_intermediate_model": _most_followed(nodes),
        "done": len(nodes) - len(left),
    }


def _most_followed(nodes: Sequence[Node]) -> int:
    arms = [node.key for node in nodes if node.kind == "arms"]
    after = [key for node in nodes if node.kind == "targets" for key in node.before]
    return max((after.count(key) for key in arms), default=0)


def trained_where(stage: str) -> str:
    """The key of a recipe under which the phase that a stage trains stands, if it trains one."""
    kind, *names = stage.split("/")
    if kind == "start":
        return "start.pretrain"
    if kind == "targets":
        return f"targets.{names[1]}"
    return f"arms.{names[0]}.sequence.{names[1]}" if len(names) > 1 else f"arms.{names[0]}"


def model_where(recipe: Recipe, stage: str) -> str:
    """As `trained_where`, of the model that a stage leaves or scores: a perturbed target may have the clean one's."""
    kind, *names = stage.split("/")
    clean = clean_target(recipe, names[1]) if kind == "targets" else None
    return trained_where(f"targets/{names[0]}/{clean}" if clean else stage)


def cost_of(study: Study, nodes: Sequence[Node], costs: Mapping[str, Mapping[str, PhaseCost]]) -> dict[str, Any]:
    """What some stages of a study cost together."""
    machine = study.hardware
    ranks = nodes[0].run.recipe.engine.processes if nodes else 1
    planned = [costs[node.run.arms[0]].get(trained_where(node.stage)) for node in nodes]
    trains = [_trains(node) for node in nodes]
    known = all(cost is not None and cost.flops is not None for cost, does in zip(planned, trains, strict=True) if does)
    flops = sum(cost.flops or 0.0 for cost in planned if cost)
    device_s = flops / (machine.tflops * 1e12 * machine.utilisation) + len(nodes) * machine.stage_s * ranks
    return {
        "tokens": sum(cost.tokens or 0 for cost in planned if cost),
        "flops": flops,
        "device": machine.device,
        "device_hours": device_s / 3600,
        "hours_at_least": device_s / 3600 / machine.devices,
        "devices": machine.devices,
        "ranks_a_stage": ranks,
        "disk_bytes": _disk_bytes(study, nodes, planned, max(1, machine.devices // ranks)),
        "is_complete": known,
    }


def _disk_bytes(study: Study, nodes: Sequence[Node], planned: Sequence[PhaseCost | None], side_by_side: int) -> int:
    """All models that stay, those that other stages read, and what stages at work hold."""
    parameters = {node.key: cost.parameters for node, cost in zip(nodes, planned, strict=True) if cost}
    dropped = set() if study.keep.target_models else {key for key, own in readers(nodes).items() if not own}
    at_work = _STATE_BYTES + (_MODEL_BYTES if dropped else 0)  # a model that is not counted below until it goes
    kept = sum(count for key, count in parameters.items() if key not in dropped)
    return _MODEL_BYTES * kept + at_work * max(parameters.values(), default=0) * side_by_side


def _trains(node: Node) -> bool:
    kind, *names = node.stage.split("/")
    if kind == "start":
        return node.run.recipe.start.pretrain is not None
    if kind == "arms":
        return not merged_stages(node.run.recipe, names[0])
    return trains_target(node.run.recipe, names[1])


def _contrast(study: Study, runs: Sequence[StudyRun], contrast: Contrast) -> dict[str, Any]:
    recipes: dict[str, Recipe] = arm_recipes(runs)
    languages = all_languages(study, recipes, contrast, "of")
    return {
        "arm": contrast.best_of or contrast.arm,
        "against": contrast.against,
        "rotations": [f"{one.arm} - {one.against}" for one in contrast.rotations or []],
        "predicted": contrast.predicted.model_dump(exclude_none=True) if contrast.predicted else None,
        "confirmatory": contrast.confirmatory,
        "slope": contrast.slope,
        "languages": len({language for own in languages.values() for language in own}),
        "paired_seeds": len(study.seeds.intermediate),
        "power": announced_power(study, contrast, languages),
    }
