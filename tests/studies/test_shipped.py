"""The studies that come with the package: every size of every one passes its plan, and the synthetic ones are small."""

from collections import Counter
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.evaluation.benchmarks import XTREME
from ds_stilts.evaluation.pooling import pooling_of
from ds_stilts.models.family import writes_text
from ds_stilts.phases.checks import all_keys
from ds_stilts.phases.context import Run
from ds_stilts.plan import check_recipe, score_splits
from ds_stilts.planning.data_sizes import ASSUMED
from ds_stilts.planning.machine import gib
from ds_stilts.recipe_file import load_recipe
from ds_stilts.studies.claims.claims_file import load_claims
from ds_stilts.studies.expand import SHARED, expand
from ds_stilts.studies.graph import build_graph
from ds_stilts.studies.keys import stage_key
from ds_stilts.studies.plan import plan_study
from ds_stilts.studies.study import Study
from ds_stilts.studies.study_file import find_study, load_study, shipped_studies, sizes_of
from ds_stilts.studies.text import plan_text
from ds_stilts.synthetic.presets import PRESETS
from ds_stilts.tasks import declare_own, get_task

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "studies.md").read_text(encoding="utf-8").splitlines()
SIZES = [(name, size) for name in shipped_studies() for size in sizes_of(name)]


