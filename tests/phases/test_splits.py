"""Which files a target is scored on, and what its queries are searched for in."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.phases.checks import all_keys, check_files
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import oracle_keys, probe_keys, training_keys, unlabelled_keys
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task

MENTION = (
    '{"context": {"language": "de", "text": "In Bonn.", "sentence_spans": [{"start": 0, "end": 8}]}, "mentions": '
    '[{"example_id": "m", "entity_id": "Q586", "mention_span": {"start": 3, "end": 7, "text": "Bonn"}}]}\n'
)


def run(root: Path, **targets: Any) -> Run:
    values = {"name": "r", "start": {"model": "owner/model"}, "arms": {"none": None}, "targets": targets}
    return Run(recipe=Recipe.model_validate(values), run_dir=root, data_root=root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for language in ("de", "uk"):
        path = tmp_path / f"mewslix/wikinews_mentions/dev-{language}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MENTION, encoding="utf-8")
    return tmp_path


def test_the_pool_is_read_once_after_all_languages(root: Path) -> None:
    keys = all_keys(run(root, mewslix={"score_split": "dev"}))
    assert [(key.split, key.language) for key in keys] == [("dev", "de"), ("dev", "uk"), ("pool", "en")]
    assert {key.limits.max_tokens for key in keys} == {64}


def test_a_missing_pool_is_told_before_anything_is_computed(root: Path) -> None:
    with pytest.raises(DataError, match=r"candidate_set_entities\.jsonl is missing: task 'mewslix'"):
        check_files(run(root, mewslix={"score_split": "dev"}))


def test_a_set_whose_languages_hold_their_own_candidates_has_no_pool(tmp_path: Path) -> None:
    keys = all_keys(run(tmp_path, lareqa={"score_languages": ["en", "de"]}))
    assert [(key.split, key.language) for key in keys] == [("test", "en"), ("test", "de")]


def test_validation_is_read_beside_training_and_running_text_is_not_validated(tmp_path: Path) -> None:
    watched = {"every": 5, "examples": 7, "patience": 2}
    values = {
        "name": "r",
        "start": {"model": "owner/model"},
        "arms": {"mix": {"tasks": {"mnli": {}, "text": {"languages": ["de"]}}, "steps": 9, "validation": watched}},
        "targets": {"xnli": {"steps": 9, "score_languages": ["sw"], "validation": {**watched, "languages": ["de"]}}},
    }
    made = Run(recipe=Recipe.model_validate(values), run_dir=tmp_path, data_root=tmp_path)
    found = [(key.task.name, key.split, key.language, key.max_examples) for key in all_keys(made)]
    assert found == [
        ("mnli", "train", "en", None),
        ("mnli", "dev", "en", 7),
        ("text", "train", "de", None),
        ("xnli", "train", "en", None),
        ("xnli", "dev", "de", 7),
        ("xnli", "test", "sw", None),
    ]
    assert not any(key.training for key in all_keys(made) if key.split == "dev")


def test_joined_lines_reach_the_prepared_file_of_the_task_that_asks_for_them(tmp_path: Path) -> None:
    uses = {"text": {"languages": ["de"], "join_lines": True}, "synth_text": {"languages": ["aa"]}}
    arms = {"a": {"tasks": uses, "steps": 1, "max_tokens": 512}}
    values = {"name": "r", "start": {"model": "owner/model"}, "arms": arms, "targets": {}}
    made = Run(recipe=Recipe.model_validate(values), run_dir=tmp_path, data_root=tmp_path)
    (phase,) = made.recipe.phases_of("a")
    joined, alone = (training_keys(made, phase, get_task(name), 512)[0] for name in uses)
    assert joined.limits == Limits(max_tokens=512, join_lines=True) and alone.limits == Limits(max_tokens=512)


def test_a_part_is_trained_on_and_the_whole_is_validated_on(tmp_path: Path) -> None:
    uses = {"mnli": {"where": {"genre": ["fiction"]}, "max_examples": 3}, "qqp": {}}
    arms = {"a": {"tasks": uses, "steps": 9, "validation": {"every": 3}}}
    values = {"name": "r", "start": {"model": "owner/model"}, "arms": arms, "targets": {}}
    made = Run(recipe=Recipe.model_validate(values), run_dir=tmp_path, data_root=tmp_path)
    found = {(key.task.name, key.split): (key.where, key.max_examples) for key in all_keys(made)}
    assert found[("mnli", "train")] == ({"genre": ["fiction"]}, 3)
    assert [found[key][0] for key in (("mnli", "dev"), ("qqp", "train"), ("qqp", "dev"))] == [None, None, None]


def watched(root: Path, validation: dict[str, Any]) -> Run:
    """A target that is scored in three languages; English, German and Swahili have their files."""
    for language in ("en", "de", "sw"):
        path = root / f"xnli/dev-{language}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("a\tb\tneutral\n", encoding="utf-8")
    target = {"steps": 1, "score_languages": ["en", "de", "sw", "fr"], "validation": {"every": 1, **validation}}
    return run(root, xnli=target)


def test_texts_without_labels_are_those_that_lie_there_after_their_pivot_and_have_no_gold(tmp_path: Path) -> None:
    made = watched(tmp_path, {"unlabelled": {"examples": 7}})
    target, task = made.recipe.targets["xnli"], get_task("xnli")
    keys = unlabelled_keys(made, target, task, 64)
    assert [(key.split, key.language, key.max_examples) for key in keys] == [
        ("dev", "en", 7), ("dev", "de", 7), ("dev", "sw", 7),
    ]  # fmt: skip
    assert all(key.unlabelled and not key.training for key in keys)
    assert [example.label for key in keys for example in key.examples(tmp_path)] == [None] * 3
    assert oracle_keys(made, target, task, 64) == []


def test_the_oracle_reads_the_same_texts_with_their_labels_but_for_the_pivots(tmp_path: Path) -> None:
    made = watched(tmp_path, {"unlabelled": {"oracle": True}})
    target, task = made.recipe.targets["xnli"], get_task("xnli")
    keys = oracle_keys(made, target, task, 64)
    assert [key.language for key in keys] == ["de", "sw"] and not any(key.unlabelled for key in keys)
    assert [example.label for key in keys for example in key.examples(tmp_path)] == ["neutral"] * 2


def test_a_language_that_is_asked_for_is_read_though_its_file_is_missing(tmp_path: Path) -> None:
    made = watched(tmp_path, {"unlabelled": {"languages": ["fr"]}})
    with pytest.raises(DataError, match=r"dev-fr\.tsv is missing"):
        [key.examples(tmp_path) for key in unlabelled_keys(made, made.recipe.targets["xnli"], get_task("xnli"), 64)]


def test_a_probe_reads_whole_files_of_the_languages_that_are_there(tmp_path: Path) -> None:
    made = watched(tmp_path, {"probe": {"task": "tatoeba", "examples": 2}})
    target = made.recipe.targets["xnli"]
    with pytest.raises(DataError, match=r"tatoeba.* is missing: task 'tatoeba'"):
        probe_keys(made, target, 64)
    for side in ("de", "en"):
        path = tmp_path / f"tatoeba/de-en.{side}"
        path.parent.mkdir(exist_ok=True)
        path.write_text("a\nb\nc\n", encoding="utf-8")
    (key,) = probe_keys(made, target, 64)
    assert (key.task.name, key.language, key.max_examples, key.limits.max_tokens) == ("tatoeba", "de", None, 64)
    assert probe_keys(watched(tmp_path, {}), target.model_copy(update={"validation": None}), 64) == []


def test_everything_that_a_validation_looks_at_is_looked_at_before_a_run(tmp_path: Path) -> None:
    made = watched(
        tmp_path,
        {
            "unlabelled": {"oracle": True, "languages": ["de"]},
            "probe": {"task": "synth_retrieval", "languages": ["bb"]},
        },
    )
    found = [(key.task.name, key.split, key.language, key.unlabelled) for key in all_keys(made)]
    for wanted in [
        ("xnli", "dev", "en", True), ("xnli", "dev", "de", True), ("xnli", "dev", "de", False),
        ("synth_retrieval", "test", "bb", False),
    ]:  # fmt: skip
        assert wanted in found
