"""Start models and files are looked at before anything is trained."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import CheckpointError, ClusterError, DataError, RecipeError
from ds_stilts.phases.checks import check_files, check_start
from ds_stilts.phases.context import Run
from ds_stilts.recipe import Recipe
from tests.small import tokenizer, xlmr


def recipe(model: str, **changes: Any) -> Recipe:
    values = {"name": "r", "start": {"model": model}, "arms": {"none": None}, "targets": {"xnli": {"steps": 1}}}
    return Recipe.model_validate({**values, **changes})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    xlmr().save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "xnli" / "train-en.tsv", "a\tb\tneutral\n")
    write(tmp_path / "xnli" / "test-sw.tsv", "a\tb\nc\td\n")
    write(tmp_path / "labels" / "xnli" / "test-sw.tsv", "neutral\nentailment\n")
    return tmp_path


def test_what_cannot_be_scored_is_told_before_anything_is_trained(root: Path) -> None:
    def questions(answer: str) -> str:
        answers = [{"text": answer, "answer_start": 0}]
        qas = [{"id": "1", "question": "q", "answers": answers}]
        return json.dumps({"data": [{"paragraphs": [{"context": "c", "qas": qas}]}]})

    write(root / "squad" / "train-v1.1.json", questions("c"))
    own = recipe("m", targets={"xquad": {"steps": 1}})
    for answer in ("c", ""):  # as XTREME's download script leaves it
        write(root / "xquad" / "xquad.en.json", questions(answer))
        run = Run(recipe=own, run_dir=root / "run", data_root=root)
        if answer:
            check_files(run)
    with pytest.raises(DataError, match=r"xquad\.en\.json: none of its 1 examples of task 'xquad' has gold"):
        check_files(run)


def test_a_whole_model_folder_and_a_hub_id_pass(model: Path) -> None:
    check_start(recipe(str(model)))
    check_start(recipe("owner/not-here"))
    check_start(recipe("not-here"))


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere", "runs/old/start/model"])
def test_what_can_only_be_a_folder_must_be_one(name: str) -> None:
    with pytest.raises(CheckpointError, match=rf"start\.model: there is no folder {name}; give a folder"):
        check_start(recipe(name))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("config.json", "it has no config.json"),
        ("model.safetensors", r"has no model\.safetensors .*; other weight files can run code"),
        ("tokenizer.json", "no tokenizer could be loaded from .*; put the model's tokenizer.json there"),
        ("tokenizer*", "holds no tokenizer; put the model's tokenizer.json beside"),
    ],
)
def test_a_missing_part_of_a_model_is_named(model: Path, file: str, sentence: str) -> None:
    for path in model.glob(file):
        path.unlink()
    with pytest.raises(CheckpointError, match=sentence):
        check_start(recipe(str(model)))


def test_a_broken_config_is_a_sentence(model: Path) -> None:
    (model / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json that cannot be used: .*valid JSON"):
        check_start(recipe(str(model)))


def test_a_layer_that_the_model_does_not_have_is_refused_before_it_is_trained(model: Path) -> None:
    check_start(recipe(str(model), evaluation={"layer": 3}))
    with pytest.raises(RecipeError, match=r"evaluation\.layer is 4, but the start model has hidden states 0 to 3"):
        check_start(recipe(str(model), evaluation={"layer": 4}))
    made = {"architecture": {"layers": 2}, "tokenizer": {}, "pretrain": {"tasks": {"text": {}}, "steps": 1}}
    with pytest.raises(RecipeError, match="0 to 2"):
        check_start(recipe("", start=made, evaluation={"layer": 3}))


@pytest.mark.parametrize(
    ("evaluation", "targets", "sentence"),
    [
        ({"sweep": "all"}, "xnli", r"evaluation\.sweep: no target is searched for; remove it"),
        (
            {"preset": "paper"},
            "lareqa",
            r"evaluation\.preset: paper is of tatoeba and bucc2018 only, which are no targets",
        ),
        ({"preset": "paper"}, "tatoeba", r"for models of 12 and 24 layers, and this one has 3; give `layer`"),
        ({"sweep": [1, 4]}, "tatoeba", r"evaluation\.sweep is 4, but the start model has hidden states 0 to 3"),
    ],
)
def test_retrieval_keys_that_would_be_ignored_or_cannot_be_met_are_refused(
    model: Path, evaluation: dict[str, Any], targets: str, sentence: str
) -> None:
    with pytest.raises(RecipeError, match=sentence):
        check_start(recipe(str(model), evaluation=evaluation, targets={targets: {"steps": 1}}))


def test_mt5_has_no_first_token_to_pool() -> None:
    start = {"architecture": {"family": "mt5", "layers": 2}, "tokenizer": {}}
    with pytest.raises(RecipeError, match=r"evaluation\.pooling: mT5 puts no special token before a text"):
        check_start(recipe("", start=start, evaluation={"pooling": "cls"}, targets={"tatoeba": {}}))


def test_more_frozen_layers_than_the_model_has_are_refused_before_it_is_trained(model: Path) -> None:
    def frozen(layers: int) -> dict[str, Any]:
        return {"xnli": {"steps": 1, "freeze": {"layers": layers}}}

    check_start(recipe(str(model), targets=frozen(3)))
    with pytest.raises(RecipeError, match=r"targets\.xnli\.freeze\.layers is 4, but the start model has 3 layers"):
        check_start(recipe(str(model), targets=frozen(4)))


def test_layers_that_get_an_addition_are_looked_for_before_anything_is_trained(model: Path) -> None:
    def added(**lora: Any) -> dict[str, Any]:
        return {"xnli": {"steps": 1, "lora": lora}}

    check_start(recipe(str(model), targets=added()))
    with pytest.raises(RecipeError, match=r"targets\.xnli\.lora\.modules: .*no linear layer 'q'.*they have dense, key"):
        check_start(recipe(str(model), targets=added(modules=["q"])))
    with pytest.raises(RecipeError, match=r"no linear layer 'query'; they have k, o, q, v, wi_0, wi_1, wo"):
        check_start(recipe("google/mt5-large", targets=added(modules=["query"])))  # known without the network


def test_without_peft_a_recipe_that_needs_it_is_refused_whatever_it_starts_from(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for start in (str(model), "somebody/encoder"):
        check_start(recipe(start))
        with pytest.raises(ClusterError, match=r"targets\.xnli\.lora: it needs peft, which is not installed"):
            check_start(recipe(start, targets={"xnli": {"steps": 1, "lora": {}}}))


def test_every_file_is_read_to_its_last_line(root: Path) -> None:
    run = Run(recipe=recipe("m"), run_dir=root / "run", data_root=root)
    check_files(run)
    with (root / "labels" / "xnli" / "test-sw.tsv").open("a") as file:
        file.write("neutral\n")
    with pytest.raises(DataError, match="has 3 lines but"):
        check_files(run)


def test_a_missing_or_malformed_validation_file_is_told_before_training(root: Path) -> None:
    targets = {"xnli": {"steps": 1, "score_languages": ["sw"], "validation": {"every": 1}}}
    run = Run(recipe=recipe("owner/model", targets=targets), run_dir=root, data_root=root)
    with pytest.raises(DataError, match=r"dev-en\.tsv is missing: task 'xnli' .* needs it for split 'dev'"):
        check_files(run)
    write(root / "xnli" / "dev-en.tsv", "a\tb\tneutral\nc\td\tmaybe\n")
    with pytest.raises(DataError, match=r"dev-en\.tsv.*line 2"):
        check_files(run)


def test_a_split_that_is_validated_in_part_is_looked_at_whole_where_it_is_scored(root: Path) -> None:
    write(root / "xnli" / "dev-en.tsv", "a\tb\tneutral\n" * 25)
    watched = {"every": 1, "examples": 1}
    targets = {"xnli": {"steps": 1, "score_split": "dev", "score_languages": ["en"], "validation": watched}}
    run = Run(recipe=recipe("owner/model", targets=targets), run_dir=root, data_root=root)
    with pytest.raises(DataError, match=r"dev-en\.tsv: all 25 examples .* have the same gold 'neutral'"):
        check_files(run)


def test_a_layer_that_is_watched_must_be_there(model: Path) -> None:
    arm = {"tasks": {"xnli": {}, "pawsx": {}}, "steps": 1, "gradient_cosines": [1, 9]}
    with pytest.raises(
        RecipeError, match=r"^arms\.joint\.gradient_cosines: there is no layer 9 in the start model, which"
    ):
        check_start(recipe(str(model), arms={"joint": arm}))


def test_a_hidden_state_that_is_probed_must_be_there(model: Path) -> None:
    targets = {"xnli": {"steps": 1, "validation": {"every": 1, "probe": {"task": "tatoeba", "layers": [0, 4]}}}}
    with pytest.raises(
        RecipeError,
        match=r"^targets\.xnli\.validation\.probe\.layers: 4, but the start model has hidden states 0 to 3; name some",
    ):
        check_start(recipe(str(model), targets=targets))
    targets["xnli"]["validation"]["probe"]["layers"] = [0, 3]
    check_start(recipe(str(model), targets=targets))
