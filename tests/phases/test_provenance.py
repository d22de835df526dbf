"""Which languages count as zero-shot, and what is said beside a score."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.data.prepare import SplitKey
from ds_stilts.formats.base import Limits
from ds_stilts.labelled import is_zero_shot, labelled_languages
from ds_stilts.phases.context import Run
from ds_stilts.phases.provenance import (
    model_card,
    notes,
    overlap_of_arm,
    parallel_text_tasks,
    training_notes,
)
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task


def recipe(tasks: dict[str, Any], pretrain: dict[str, Any] | None = None) -> Recipe:
    start: dict[str, Any] = {"model": "xlm-roberta-large"}
    if pretrain:
        start["pretrain"] = {"tasks": pretrain, "steps": 1}
    arms = {"none": None, "probe": {"tasks": tasks, "steps": 1}}
    return Recipe.model_validate({"name": "probe", "start": start, "arms": arms, "targets": {}})


def test_a_target_alone_saw_labels_of_its_own_training_languages() -> None:
    assert labelled_languages(recipe({"mnli": {}}), "none", ["en"]) == {"en"}


def test_an_arm_counts_with_the_languages_that_it_trains_on_by_default() -> None:
    """The first language of udpos is Afrikaans, but only its English training split is read."""
    for name in ("udpos", "xnli", "panx", "mnli", "squad_v1"):
        assert labelled_languages(recipe({name: {}}), "probe", []) == {"en"}


def test_an_arm_counts_with_the_languages_that_it_names() -> None:
    assert labelled_languages(recipe({"tydiqa": {"languages": ["en", "sw"]}}), "probe", ["en"]) == {"en", "sw"}
    assert labelled_languages(recipe({"xnli": {"split": "dev", "languages": ["sw"]}}), "probe", []) == {"sw"}


def sequence(*tasks: dict[str, Any]) -> Recipe:
    phases = [{"tasks": names, "steps": 1} for names in tasks]
    values = {"name": "probe", "start": {"model": "m"}, "arms": {"probe": {"sequence": phases}}, "targets": {}}
    return Recipe.model_validate(values)


def test_every_phase_of_a_sequence_counts() -> None:
    made = sequence({"mnli": {}}, {"tydiqa": {"languages": ["sw"]}})
    assert labelled_languages(made, "probe", []) == {"en", "sw"}
    assert overlap_of_arm(made, "probe", get_task("xnli"))[1] == ["mnli"]
    assert overlap_of_arm(made, "probe", get_task("tydiqa"))[1] == ["tydiqa"]


def test_a_merged_arm_has_seen_the_labels_of_all_that_it_merges() -> None:
    phases: dict[str, Any] = {
        "nli": {"tasks": {"mnli": {}}, "steps": 1},
        "qa": {"tasks": {"tydiqa": {"languages": ["sw"]}}, "steps": 1},
        "probe": {"merge": {"arms": ["qa", "nli"], "weight": 0}},
    }
    made = Recipe.model_validate({"name": "probe", "start": {"model": "m"}, "arms": phases, "targets": {}})
    assert labelled_languages(made, "probe", []) == {"en", "sw"}
    assert overlap_of_arm(made, "probe", get_task("xnli"))[1] == ["mnli"]
    assert overlap_of_arm(made, "probe", get_task("tydiqa"))[1] == ["tydiqa"]


def notes_of(tmp_path: Path, target: dict[str, Any], trained: dict[str, Any], *scored: tuple[str, str]) -> list[str]:
    values = {
        "name": "probe",
        "start": {"model": "m"},
        "arms": {"none": None, "nli": {"tasks": {"mnli": {}}, "steps": 1}},
        "targets": {"xnli": {"steps": 9, **target}},
    }
    made, task = Recipe.model_validate(values), get_task("xnli")
    run = Run(recipe=made, run_dir=tmp_path, data_root=tmp_path)
    limits = Limits(max_tokens=8)
    keys = [SplitKey(task=task, split=split, language=code, limits=limits, training=False) for split, code in scored]
    return training_notes(run, made.targets["xnli"], task, keys, trained)


def test_a_reused_head_and_one_that_could_not_be_are_told(tmp_path: Path) -> None:
    assert notes_of(tmp_path, {}, {}) == []
    assert notes_of(tmp_path, {"heads": "reuse"}, {"head": "mnli"}) == [
        "its head goes on from that of 'mnli' in the intermediate phase"
    ]
    assert "its head is fresh" in notes_of(tmp_path, {"heads": "reuse"}, {})[0]


def test_choosing_weights_on_what_is_scored_is_told(tmp_path: Path) -> None:
    target = {"validation": {"every": 1, "patience": 2}}
    trained = {"validation": {"value": 50.0, "best_step": 4, "worse": 2, "stopped": 6}}
    told = "its weights are those of step 4 of 6, which had the best score on split 'dev' in en"
    assert notes_of(tmp_path, target, trained, ("test", "en"), ("dev", "sw")) == [told]
    assert notes_of(tmp_path, target, trained, ("dev", "en"), ("dev", "sw")) == [
        told,
        "these weights were chosen on the very split that is scored here in en",
    ]
    assert notes_of(tmp_path, {"validation": {"every": 1}}, trained, ("dev", "en")) == []


def test_running_text_has_no_labels() -> None:
    assert labelled_languages(recipe({"text": {"languages": ["sw"]}}), "probe", []) == set()


def test_a_pair_of_languages_is_zero_shot_unless_both_have_labels() -> None:
    labelled = labelled_languages(recipe({"squad_v1": {}}), "probe", ["en-en"])
    assert [is_zero_shot(code, labelled) for code in ("en", "en-en", "en-de", "de-en", "de")] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_phase_1_counts_for_every_arm() -> None:
    made = recipe({"text": {}}, pretrain={"tydiqa": {"languages": ["sw"]}, "text": {}})
    assert labelled_languages(made, "none", ["en"]) == labelled_languages(made, "probe", ["en"]) == {"en", "sw"}


def test_parallel_text_is_told() -> None:
    assert parallel_text_tasks(recipe({"mnli": {}}, pretrain={"text": {}, "ntrex": {}})) == ["ntrex"]
    assert parallel_text_tasks(recipe({"mnli": {}})) == []


def test_an_arm_that_draws_on_the_targets_own_training_data_is_marked() -> None:
    kind, tasks = overlap_of_arm(recipe({"mnli": {}, "squad_v1": {}}), "probe", get_task("xnli"))
    assert kind != "none" and tasks == ["mnli"]
    assert overlap_of_arm(recipe({"mnli": {}}), "probe", get_task("udpos")) == ("none", [])
    assert overlap_of_arm(recipe({"mnli": {}}), "none", get_task("xnli")) == ("none", [])


@pytest.mark.parametrize(
    ("source", "called"),
    [
        ("RUN/start/model", "start"),
        ("RUN/arms/chain/1/model", "arms/chain/1"),
        ("RUN/../mine", "mine"),
        ("FacebookAI/xlm-roberta-large", "FacebookAI/xlm-roberta-large"),
    ],
)
def test_a_model_card_names_what_its_model_began_with_and_no_path_of_this_machine(
    tmp_path: Path, source: str, called: str
) -> None:
    (tmp_path / "mine").mkdir()
    run = Run(recipe=recipe({"mnli": {}}), run_dir=tmp_path / "run", data_root=tmp_path)
    facts = {
        "steps": 7,
        "source": source.replace("RUN/..", str(tmp_path)).replace("RUN", str(run.run_dir)),
        "items": {},
    }
    card = model_card(run, "arms/probe", facts, "XLMRobertaModel")
    assert f"Trained by ds_stilts for 7 steps from `{called}`, seed 1" in card
    assert str(tmp_path) not in card
    assert "Open it with `transformers.XLMRobertaModel.from_pretrained`." in card


@pytest.mark.parametrize(
    ("rule", "had"), [("entropy", "the lowest entropy"), ("agreement", "the greatest agreement between languages")]
)
def test_weights_that_were_chosen_without_labels_are_told_as_that(tmp_path: Path, rule: str, had: str) -> None:
    target = {"validation": {"every": 1, "patience": 2, "choose_by": rule, "unlabelled": {}, "split": "test"}}
    trained = {"validation": {"value": 50.0, "best_step": 4, "worse": 2, "stopped": 6, "choose_by": rule}}
    assert notes_of(tmp_path, target, trained, ("test", "en"), ("test", "sw")) == [
        f"its weights are those of step 4 of 6, which had {had} on texts without labels of split 'dev': it is "
        "zero-shot in labels, not in texts"
    ]


def test_parallel_text_of_an_arm_is_said_beside_its_retrieval_scores_alone(tmp_path: Path) -> None:
    """Translations in the intermediate phase are as close to what retrieval measures as those of phase 1."""
    made = Run(recipe=recipe({"mnli": {}, "ntrex": {}}), run_dir=tmp_path, data_root=tmp_path)
    tatoeba, xnli = get_task("tatoeba"), get_task("xnli")
    assert "the intermediate phase saw parallel text (ntrex)" in notes(made, tatoeba, "probe")
    assert not any("parallel" in note for note in notes(made, tatoeba, "none") + notes(made, xnli, "probe"))
    started = Run(recipe=recipe({"mnli": {}}, {"ntrex": {}}), run_dir=tmp_path, data_root=tmp_path)
    assert [note for note in notes(started, tatoeba, "probe") if "parallel" in note] == [
        "phase 1 saw parallel text (ntrex)"
    ]
