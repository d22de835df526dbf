"""The numbers of a plan, worked out by hand, and how it reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.planning.start_model import start_shape
from ds_stilts.studies.budget import arm_amount, mismatch, phase_costs
from ds_stilts.studies.expand import expand
from ds_stilts.studies.graph import build_graph
from ds_stilts.studies.plan import check_study, model_where, plan_study, trained_where
from ds_stilts.studies.sections import Budget
from ds_stilts.studies.store import Store
from ds_stilts.studies.text import plan_text
from tests.studies.worlds import study

ARM = {"tasks": {"synth_qa": {}}, "steps": 10, "batch_tokens": 512}


def test_stages_are_counted_once_each_and_as_if_nothing_were_shared() -> None:
    stages = plan_study(study(seeds={"intermediate": [1, 2], "targets_each": 3}))["stages"]
    # one start; two arms a seed; three arms, two targets and three target seeds a seed
    assert (stages["start"], stages["arms"], stages["targets"], stages["all"]) == (1, 4, 36, 41)
    assert stages["without_sharing"] == 6 * (1 + 2 + 6)
    assert stages["targets_on_one_intermediate_model"] == 6


def test_tokens_flops_and_hours_follow_from_steps_and_shapes() -> None:
    only = study(
        arms={"none": {"role": "baseline"}, "qa": {"intermediate": ARM}},
        targets={"synth_retrieval": {}},
        seeds={"intermediate": [1, 2]},
        hardware={"tflops": 1e-6, "utilisation": 0.5, "devices": 2, "stage_s": 3},
    )
    cost = plan_study(only)["cost"]
    recipe = expand(only)[0].recipe
    shape, _ = start_shape(recipe)
    blocks = sum(weight.numel for weight in shape.weights if weight.part != "embeddings")
    head = 2 * 32 + 2  # a start and an end of spans

    assert cost["tokens"] == 2 * 10 * 512
    assert cost["flops"] == 6 * (blocks + head) * 2 * 10 * 512
    seconds = cost["flops"] / (1e-6 * 1e12 * 0.5) + 3 * (
        1 + 2 + 3
    )  # without training, a search from one start model is the same in both seeds
    assert abs(cost["device_hours"] - seconds / 3600) < 1e-9
    assert abs(cost["hours_at_least"] - cost["device_hours"] / 2) < 1e-12
    every = sum(weight.numel for weight in shape.weights) + head
    assert cost["disk_bytes"] == 2 * 4 * every + 2 * 16 * every


def test_a_perturbed_target_costs_no_training_and_no_model_where_the_clean_one_is_there() -> None:
    plain = {"synth_pos": {"batch_tokens": 512}}
    noisy = {"synth_pos:noise": {"batch_tokens": 512, "max_score_examples": 9}}

    def planned(targets: dict[str, Any]) -> dict[str, Any]:
        return plan_study(study(targets=targets, hardware={"stage_s": 0}))

    clean, both, alone = (planned(targets) for targets in (plain, {**noisy, **plain}, noisy))
    assert both["stages"]["targets"] == 2 * clean["stages"]["targets"]
    assert both["cost"] == clean["cost"] and alone["cost"]["flops"] == clean["cost"]["flops"] > 0
    recipe = expand(study(targets={**noisy, **plain}))[0].recipe
    assert set(phase_costs(recipe, 1)) == {"arms.qa", "arms.shuffled", "targets.synth_pos"}
    stages = ["targets/qa/synth_pos", "targets/qa/synth_pos:noise"]
    assert [model_where(recipe, stage) for stage in stages] == ["targets.synth_pos"] * 2


def test_what_sees_only_what_an_mt5_writes_is_not_counted_for_every_token_that_it_reads() -> None:
    given = study(
        base__start={"model": "google/mt5-base", "use": "text"},
        arms={"none": {"role": "baseline"}, "qa": {"intermediate": ARM}},
        contrasts={"c": {"arm": "qa", "against": "none"}},
    )
    cost = phase_costs(expand(given)[0].recipe, 1)["arms.qa"]

    square, inner, vocabulary, layers = 768 * 768, 768 * 2048, 768 * 250112, 12
    read = layers * (4 * square + 3 * inner) + layers * 2 * square  # the encoder, and keys and values of the decoder
    written = layers * (6 * square + 3 * inner) + vocabulary
    assert cost.active_parameters == pytest.approx(read + written / 16, rel=0.001)  # norms are left out here
    assert cost.flops == pytest.approx(6 * cost.active_parameters * 10 * 512)


def test_masked_tokens_of_a_mixture_pass_the_word_embedding_and_no_other_token_does() -> None:
    """Half of the items are running text, of which 15 % is masked; both tasks have items of 512 tokens at most."""
    tasks = {"mnli": {"max_examples": 1000, "share": 0.5}, "text": {"max_examples": 1000, "share": 0.5}}
    arm = {"tasks": tasks, "steps": 10, "batch_examples": 8, "max_tokens": 512}
    given = study(
        base__data={},
        base__start={"model": "xlm-roberta-base"},
        arms={
            "none": {"role": "baseline"},
            "mixed": {"intermediate": arm},
            "nli": {"intermediate": {**arm, "tasks": {"mnli": {}}}},
        },
        targets={"xnli": {}},
        contrasts={"c": {"arm": "mixed", "against": "none"}},
    )
    costs = phase_costs(expand(given)[0].recipe, 1)
    more = costs["arms.mixed"].active_parameters - costs["arms.nli"].active_parameters
    language_head = 768 * 768 + 768 + 2 * 768 + 250002
    assert more == pytest.approx(language_head + 0.5 * 0.15 * 768 * 250002, rel=0.01)


def test_activation_checkpointing_costs_a_third_more() -> None:
    def flops(**training: bool) -> float:
        only = study(arms={"none": {"role": "baseline"}, "qa": {"intermediate": {**ARM, **training}}}, contrasts={
            "c": {"arm": "qa", "against": "none"}})  # fmt: skip
        found = phase_costs(expand(only)[0].recipe, 1)["arms.qa"].flops
        assert found is not None
        return found

    assert 3 * flops(activation_checkpointing=True) == 4 * flops()


def test_finished_stages_are_left_out_of_what_is_left(tmp_path: Path) -> None:
    store = Store(root=tmp_path)
    nodes = build_graph(check_study(study()), lambda run: {})
    for node in nodes[:2]:
        store.folder(node.key).mkdir(parents=True)
        (store.folder(node.key) / "DONE").write_text("{}")
    whole, left = plan_study(study()), plan_study(study(), store=store)
    assert left["stages"]["done"] == 2 and left["cost"]["tokens"] < whole["cost"]["tokens"]


def test_every_stage_comes_after_the_one_before_and_serves_all_that_have_it() -> None:
    nodes = build_graph(expand(study(seeds={"intermediate": [1, 2], "targets_each": 2})), lambda run: {})
    place = {node.key: number for number, node in enumerate(nodes)}
    assert all(place[before] < place[node.key] for node in nodes for before in node.before)
    assert len(next(node for node in nodes if node.stage == "start").serves) == 4
    arm = next(node for node in nodes if node.stage == "arms/qa")
    assert [(run.seed.label, stage) for run, stage in arm.serves] == [("1.1", "arms/qa"), ("1.2", "arms/qa")]


def test_an_arms_amount_is_that_of_all_its_phases_and_the_mean_target_if_asked_for() -> None:
    chain = {"sequence": [ARM, {**ARM, "steps": 4}]}
    recipe = expand(study(arms={"none": {"role": "baseline"}, "qa": {"intermediate": chain}}))[0].recipe
    costs = phase_costs(recipe, 1)
    assert arm_amount(costs, "qa", Budget(match="tokens")) == 14 * 512
    assert arm_amount(costs, "qa", Budget(match="steps", over="all")) == 14 + 4
    assert arm_amount(costs, "none", Budget(match="steps")) == 0
    assert arm_amount(costs, "qa", Budget(match="tokens", over="all")) is None  # targets' lengths are not known


def test_budgets_are_compared_where_they_are_known() -> None:
    budget = Budget(match="steps")
    assert mismatch({"a": 100, "b": 102}, budget) is None
    assert mismatch({"a": 100, "b": 103, "c": None}, budget) == ("b", "a", 0.03)
    assert mismatch({"a": 100, "b": None}, budget) is None
    assert mismatch({"a": 0, "b": 5}, budget) == ("b", "a", 1.0)


def test_a_stage_is_found_under_the_key_of_its_phase() -> None:
    stages = ["start", "arms/qa", "arms/qa/2", "targets/qa/synth_pos"]
    assert [trained_where(s) for s in stages] == [
        "start.pretrain",
        "arms.qa",
        "arms.qa.sequence.2",
        "targets.synth_pos",
    ]


def test_the_text_says_what_is_shared_matched_and_predicted() -> None:
    text = plan_text(plan_study(study(unverified={"lr": "from memory"})))
    assert "17 stages (1 start, 4 intermediate, 12 target), 18 if nothing were shared" in text
    assert "budget: steps of intermediate phases within 2%; planned amounts agree" in text
    assert "qa_helps: qa - none, sign positive, exploratory, over 2 languages and 2 paired seeds" in text
    assert text.endswith("not verified:\n  lr: from memory")


MNLI = {
    "base__data": {},
    "base__start": {"model": "FacebookAI/xlm-roberta-base"},
    "arms": {"none": {"role": "baseline"}, "qa": {"intermediate": {"tasks": {"mnli": {}}, "epochs": 2}}},
    "targets": {"tatoeba": {}},
    "budget": None,
}


def test_what_lies_in_the_cache_changes_no_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DS_STILTS_CACHE", str(tmp_path))
    before = plan_study(study(**MNLI))
    for version in ({}, {"tokenizer": "another"}):
        facts = {"task": "mnli", "split": "train", "language": "en", "examples": 7000, "items": 7000, "sequences": 7000,
                 "tokens": 280_000, "bytes": 1, "checksum": "xxh3:a", **version}  # fmt: skip
        folder = tmp_path / "prepared" / "mnli"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"train-en-{len(version)}.json").write_text(json.dumps(facts))
    assert plan_study(study(**MNLI)) == before
    assert before["items"]["mnli"] == {"items": 392_702, "counted": "published counts"}


def test_with_a_data_root_the_examples_there_are_counted(tmp_path: Path) -> None:
    (tmp_path / "mnli").mkdir()
    row = json.dumps({"premise": "a", "hypothesis": "b", "label": "neutral"})
    (tmp_path / "mnli" / "train.jsonl").write_text(f"{row}\n" * 64)
    made = study(**MNLI)
    steps = plan_study(made, data_root=tmp_path)["arms"]["qa"]["steps"]
    assert steps == 2 * 64 // expand(made)[0].recipe.arms["qa"].batch_examples  # type: ignore[union-attr, operator]
    named = study(**{**MNLI, "base__data": {"root": str(tmp_path)}})
    assert plan_study(named)["items"]["mnli"] == {"items": 64, "counted": "data files"}


def test_an_assumed_count_makes_a_plan_whole_and_is_said_not_to_be_verified() -> None:
    arm = {"qa": {"intermediate": {"tasks": {"ccg": {}}, "epochs": 1}}, "none": {"role": "baseline"}}
    without = plan_study(study(**{**MNLI, "arms": arm}))
    assert without["arms"]["qa"]["steps"] is None and not without["cost"]["is_complete"]
    assumed = {"ccg": {"items": 320, "why": "a guess"}}
    made = study(**{**MNLI, "arms": arm}, assumed_items=assumed)
    found = plan_study(made)
    assert found["arms"]["qa"]["steps"] and found["cost"]["is_complete"]
    assert "training items, assumed, not verified: ccg 320" in plan_text(found)
    assert plan_text(found).endswith("not verified:\n  320 items of ccg: a guess")
    assert made.declared() == study(**{**MNLI, "arms": arm}).declared()


def test_an_assumed_count_of_a_task_that_nothing_trains_on_is_refused() -> None:
    assumed = {"mnly": {"items": 1, "why": "a guess"}}
    with pytest.raises(RecipeError, match=r"assumed_items.mnly: no phase .* \(did you mean 'mnli'\?\)"):
        check_study(study(**MNLI, assumed_items=assumed))
