"""start.random_init: a full-size shape from config.json alone, the same for every phase that begins with it."""

from pathlib import Path

import pytest
import torch

from ds_stilts.errors import CheckpointError, RecipeError
from ds_stilts.phases.checks import check_start
from ds_stilts.phases.context import Run
from ds_stilts.phases.provenance import notes
from ds_stilts.phases.training import load_source
from ds_stilts.recipe_file import parse_recipe
from ds_stilts.run import describe
from ds_stilts.tasks import get_task
from tests.small import tokenizer, xlmr

RECIPE = "name: probe\nstart: {{model: {folder}}}\narms: {{none: null}}\ntargets: {{}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of which only the description is there."""
    xlmr().config.save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def run_of(folder: Path, *overrides: str) -> Run:
    recipe = parse_recipe(RECIPE.format(folder=folder), source="test", overrides=list(overrides))
    return Run(recipe=recipe, run_dir=folder.parent, data_root=folder.parent)


def drawn(run: Run) -> torch.Tensor:
    weights = load_source(run, str(run.recipe.start.model)).weights
    assert weights is not None
    return weights.whole("roberta.encoder.layer.0.output.dense.weight")


def test_a_folder_without_weights_is_refused_unless_they_are_to_be_drawn(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors"):
        check_start(run_of(folder).recipe)
    check_start(run_of(folder, "start.random_init=true").recipe)


def test_each_seed_has_one_model(folder: Path) -> None:
    first, again, other = (run_of(folder, "start.random_init=true", f"seed={seed}") for seed in (1, 1, 2))
    assert torch.equal(drawn(first), drawn(again))
    assert not torch.equal(drawn(first), drawn(other))


def test_every_score_says_that_it_means_nothing(folder: Path) -> None:
    sentence = "the start model's weights are random (start.random_init): its scores mean nothing"
    assert sentence in notes(run_of(folder, "start.random_init=true"), get_task("xnli"), "none")
    assert sentence not in notes(run_of(folder), get_task("xnli"), "none")
    told = describe(run_of(folder, "start.random_init=true").recipe, ranks=1)["start"]
    assert told.endswith("model, its shape only, with random weights")


def test_a_trained_model_is_read_all_the_same(folder: Path) -> None:
    run = run_of(folder, "start.random_init=true")
    trained = folder.parent / "trained"
    xlmr().save_pretrained(trained)
    tokenizer().save_pretrained(trained)
    weights = load_source(run, str(trained)).weights
    assert weights is not None and weights.missing == []


def test_it_is_another_experiment_and_runs_from_before_the_key_are_still_the_same(folder: Path) -> None:
    plain, loaded, random = (
        run_of(folder, *overrides).recipe.fingerprint()
        for overrides in ([], ["start.random_init=false"], ["start.random_init=true"])
    )
    assert plain == loaded != random


def test_a_model_made_from_an_architecture_cannot_be_random_twice() -> None:
    text = "name: p\nstart: {architecture: {}, tokenizer: {}, random_init: true}\narms: {none: null}\ntargets: {}\n"
    with pytest.raises(RecipeError, match="has random weights already; remove `random_init`"):
        parse_recipe(text, source="test", overrides=[])
