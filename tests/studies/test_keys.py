"""A stage's key: equal where numbers are equal, different where anything decides otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.phases.context import Run
from ds_stilts.plan import stages
from ds_stilts.recipe import Part, Recipe
from ds_stilts.studies.expand import expand
from ds_stilts.studies.graph import build_graph
from ds_stilts.studies.keys import stage_facts, stage_key
from ds_stilts.studies.sources import stage_sources
from tests.studies.worlds import study


def keys(group: str = "shared", seed: int = 1, **changes: Any) -> dict[str, str]:
    """By stage, for one run of the small study with changes."""
    run = next(r for r in expand(study(**changes)) if r.group == group and r.seed.intermediate == seed)
    return {stage: stage_key(run.recipe, stage, {}) for stage in run.stages}


def differing(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in before if before[stage] != after.get(stage)}


ALL = set(keys())
TARGETS = {stage for stage in ALL if stage.startswith("targets/")}


@pytest.mark.parametrize(
    "changes",
    [
        {"question": "Another?"},
        {"study": "other"},
        {"base__description": "prose"},
        {"base__training__log_every": 1},
        {"base__training__checkpoint_every": 7},
        {"base__training__micro_batch_tokens": 800},
        {"base__engine__processes": 2},
        {"base__engine__hang_timeout_s": 99},
        {"base__evaluation": {"batch_tokens": 512}},
        {"base__data__root": "/elsewhere"},
        {"arms__qa__note": "prose"},
        {"base__training__validation": {"every": 2}},  # without patience it only watches
        {"base__training__validation": {"every": 2, "probe": {"task": "synth_retrieval"}}},
        {"targets__synth_pos__validation": {"every": 2, "unlabelled": {"oracle": True}}},
    ],
)
def test_what_decides_no_number_changes_no_key(changes: dict[str, Any]) -> None:
    if "base__data__root" in changes:
        changes = {"base__data": {"synthetic": {"preset": "tiny"}, "root": "/elsewhere"}}
    assert keys(**changes) == keys()


@pytest.mark.parametrize(
    ("changes", "stages_changed"),
    [
        ({"targets__synth_pos__steps": 5}, {s for s in TARGETS if s.endswith("synth_pos")}),
        ({"targets__synth_pos__max_score_examples": 31}, {s for s in TARGETS if s.endswith("synth_pos")}),
        ({"arms__qa__intermediate__steps": 5}, {"arms/qa", "targets/qa/synth_qa_low", "targets/qa/synth_pos"}),
        ({"arms__qa__intermediate__lr": 5e-4}, {"arms/qa", "targets/qa/synth_qa_low", "targets/qa/synth_pos"}),
        ({"base__training__lr": 5e-4}, ALL - {"start"}),
        ({"base__start__oracle__sigma": 0.4}, ALL),
        ({"base__start__seed": 6}, ALL),
        ({"base__start__note": "saw parallel text"}, TARGETS),
        ({"base__data__synthetic__seed": 8}, ALL),
        ({"base__engine__config": "zero2_bf16"}, ALL),
        ({"seeds__targets_each": 2}, TARGETS),
    ],
)
def test_a_change_reaches_what_it_decides_and_no_other_stage(changes: dict[str, Any], stages_changed: set[str]) -> None:
    assert differing(keys(), keys(**changes)) == stages_changed


def test_seeds_share_the_start_that_has_a_seed_of_its_own_and_nothing_else() -> None:
    assert differing(keys(seed=1), keys(seed=2)) == ALL - {"start"}
    without = {"base__start__seed": None}
    assert differing(keys(seed=1, **without), keys(seed=2, **without)) == ALL


def test_target_seeds_share_the_intermediate_stage() -> None:
    runs = [r for r in expand(study(seeds={"intermediate": [1], "targets_each": 2}))]
    first, second = ({stage: stage_key(r.recipe, stage, {}) for stage in r.stages} for r in runs)
    assert differing(first, second) == TARGETS


def test_searched_targets_need_no_seed_of_their_own() -> None:
    changes = {"targets": {"synth_retrieval": {}, "synth_pos": {}}, "seeds": {"intermediate": [1], "targets_each": 2}}
    first, second = ({s: stage_key(r.recipe, s, {}) for s in r.stages} for r in expand(study(**changes)))
    assert differing(first, second) == {s for s in first if s.endswith("synth_pos")}
    layered = keys(**changes, base__evaluation={"layer": 1})
    assert differing(keys(**changes), layered) == {s for s in layered if s.endswith("synth_retrieval")}


def test_a_perturbed_target_follows_the_clean_ones_stage_and_reads_what_it_scores() -> None:
    def noisy(**more: Any) -> dict[str, str]:
        return keys(**{"targets__synth_pos:noise": {"max_score_examples": 30, **more}})

    run = expand(study(**{"targets__synth_pos:noise": {}}))[0]
    facts = stage_facts(run.recipe, "targets/qa/synth_pos:noise", {})
    assert facts["before"] == stage_key(run.recipe, "targets/qa/synth_pos", {})
    assert {stage: noisy()[stage] for stage in ALL} == keys()
    assert differing(noisy(), noisy(max_score_examples=9)) == {s for s in noisy() if s.endswith(":noise")}
    one = study(**{"targets": {"synth_pos": {}, "synth_pos:noise": {}}, "seeds": {"intermediate": [1]}})
    read = {node.stage: node.before for node in build_graph(expand(one), lambda run: {})}
    assert all(len(before) == 1 for stage, before in read.items() if stage.startswith("targets/"))


def test_the_order_of_a_mixtures_tasks_counts() -> None:
    uses = {"synth_qa": {"max_examples": 60}, "synth_nli": {"max_examples": 60}}
    turned = dict(reversed(uses.items()))
    first, second = (keys(arms__qa__intermediate={"tasks": tasks, "mixing": "uniform"}) for tasks in (uses, turned))
    assert differing(first, second) == {"arms/qa", "targets/qa/synth_qa_low", "targets/qa/synth_pos"}


def test_a_part_of_a_task_is_another_stage_and_the_whole_says_nothing_of_parts() -> None:
    def facts(**use: Any) -> dict[str, Any]:
        arm = {"intermediate": {"tasks": {"mnli": use}, "steps": 5}}
        (run,) = [run for run in expand(study(arms__qa=arm, seeds={"intermediate": [1]})) if "qa" in run.arms]
        return stage_facts(run.recipe, "arms/qa", {})

    before_the_key = {"languages": None, "split": "train", "max_examples": None, "loss_weight": 1.0, "share": None}
    assert facts()["phase"]["tasks"] == {"mnli": before_the_key}
    assert facts(where={"genre": ["fiction"]})["phase"]["tasks"]["mnli"]["where"] == {"genre": ["fiction"]}


def test_what_a_part_holds_is_in_the_keys_of_what_trains_on_it_and_in_no_others() -> None:
    from ds_stilts.tasks import declare_own

    def of(genre: str) -> dict[str, str]:
        part = Part.model_validate({"of": "mnli", "where": {"genre": [genre]}})
        declare_own({}, {"mine": part})
        arm = {"intermediate": {"tasks": {"mine:shuffled": {}}, "steps": 5}}
        return keys(arms__qa=arm, base__parts={"mine": part.model_dump()})

    try:
        assert differing(of("fiction"), of("slate")) == {"arms/qa", "targets/qa/synth_qa_low", "targets/qa/synth_pos"}
    finally:
        declare_own({}, {})


def test_an_arm_under_another_name_shares_its_phase_and_not_its_scores() -> None:
    renamed = keys(
        arms__other={"intermediate": {"tasks": {"synth_qa": {"max_examples": 60}}}},
        contrasts={"c": {"arm": "other", "against": "none"}},
    )
    assert renamed["arms/other"] == renamed["arms/qa"]
    assert renamed["targets/other/synth_pos"] != renamed["targets/qa/synth_pos"]


def test_a_sequence_of_one_is_the_same_as_the_phase_and_a_second_place_is_another() -> None:
    phase = {"tasks": {"synth_qa": {"max_examples": 60}}}
    chained = keys(arms__qa__intermediate={"sequence": [phase, phase]})
    assert chained["arms/qa/1"] == keys()["arms/qa"] != chained["arms/qa/2"]


def test_a_first_phase_that_must_hand_on_a_language_head_is_another_stage() -> None:
    phase = {"tasks": {"synth_qa": {"max_examples": 60}}}
    text = {"tasks": {"synth_text": {"max_examples": 60}}}
    assert keys(arms__qa__intermediate={"sequence": [phase, text]})["arms/qa/1"] != keys()["arms/qa"]


def test_the_content_of_an_engine_configuration_counts_not_its_name(tmp_path: Path) -> None:
    from ds_stilts.resources import config_path

    values = json.loads(config_path("zero2_fp32").read_text())
    copy = tmp_path / "mine.json"
    copy.write_text(json.dumps(values))
    assert keys(base__engine__config=str(copy)) == keys()
    copy.write_text(json.dumps({**values, "bf16": {"enabled": True}}))
    assert differing(keys(), keys(base__engine__config=str(copy))) == ALL


def test_facts_are_plain_values_that_name_the_stage_before() -> None:
    run = expand(study())[0]
    facts = stage_facts(run.recipe, "targets/qa/synth_pos", {})
    assert json.loads(json.dumps(facts)) == facts
    assert facts["before"] == stage_key(run.recipe, "arms/qa", {})


REAL = {
    "name": "r",
    "start": {"model": "owner/model"},
    "tasks": {
        "mine": {
            "format": "sentence_pair", "files": {"train": "T", "dev": "D"}, "labels": ["a", "b"],
            "columns": {"premise": "one", "hypothesis": "two", "label": "label"},
        },
    },
    "arms": {"none": None, "pairs": {"tasks": {"mine": {}}, "steps": 1}},
    "targets": {"mine": {"steps": 1, "score_split": "dev"}},
}  # fmt: skip


def own_task_keys(folder: Path) -> dict[str, str]:
    from ds_stilts.tasks import declare_own

    files = {split: str(folder / f"{split}.tsv") for split in ("train", "dev")}
    recipe = Recipe.model_validate({**REAL, "tasks": {"mine": {**REAL["tasks"]["mine"], "files": files}}})  # type: ignore[index]
    declare_own(recipe.tasks, recipe.parts)
    run = Run(recipe=recipe, run_dir=folder / "run", data_root=folder)
    return {stage: stage_key(recipe, stage, stage_sources(run, stages(recipe))) for stage in stages(recipe)}


def test_a_perturbed_target_reads_the_files_that_it_scores(tmp_path: Path) -> None:
    from ds_stilts.tasks import declare_own

    for split in ("train", "dev"):
        (tmp_path / f"{split}.tsv").write_text("one\ttwo\tlabel\nx\ty\ta\n")
    files = {split: str(tmp_path / f"{split}.tsv") for split in ("train", "dev")}
    mine = {**REAL["tasks"]["mine"], "files": files}  # type: ignore[index]
    made = {**REAL, "tasks": {"mine": mine}, "targets": {"mine": {"steps": 1}, "mine:noise": {"steps": 1}}}
    recipe = Recipe.model_validate(made)
    declare_own(recipe.tasks, recipe.parts)
    read = stage_sources(Run(recipe=recipe, run_dir=tmp_path / "run", data_root=tmp_path), stages(recipe))
    assert read["targets/none/mine"].count("train") == 1
    assert "train" not in read["targets/none/mine:noise"] and "dev" in read["targets/none/mine:noise"]


def test_the_content_of_data_files_counts_not_their_place(tmp_path: Path) -> None:
    def write(folder: Path, train: str, dev: str) -> Path:
        folder.mkdir()
        for split, text in (("train", train), ("dev", dev)):
            (folder / f"{split}.tsv").write_text(f"one\ttwo\tlabel\n{text}\ty\ta\n")
        return folder

    first = own_task_keys(write(tmp_path / "a", "x", "x"))
    moved = own_task_keys(write(tmp_path / "b", "x", "x"))
    other_dev = own_task_keys(write(tmp_path / "c", "x", "z"))
    other_train = own_task_keys(write(tmp_path / "d", "z", "x"))

    assert moved == first
    assert differing(first, other_dev) == {"targets/none/mine", "targets/pairs/mine"}
    assert differing(first, other_train) == {"arms/pairs", "targets/none/mine", "targets/pairs/mine"}


def test_the_declaration_of_an_own_task_counts_in_a_variant_of_it_too(tmp_path: Path) -> None:
    from ds_stilts.tasks import declare_own

    def key(citation: str) -> str:
        files = {split: f"{split}.tsv" for split in ("train", "dev")}
        own = {**REAL["tasks"]["mine"], "files": files, "citation": citation}  # type: ignore[index]
        arms = {"pairs": {"tasks": {"mine:shuffled": {}}, "steps": 1}}
        recipe = Recipe.model_validate({**REAL, "tasks": {"mine": own}, "arms": {"none": None, **arms}})
        declare_own(recipe.tasks, recipe.parts)
        return stage_key(recipe, "arms/pairs", {})

    assert key("one") != key("another")


def test_texts_without_labels_are_read_by_a_stage_only_where_they_choose(tmp_path: Path) -> None:
    for split, languages in {"train": ["en"], "dev": ["en", "de"], "test": ["de"]}.items():
        for language in languages:
            path = tmp_path / f"xnli/{split}-{language}.tsv"
            path.parent.mkdir(exist_ok=True)
            path.write_text("a\tb\tneutral\n" if split != "test" else "a\tb\n", encoding="utf-8")
    (tmp_path / "labels/xnli").mkdir(parents=True)
    (tmp_path / "labels/xnli/test-de.tsv").write_text("neutral\n", encoding="utf-8")

    def sources(**validation: Any) -> str:
        watched = {"every": 1, "patience": 2, "unlabelled": {"oracle": True}, **validation}
        target = {"steps": 1, "score_languages": ["de"], "validation": watched}
        values = {"name": "r", "start": {"model": "owner/model"}, "arms": {"none": None}, "targets": {"xnli": target}}
        run = Run(recipe=Recipe.model_validate(values), run_dir=tmp_path / "run", data_root=tmp_path)
        return stage_sources(run, ["targets/none/xnli"])["targets/none/xnli"]

    def change_german() -> None:
        (tmp_path / "xnli/dev-de.tsv").write_text("c\td\tneutral\n", encoding="utf-8")

    shown, chosen = sources(), sources(choose_by="entropy")
    change_german()
    assert sources() == shown and sources(choose_by="entropy") != chosen