def row(name: str, size: str, plan: dict[str, Any]) -> str:
    """The line of a plan in the table of docs/studies.md."""
    seeds, stages, cost = plan["seeds"], plan["stages"], plan["cost"]
    nested = f" × {seeds['targets_each']}" if seeds["targets_each"] > 1 else ""
    assumed = [task for task, one in plan["items"].items() if one["counted"] == ASSUMED]
    cells = [
        f"{name.removeprefix('studies/')} --size {size}",
        len(plan["arms"]),
        f"{len(seeds['intermediate'])}{nested}",
        plan["runs"],
        f"{stages['all']:,} ({stages['start']} + {stages['arms']} + {stages['targets']})",
        f"{cost['tokens'] / 1e9:.1f}",
        f"{cost['device_hours']:,.0f}",
        f"{cost['hours_at_least']:,.0f}",
        f"{gib(cost['disk_bytes']):,.0f}",
        ", ".join(assumed) or "none",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def test_all_five_studies_and_the_paper_are_there_in_their_sizes() -> None:
    sizes: dict[str, list[str]] = {}
    for name, size in SIZES:
        sizes.setdefault(name, []).append(size)
    assert {name for name in sizes if name.startswith("studies/")} == {f"studies/s{number}" for number in range(5)}
    for number in range(5):
        text = ["text"] if number == 2 else []
        assert sizes[f"studies/s{number}"] == ["synthetic", "full", *text, "mini", "paper"]
    assert sizes["phang2020/xtreme"] == ["paper", "translated", "dev"]
    assert find_study("s0") == find_study("studies/s0")


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_every_size_passes_its_plan(name: str, size: str) -> None:
    plan = plan_study(load_study(name, size))

    assert plan["stages"]["all"] <= plan["stages"]["without_sharing"]
    assert plan["cost"]["device_hours"] > 0 and plan["cost"]["disk_bytes"] > 0
    assert plan["cost"]["is_complete"]
    if size in ("paper", "translated", "dev"):
        assert row(name, size, plan) in DOCUMENTED
    if plan["budget"]:
        amounts = [amount for amount in plan["budget"]["planned"].values() if amount is not None]
        assert len(amounts) == len(plan["budget"]["planned"]) and max(amounts) <= 1.02 * min(amounts)
    text = plan_text(plan)
    assert all(contrast in text for contrast in plan["contrasts"])


@pytest.mark.parametrize("name", [f"studies/s{number}" for number in range(5)])
def test_a_synthetic_size_is_five_arms_six_paired_seeds_and_three_targets_at_most(name: str) -> None:
    study = load_study(name, "synthetic")
    assert len(study.arms) <= 5 and len(study.targets) <= 3
    assert study.seeds.intermediate == [1, 2, 3, 4, 5, 6] and study.seeds.targets_each == 1
    assert study.budget is not None and study.budget.match == "tokens"


def controls(study: Study) -> set[str]:
    """What kinds of control a study in made-up languages has, by what its arms do."""
    found = set()
    for arm in study.arms.values():
        tasks = (arm.intermediate or {}).get("tasks") or {}
        formats = {get_task(name).format for name in tasks}
        if arm.intermediate is None:
            found.add("longer" if arm.role == "control" and arm.targets else arm.role)
        elif arm.role == "control" and all(name.endswith(":shuffled") for name in tasks):
            found.add("shuffled")
        elif arm.role == "control" and all(name.endswith(":real_fake") for name in tasks):
            found.add("real or fake")
        elif arm.role == "control" and formats == {"masked_lm"}:
            assert all(use["languages"] == ["aa"] for use in tasks.values())
            found.add("English text")
    return found


@pytest.mark.parametrize("name", [f"studies/s{number}" for number in range(5)])
def test_a_full_size_has_every_control_puts_every_arm_to_use_and_confirms_nothing(name: str) -> None:
    study = load_study(name, "full")
    assert controls(study) == {"baseline", "longer", "shuffled", "real or fake", "English text"}
    compared = {arm for contrast in study.contrasts.values() for arm in contrast.arms}
    merged = {
        part for arm in study.arms.values() if arm.is_merged for part in (arm.intermediate or {})["merge"]["arms"]
    }
    assert compared | merged == set(study.arms)
    assert not any(contrast.confirmatory or contrast.predicted for contrast in study.contrasts.values())
    assert "confirms nothing" in study.description


@pytest.mark.parametrize("name", [f"studies/s{number}" for number in range(5)])
def test_a_full_size_runs_none_of_the_synthetic_stages_again(name: str) -> None:
    few, full = (expand(load_study(name, size))[0] for size in ("synthetic", "full"))
    stages = [stage for stage in few.stages if stage in full.stages]
    left_out = {stage.rpartition("/")[2] for stage in few.stages if stage not in stages}
    assert left_out == ({"synth_paraphrase", "synth_choice"} if name == "studies/s2" else set())
    for stage in stages:
        assert stage_key(full.recipe, stage, {}) == stage_key(few.recipe, stage, {}), stage


def test_s2_is_also_asked_of_a_model_that_writes_labels_with_the_arms_of_the_encoder() -> None:
    study = load_study("s2", "text")
    recipe = expand(study)[0].recipe
    assert writes_text(recipe.start) and recipe.start.architecture and recipe.start.architecture.family == "mt5"
    assert study.arms == load_study("s2", "synthetic").arms
    assert "confirms nothing" in study.description and not any(one.confirmatory for one in study.contrasts.values())


def test_size_matched_arms_have_as_many_items_as_english_alone() -> None:
    sets = PRESETS["tiny"].sets
    for name, arm, task, items in (
        ("s1", "four_size_matched", "synth_qa", sets.qa),
        ("s2", "many_size_matched", "synth_nli", sets.nli),
    ):
        use = (load_study(name, "full").arms[arm].intermediate or {})["tasks"][task]
        assert len(use["languages"]) * use["max_examples"] == items


def test_the_arms_of_s0_without_a_second_stage_have_the_mixture_of_the_one_that_has_it() -> None:
    arms = load_study("s0", "full").arms
    ways = arms["targets_in_mixture_only"], arms["joint_with_targets"]
    assert ways[0].intermediate == ways[1].intermediate
    for name in ("targets_in_mixture_only", "pair_qa_low", "pair_pos"):
        for target, own in arms[name].targets.items():
            assert target in (arms[name].intermediate or {})["tasks"]
            assert (own["heads"], own["steps"]) == ("reuse", 1) and own["lr"] < 1e-8


@pytest.mark.parametrize("name", [f"studies/s{number}" for number in range(5)])
def test_a_mini_size_is_an_estimate_from_three_seeds_of_the_small_real_model(name: str) -> None:
    study = load_study(name, "mini")
    assert study.seeds.intermediate == [1, 2, 3] and study.budget is not None
    assert not any(contrast.confirmatory for contrast in study.contrasts.values())
    assert expand(study)[0].recipe.start == load_recipe("real_mini").start


@pytest.mark.real_data
@pytest.mark.parametrize("name", [f"studies/s{number}" for number in range(5)])
def test_everything_that_a_mini_size_reads_lies_under_the_data_root(name: str, real_data: Path) -> None:
    recipe = expand(load_study(name, "mini"))[0].recipe
    check_recipe(recipe, processes=1)
    keys = all_keys(Run(recipe=recipe, run_dir=Path(), data_root=real_data))
    missing = [f"{key.task.name} {key.split} {key.language}" for key in keys if not key.files(real_data)]
    assert keys and not missing


@pytest.mark.parametrize("size", ["synthetic", "full", "mini", "paper"])
def test_the_orders_of_s3_are_a_williams_square(size: str) -> None:
    """Each task once in each place, and each followed by each other one equally often (Williams 1949)."""
    arms = load_study("s3", size).arms
    phases = [arm.intermediate for name, arm in arms.items() if name.startswith("order_")]
    orders = [[next(iter(phase["tasks"])) for phase in arm["sequence"]] for arm in phases if arm]
    tasks = set(orders[0])
    assert len(tasks) == len(orders) == 4 and all(len(order) == 4 for order in orders)
    for place in zip(*orders, strict=True):
        assert set(place) == tasks
    followed = Counter(pair for order in orders for pair in pairwise(order))
    assert followed == Counter(permutations(tasks, 2))


def test_the_rotations_of_s1_are_nested_and_scored_in_what_their_arms_leave_out() -> None:
    study = load_study("s1", "paper")

    def learned(arm: str) -> set[str]:
        return {get_task(name).languages[0] for name in (study.arms[arm].intermediate or {})["tasks"]} - {"en"}

    circle = learned("four_a") | learned("four_b") | learned("four_c")
    assert len(circle) == 5 and not circle & set(study.held_out)
    for turn in "abc":
        sets = [learned(f"{number}_{turn}") for number in ("one", "two", "four")]
        assert [len(own) for own in sets] == [1, 2, 4] and sets[0] < sets[1] < sets[2] < learned("eight")
    for number in ("two", "four"):
        for one in study.contrasts[f"{number}_for_what_it_leaves_out"].rotations or []:
            assert set(one.languages or []) == circle - learned(one.arm) and not learned(one.against)


def test_paper_sizes_quote_what_is_not_verified() -> None:
    for name, size in SIZES:
        if size == "paper":
            assert load_study(name, size).unverified, name


def test_synthetic_studies_share_their_world_start_models_and_common_arms() -> None:
    plans = {number: expand(load_study(f"s{number}", "synthetic")) for number in range(5)}
    keys = {
        number: {node.stage: node.key for node in build_graph(runs[:1], lambda run: {})}
        for number, runs in plans.items()
    }
    assert len({found["start"] for found in keys.values()}) == 1
    assert keys[0]["arms/single"] == keys[1]["arms/source"] == keys[2]["arms/english_other"]


def test_the_paper_has_its_nine_tasks_the_mixture_and_the_baseline() -> None:
    arms = load_study("phang2020/xtreme", "paper").arms
    nine = {"anli_plus", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "commonsenseqa"}
    assert nine | {"none", "multi_task", "mnli_mlm"} <= set(arms)
    mixture = arms["multi_task"].intermediate
    assert mixture is not None and set(mixture["tasks"]) == nine
    assert (mixture["mixing"], mixture["cap"]) == ("capped", 2**17)
    for task in nine:
        own = arms[task].intermediate
        assert own is not None and list(own["tasks"]) == [task]


def test_the_sizes_of_the_paper_share_their_intermediate_models_and_what_they_score_alike() -> None:
    found = {}
    for size in ("paper", "translated", "dev"):
        (first, *_) = [run for run in expand(load_study("phang2020/xtreme", size)) if run.group == SHARED]
        declare_own(first.recipe.tasks, first.recipe.parts)
        found[size] = {node.stage: node.key for node in build_graph([first], lambda run: {})}
    paper, translated, dev = found.values()
    arms = {stage for stage in dev if stage.startswith("arms/")}
    assert len(arms) == 10 and all(dev[stage] == paper[stage] for stage in arms)
    targets = [stage for stage in dev if stage.startswith("targets/")]
    same = {stage.rpartition("/")[2] for stage in targets if dev[stage] == paper[stage]}
    assert same == {"xquad", "tydiqa", "tatoeba"}, "the others are scored on dev, and so are other stages"
    common = [stage for stage in translated if stage in paper]
    assert len(common) == 1 + 3 + 4 * 9 and all(translated[stage] == paper[stage] for stage in common)


@pytest.mark.parametrize("size", sizes_of("phang2020/xtreme"))
def test_the_paper_is_scored_in_the_languages_of_xtreme_and_chooses_on_what_is_not_scored(size: str) -> None:
    recipe = next(run.recipe for run in expand(load_study("phang2020/xtreme", size)) if run.group == SHARED)
    for name, target in recipe.targets.items():
        task = get_task(name)
        languages = set(target.score_languages or task.languages)
        without_dev = {"kk", "th", "tl", "yo"} if (name, size) == ("udpos", "dev") else set()
        assert languages == set(task.benchmarks["xtreme"]) - without_dev, name
        watched = target.validation
        if watched is None:
            assert size == "dev" or name in ("tydiqa", "bucc2018", "tatoeba"), name
            continue
        assert (watched.every, watched.examples, watched.patience) == (1000, 500, 30)
        assert watched.split not in score_splits(target, task), name


def test_what_the_paper_claims_of_all_targets_is_declared_as_it_is_claimed() -> None:
    """The same SQuAD, languages, and means with English; the numbers where they are of the scored split."""
    claims = load_claims().entries
    declared = {
        "dev": {"squad": ("C1", "squad_v1"), "mnli": ("C1", "mnli"), "hellaswag": ("C1", "hellaswag"),
                "multi_task": ("C2", "size"), "best_single_is_below": ("C2", "best_single")},
        "paper": {"best_per_target": ("C5", "best_per_target"), "over_mbert": ("C7", "over_mbert")},
    }  # fmt: skip
    for size, names in declared.items():
        contrasts = load_study("phang2020/xtreme", size).contrasts
        for name, (id, part) in names.items():
            ours, theirs = contrasts[name], claims[id].parts[part]
            for key in ("arm", "best_of", "against", "predicted", "zero_shot"):
                assert getattr(ours, key) == getattr(theirs, key), (size, name, key)
            assert ours.of.targets is None and ours.of.languages == theirs.of.languages, (size, name)
    languages = claims["C1"].parts["mnli"].of.languages
    assert set(languages or []) == {code for task in XTREME.tasks() for code in XTREME.languages(task)}


def test_the_bases_are_recipes_that_run_by_themselves() -> None:
    assert load_recipe("studies/made_up").seed == 1
    assert list(load_recipe("phang2020/xlmr_large").targets)[:2] == ["xnli", "pawsx"]


def test_the_papers_recipe_searches_and_cuts_as_the_authors_code() -> None:
    """jiant at daa5a258: `retrieval_layer=14` and mean pooling in xtreme_runconfig_writer; 256 tokens of sentence pairs
    and tagged sentences and 384 of questions in c_tokenize_and_cache.sh."""
    recipe = load_recipe("phang2020/xlmr_large", [])
    for name in ("tatoeba", "bucc2018"):
        pooling = pooling_of(name, recipe.evaluation, 24)
        assert (pooling.layer, pooling.kind, pooling.special_tokens) == (14, "mean", True)
    longest = {name: target.max_tokens or get_task(name).max_tokens for name, target in recipe.targets.items()}
    assert {name: longest[name] for name in ("xnli", "pawsx", "udpos", "panx")} == dict.fromkeys(
        ("xnli", "pawsx", "udpos", "panx"), 256
    )
    assert {longest[name] for name in ("xquad", "mlqa", "tydiqa")} == {384}
    mnli = recipe.arms["mnli"]
    assert mnli is not None and mnli.max_tokens == 256
