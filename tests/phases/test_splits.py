"""Which files a target is scored on, and what its queries are searched for in."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.phases.checks import all_keys, check_files
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import training_keys
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
