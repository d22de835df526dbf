"""What a study would save if, for each target, only the arms that look best beforehand were run. Changes nothing.

Baselines stay, arms and targets of which nothing is predicted stay, and so do controls that a confirmatory contrast
names. An arm that no target needs any more is not trained either. What looks best `ds_stilts.studies.predict` says.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from ds_stilts.errors import RecipeError
from ds_stilts.phases.context import data_folder
from ds_stilts.statistics.regret import regret
from ds_stilts.studies.graph import Node, Sources, build_graph
from ds_stilts.studies.plan import arm_costs, check_study, cost_of
from ds_stilts.studies.sections import Contrast
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study

Cell = tuple[str, str]
"""Arm and target."""


def best_k(wanted: str) -> int:
    """The k of "regretK".

    Raises:
        RecipeError: it is something else.
    """
    found = re.fullmatch(r"regret([1-9][0-9]*)", wanted)
    if found is None:
        raise RecipeError(
            f"--prune: '{wanted}' is no way to prune; write regret3 for the 3 arms that look best, or another number"
        )
    return int(found[1])


def prune_study(
    study: Study,
    prediction: Mapping[str, Any],
    k: int,
    *,
    predictors: Iterable[str],
    store: Store | None = None,
    sources: Sources | None = None,
    data_root: Path | None = None,
) -> dict[str, Any]:
    """The pruned plan by each predictor, as a value for JSON.

    Args:
        prediction: of this study, what `studies.predict.prediction.predict_study` gives.
        k: ranked arms to keep for each target.
        predictors: names of the similarities in `prediction`; there is a plan by each.
        store, sources, data_root: as `studies.plan.plan_study` takes them.

    Raises:
        RecipeError: no more than k arms are ranked, so nothing is pruned.
    """
    ranked = list(prediction["arms"])
    if k >= len(ranked):
        raise RecipeError(
            f"--prune: {len(ranked)} arms of study '{study.study}' ({study.size}) are ranked ({', '.join(ranked)}), so "
            f"none is left out if the best {k} are run; give a smaller number"
        )
    runs = check_study(study, data_root)
    costs = arm_costs(study, runs, data_folder(runs[0].recipe, data_root))
    nodes = build_graph(runs, sources or (lambda run: {}))
    done = {node.key for node in nodes if store and store.is_done(node.key)}
    before = cost_of(study, [node for node in nodes if node.key not in done], costs)
    found = {}
    for name in predictors:
        kept = {target: _best(own["arms"], name, k) for target, own in prediction["targets"].items()}
        skipped = _skipped(study, ranked, kept)
        needed = _needed(nodes, skipped)
        left = [node for node in nodes if node.key in needed and node.key not in done]
        after = cost_of(study, left, costs)
        gone = [node for node in nodes if node.key not in needed and node.key not in done]
        found[name] = {
            "kept": kept,
            "skipped_stages": {kind: sum(node.kind == kind for node in gone) for kind in ("arms", "targets")},
            "left_stages": len(left),
            "saved": {key: before[key] - after[key] for key in ("tokens", "device_hours", "hours_at_least")},
            "share_of_hours": 1 - after["device_hours"] / before["device_hours"] if before["device_hours"] else 0.0,
            "regret": _regrets(prediction["targets"], name, k),
            "contrasts": _cut(study, skipped),
        }
    return {
        "k": k,
        "arms": ranked,
        "controls": [arm for arm in _controls(study) if arm not in _named(study)],
        "device": study.hardware.device,
        "predictors": found,
    }


def _best(arms: Mapping[str, Mapping[str, Any]], predictor: str, k: int) -> list[str]:
    """The k first; arms that look the same stand in the study's order."""
    return sorted(arms, key=lambda arm: -arms[arm][predictor])[:k]


def _skipped(study: Study, ranked: Sequence[str], kept: Mapping[str, Sequence[str]]) -> set[Cell]:
    """Of targets without a prediction nothing."""
    controls = [arm for arm in _controls(study) if arm not in _named(study)]
    return {
        (arm, target)
        for target, best in kept.items()
        for arm in [*ranked, *controls]
        if arm not in best and not (study.arms[arm].role == "control" and arm in _named(study))
    }


def _controls(study: Study) -> list[str]:
    return [name for name, arm in study.arms.items() if arm.role == "control"]


def _named(study: Study) -> set[str]:
    return {arm for contrast in study.contrasts.values() if contrast.confirmatory for arm in _arms(contrast)}


def _arms(contrast: Contrast) -> set[str]:
    return {arm for one in contrast.differences() for arm in one.arms}


def _needed(nodes: Sequence[Node], skipped: set[Cell]) -> set[str]:
    """Keys of target stages that some run still asks for, and of all that they need; start models stay."""
    by_key = {node.key: node for node in nodes}

    def asked(node: Node) -> bool:
        return any((stage.split("/")[1], stage.split("/")[2]) not in skipped for _, stage in node.serves)

    needed: set[str] = set()
    wanted = [node.key for node in nodes if node.kind == "start" or (node.kind == "targets" and asked(node))]
    while wanted:
        key = wanted.pop()
        if key not in needed:
            needed.add(key)
            wanted.extend(by_key[key].before)
    return needed


def _regrets(targets: Mapping[str, Mapping[str, Any]], predictor: str, k: int) -> dict[str, Any]:
    """Regret@k by target of which more than k ranked arms were scored, in percent, and its mean."""
    found = {}
    for target, own in targets.items():
        scored = {arm: one for arm, one in own["arms"].items() if "score" in one}
        if len(scored) > k:
            found[target] = regret(
                [one["score"] for one in scored.values()], [one[predictor] for one in scored.values()], k
            )
    return {"targets": found, "mean": fmean(found.values()) if found else None}


def _cut(study: Study, skipped: set[Cell]) -> dict[str, list[str]]:
    """By confirmatory contrast, the cells that it would lack."""
    return {
        name: lacking
        for name, contrast in study.contrasts.items()
        if contrast.confirmatory
        and (
            lacking := [
                f"{arm} / {target}"
                for arm, target in sorted(skipped)
                if any(
                    arm in one.arms and cells is not None and target in study.targets_of(cells)
                    for one in contrast.differences()
                    for cells in (one.of, one.minus)
                )
            ]
        )
    }


def pruned_text(found: Mapping[str, Any]) -> str:
    """What `prune_study` gives, for people."""
    lines = [
        f"if, for each target, only the {found['k']} of {len(found['arms'])} arms that look best were run (nothing is "
        "changed):"
    ]
    if found["controls"]:
        lines.append(f"  controls that no confirmatory contrast names would not be run: {', '.join(found['controls'])}")
    for name, own in found["predictors"].items():
        stages, saved = own["skipped_stages"], own["saved"]
        lines += [
            f"  {name}: {stages['targets']} target and {stages['arms']} intermediate stages fewer, "
            f"{own['left_stages']} left; saves {saved['tokens']:,} training tokens and "
            f"{saved['device_hours']:,.2f} hours of one {found['device']} ({own['share_of_hours']:.0%})",
            *[f"    {target}: {', '.join(arms)}" for target, arms in own["kept"].items()],
        ]
        regrets = own["regret"]
        if regrets["mean"] is not None:
            each = ", ".join(f"{target} {value:.1f} %" for target, value in regrets["targets"].items())
            lines.append(
                f"    of the best score this would have lost {regrets['mean']:.1f} % (Regret@{found['k']}): {each}"
            )
        lines += [
            f"    contrast {contrast} would lack {', '.join(cells)}" for contrast, cells in own["contrasts"].items()
        ]
    return "\n".join(lines)
