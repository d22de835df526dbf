"""An arm that merges others in a study: its key, its place in the graph, its budget, and what may not be merged."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.studies.cells import used_amounts
from ds_stilts.studies.expand import expand
from ds_stilts.studies.graph import build_graph
from ds_stilts.studies.guards import labels_seen
from ds_stilts.studies.keys import stage_key
from ds_stilts.studies.plan import check_study, plan_study
from ds_stilts.studies.sections import Budget
from ds_stilts.studies.store import write_json
from ds_stilts.studies.study import Study
from ds_stilts.studies.text import plan_text
from tests.studies.worlds import study

PHASES: dict[str, Any] = {name: {"tasks": {f"synth_{name}": {}}, "batch_tokens": 512} for name in ("qa", "nli")}
PART = {"unmatched": "a part of the merged arm"}


def merging(merge: Any = None, **arms: Any) -> Study:
    """Arms of 4, 6 and 10 steps, and the sum of the first two."""
    own = {
        "none": {"role": "baseline"},
        "qa": {"intermediate": {**PHASES["qa"], "steps": 4}, **PART},
        "nli": {"intermediate": {"sequence": [{**PHASES["nli"], "steps": 3}] * 2}, **PART},
        "joint": {"intermediate": {**PHASES["qa"], "steps": 10}},
    }
    merged = {"merged": {"intermediate": {"merge": merge or {"arms": ["qa", "nli"]}}}}
    contrasts = {"sum": {"arm": "merged", "against": "joint"}}
    return study(arms={**own, **arms, **merged}, contrasts=contrasts, budget={"match": "tokens"})


def keys(merge: Any = None, **arms: Any) -> dict[str, str]:
    run = expand(merging(merge, **arms))[0]
    return {stage: stage_key(run.recipe, stage, {}) for stage in run.stages}


def differing(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in before if before[stage] != after.get(stage)}


MERGED = {"arms/merged", "targets/merged/synth_qa_low", "targets/merged/synth_pos"}


@pytest.mark.parametrize(
    "merge", [{"arms": ["nli", "qa"]}, {"arms": {"nli": 0.5, "qa": 0.5}}, {"arms": ["qa", "nli"], "weight": 0.5}]
)
def test_how_a_merge_is_written_is_no_part_of_its_key(merge: Any) -> None:
    assert keys(merge) == keys()


@pytest.mark.parametrize(
    "merge", [{"arms": ["qa"]}, {"arms": ["qa", "nli"], "weight": 1}, {"arms": {"qa": 0.4, "nli": 0.6}}]
)
def test_arms_and_weights_are_parts_of_its_key(merge: Any) -> None:
    assert differing(keys(), keys(merge)) == MERGED


def test_whatever_changes_a_merged_arm_changes_the_merge() -> None:
    changed = keys(qa={"intermediate": {**PHASES["qa"], "steps": 5}, **PART})
    own = {"arms/qa", "targets/qa/synth_qa_low", "targets/qa/synth_pos"}
    assert differing(keys(), changed) == MERGED | own


def test_a_merge_comes_after_all_that_it_reads() -> None:
    nodes = build_graph(expand(merging()), lambda run: {})
    place = {node.key: number for number, node in enumerate(nodes)}
    assert all(place[before] < place[node.key] for node in nodes for before in node.before)
    read = {node.stage: node.before for node in nodes if node.run.seed.intermediate == 1}
    own = keys()
    assert read["arms/merged"] == (own["start"], own["arms/nli/2"], own["arms/qa"])
    assert read["targets/merged/synth_pos"] == (own["arms/merged"],)


def test_its_budget_is_the_sum_of_those_that_it_merges_and_it_trains_nothing_itself() -> None:
    plan = plan_study(merging())
    assert plan["budget"]["planned"] == {"joint": 5120, "merged": 5120}
    assert (plan["arms"]["merged"]["steps"], plan["arms"]["merged"]["tokens"]) == (10, 5120)
    assert "10 steps, 5,120 tokens, of the arms that it merges" in plan_text(plan)
    trained = plan["cost"]["tokens"]
    more = plan_study(merging(twice={"intermediate": {"merge": {"arms": ["qa", "nli"], "weight": 1}}}))["cost"]
    assert plan["cost"]["is_complete"] and more["is_complete"]
    assert more["tokens"] - trained == trained - plan_study(_without_merge())["cost"]["tokens"]  # those of its targets
    assert more["disk_bytes"] > plan["cost"]["disk_bytes"]


def _without_merge() -> Study:
    values = merging().model_dump()
    del values["arms"]["merged"]
    values["contrasts"] = {"c": {"arm": "joint", "against": "none"}}
    return Study.model_validate(values)


def test_unequal_sums_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"arms 'joint' and 'merged' differ by 150.0% in tokens"):
        check_study(merging({"arms": ["qa"]}))


def test_what_it_used_is_what_its_arms_used(tmp_path: Path) -> None:
    own = merging()
    for run in expand(own):
        for number, stage in enumerate(stage for stage in run.stages if stage.startswith("arms/")):
            folder = tmp_path / run.folder / stage
            folder.mkdir(parents=True)
            used = 0 if stage == "arms/merged" else 10**number
            write_json(folder / "ledger.json", dict.fromkeys(("steps", "examples", "tokens"), used))
    # qa 1, nli 10 and 100, joint 1000
    assert used_amounts(own, tmp_path, Budget(match="tokens")) == {"joint": 1000, "merged": 111}


def test_it_has_seen_the_labels_of_all_that_it_merges() -> None:
    seen = {"intermediate": {"tasks": {"tydiqa": {"languages": ["sw"]}}, "steps": 4, "batch_examples": 8}}
    real = study(
        base={"start": {"model": "FacebookAI/xlm-roberta-base"}, "training": {"steps": 4, "batch_examples": 8}},
        arms={"none": {"role": "baseline"}, "sw": seen, "merged": {"intermediate": {"merge": {"arms": ["sw"]}}}},
        targets={"xnli": {}},
        contrasts={"c": {"arm": "merged", "against": "none"}},
    )
    assert labels_seen(expand(real)[0].recipe, "merged", "xnli") == {"en", "sw"}
    with pytest.raises(RecipeError, match="arm 'merged' has seen labels in 'sw' when it is scored on 'xnli'"):
        check_study(real)


@pytest.mark.parametrize("where", ["qa", "merged"])
def test_arms_of_two_recipes_are_not_merged(where: str) -> None:
    values = merging().model_dump()
    values["arms"][where]["targets"] = {"synth_pos": {"steps": 9}}
    with pytest.raises(RecipeError, match=f"arms.merged.intermediate.merge: '{where}' has a start model or targets of"):
        expand(Study.model_validate(values))


def test_an_unknown_arm_is_told_with_the_study() -> None:
    with pytest.raises(RecipeError, match=r"arms.merged.merge.arms: there is no arm 'nl' \(did you mean 'nli'\?\)"):
        expand(merging({"arms": ["nl"]}))
