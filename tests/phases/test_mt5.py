"""What a recipe can ask of mT5, and what it is told instead where it cannot."""

import random
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.phases.checks import check_start
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import training_keys
from ds_stilts.phases.start import train_tokenizer
from ds_stilts.plan import check_recipe
from ds_stilts.recipe import Engine, Recipe, Tokenizer
from ds_stilts.tasks import get_task
from tests.small import mt5, mt5_tokenizer

STEPS = {"steps": 1, "batch_examples": 2}
MADE = {"architecture": {"family": "mt5", "hidden_size": 16, "heads": 2}, "tokenizer": {"vocabulary": 300},
        "pretrain": {"tasks": {"text": {}}, **STEPS}}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    mt5().save_pretrained(folder)
    mt5_tokenizer().save_pretrained(folder)
    return str(folder)


def recipe(start: dict[str, Any], *, arm: str = "mnli", **target: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "probe",
            "start": start,
            "arms": {"some": {"tasks": {arm: {}}, **STEPS}},
            "targets": {"xnli": {**STEPS, **target}},
        }
    )


def test_mt5_with_heads_or_as_text_is_a_start_model(model: str) -> None:
    for use in ({}, {"use": "heads"}, {"use": "text"}):
        check_start(recipe({"model": model, **use}))
    check_start(recipe({"model": model}, arm="text"))


def test_running_text_cannot_be_learned_with_heads(model: str) -> None:
    with pytest.raises(RecipeError, match=r"arms\.some\.tasks\.text: mT5 has no head for masked language modelling"):
        check_start(recipe({"model": model, "use": "heads"}, arm="text"))


def test_in_text_to_text_there_is_no_head_to_reuse(model: str) -> None:
    with pytest.raises(RecipeError, match=r"targets\.xnli\.heads: in text-to-text there are no heads"):
        check_start(recipe({"model": model}, heads="reuse"))


def test_only_answers_that_are_chosen_among_labels_have_a_distribution_without_heads(model: str) -> None:
    watched = {"validation": {"every": 1, "unlabelled": {}}}
    check_start(recipe({"model": model}, **watched))
    made = recipe({"model": model}, **watched)
    tags = made.model_copy(update={"targets": {"panx": made.targets["xnli"]}})
    with pytest.raises(
        RecipeError, match=r"targets\.panx\.validation\.unlabelled: the model writes the answers of a tag"
    ):
        check_start(tags)
    check_start(tags.model_copy(update={"start": made.start.model_copy(update={"use": "heads"})}))


def test_a_way_of_attending_that_mt5_does_not_have_is_refused(model: str) -> None:
    made = recipe({"model": model}).model_copy(update={"engine": Engine(attention="varlen")})
    with pytest.raises(RecipeError, match=r"engine\.attention: mT5 attends in one way only.*not by 'varlen'"):
        check_start(made)


def test_prompts_are_given_more_room_than_inputs_of_heads_unless_the_recipe_says(model: str, tmp_path: Path) -> None:
    def longest(**start: str) -> tuple[int, bool]:
        made = recipe({"model": model, **start})
        (key,) = training_keys(
            Run(recipe=made, run_dir=tmp_path, data_root=tmp_path), made.targets["xnli"], get_task("xnli"), 1 << 20
        )
        return key.limits.max_tokens, key.text

    assert longest() == (1024, True) and longest(use="heads") == (get_task("xnli").max_tokens, False)


def test_an_mt5_can_be_made_and_has_one_dropout() -> None:
    check_recipe(recipe(MADE), processes=1)
    with pytest.raises(ValueError, match="mT5 has one dropout for all; give `dropout`, and remove"):
        recipe({**MADE, "architecture": {"family": "mt5", "attention_dropout": 0.2}})


def test_a_vocabulary_too_small_for_mt5s_special_tokens_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"start\.tokenizer\.vocabulary is 250, of which mT5 needs 197"):
        check_recipe(recipe({**MADE, "tokenizer": {"vocabulary": 250}}), processes=1)


def test_the_made_tokenizer_has_mt5s_layout_and_can_write_ascii() -> None:
    rng = random.Random(1)
    words = ["".join(rng.choices("αβγδεζηθικ", k=rng.randint(2, 6))) for _ in range(900)]
    lines = [" ".join(rng.choices(words, k=8)) for _ in range(900)]
    made = train_tokenizer({"el": lines}, Tokenizer(vocabulary=300), max_tokens=64, seed=1, family="mt5")
    assert made.convert_ids_to_tokens([0, 1, 2]) == ["<pad>", "</s>", "<unk>"]
    assert made.convert_tokens_to_ids(["<extra_id_0>", "<extra_id_99>"]) == [len(made) - 1, len(made) - 100]
    assert made("a", "b")["input_ids"] == [*made("a")["input_ids"], *made("b")["input_ids"]]
    written = "PER: Zoe $$ 0 1.4 {x} αβα"
    ids = made(written)["input_ids"]
    assert 2 not in ids and ids[-1] == 1 and made.decode(ids[:-1]) == written
