"""A study's plan as text for people."""

from collections.abc import Mapping
from typing import Any

from ds_stilts.planning.machine import gib
from ds_stilts.studies.power import power_words

_NO_SLOPE = "what a slope finds is not announced (statistics.language_sd)"


def plan_text(plan: Mapping[str, Any]) -> str:
    """The plan of `studies.plan.plan_study`."""
    seeds, stages, cost = plan["seeds"], plan["stages"], plan["cost"]
    nested = f", {seeds['targets_each']} target seeds in each" if seeds["targets_each"] > 1 else ""
    lines = [
        f"{plan['study']} ({plan['size']}): {plan['question']}",
        f"{len(plan['arms'])} arms, {len(seeds['intermediate'])} seeds{nested}, {len(plan['targets'])} targets: "
        f"{', '.join(plan['targets'])}",
        "",
        *_arms(plan["arms"]),
        *_budget(plan["budget"]),
        "",
        f"{plan['runs']} run folders; {stages['all']} stages ({stages['start']} start, {stages['arms']} intermediate, "
        f"{stages['targets']} target), {stages['without_sharing']} if nothing were shared; "
        f"{stages['done']} are done",
        f"one intermediate model serves up to {stages['targets_on_one_intermediate_model']} targets",
        *_cost(cost),
        *_items(plan["items"]),
        "",
        *_contrasts(plan["contrasts"]),
    ]
    lines += ["", "not verified:"] if plan["unverified"] else []
    lines += [f"  {key}: {note}" for key, note in plan["unverified"].items()]
    return "\n".join(lines)


def _arms(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = []
    width = max(len(name) for name in arms)
    for name, arm in arms.items():
        steps, tokens = arm["steps"], arm["tokens"]
        most = {"exact": "", "an upper bound": "at most "}.get(arm["tokens_are"], "about ")
        size = "no intermediate phase" if steps == 0 else "steps not known before the data are prepared"
        if steps:
            size = f"{steps:,} steps" + (f", {most}{tokens:,} tokens" if tokens is not None else "")
            size += ", of the arms that it merges" if arm["merged"] else ""
        why = f"; not matched: {arm['unmatched']}" if arm.get("unmatched") else ""
        lines.append(f"  {name.ljust(width)}  {arm['role']:9}  {size}{why}")
    return lines


def _budget(budget: Mapping[str, Any] | None) -> list[str]:
    if budget is None:
        return ["budget: nothing is matched"]
    where = "intermediate phases" if budget["over"] == "intermediate" else "all training"
    known = "planned amounts agree" if budget["known"] else "checked from the ledger, once it is known"
    return [f"budget: {budget['match']} of {where} within {budget['tolerance']:.0%}; {known}"]


def _cost(cost: Mapping[str, Any]) -> list[str]:
    partly = "" if cost["is_complete"] else "; of some phases the length is not known yet, and they are not counted"
    return [
        f"left to do: {cost['tokens']:,} training tokens, {cost['flops']:.2e} FLOPs, {cost['device_hours']:,.2f} "
        f"hours of one {cost['device']}, at least {cost['hours_at_least']:,.2f} hours on {cost['devices']} of them"
        f"{partly}",
        f"disk: {gib(cost['disk_bytes']):,.2f} GiB",
    ]


def _items(items: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Where each task's number of training items is from, the tasks of one source in one line."""
    by_source: dict[str, list[str]] = {}
    for task, one in items.items():
        number = "" if one["items"] is None else f" {one['items']:,}"
        by_source.setdefault(one["counted"], []).append(f"{task}{number}")
    return [f"training items, {source}: {', '.join(tasks)}" for source, tasks in by_source.items()]


def _contrasts(contrasts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = ["contrasts:"]
    for name, one in contrasts.items():
        arm = f"best of {', '.join(one['arm'])}" if isinstance(one["arm"], list) else one["arm"]
        compared = f"mean of {', '.join(one['rotations'])}" if one["rotations"] else f"{arm} - {one['against']}"
        expected = ", ".join(f"{key} {value}" for key, value in (one["predicted"] or {}).items()) or "an estimate"
        kind = "confirmatory" if one["confirmatory"] else "exploratory"
        power, seeds = one["power"], one["paired_seeds"]
        words = power_words(power) or (_NO_SLOPE if one["slope"] else "")
        held_back = f" ({power['seeds']} of them score it)" if power and power["seeds"] != seeds else ""
        lines.append(
            f"  {name}: {compared}, {expected}, {kind}, over {one['languages']} languages and "
            f"{seeds} paired seeds{held_back}{'; ' if words else ''}{words}"
        )
    return lines
