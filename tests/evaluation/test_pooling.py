"""Which hidden state and pooling a target gets: the default, XTREME's presets, and what is refused."""

from pathlib import Path

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.evaluation.pooling import Pooling, pooling_of, probe_pooling
from ds_stilts.formats.embedding import Pool
from ds_stilts.recipe import Evaluation, Probe
from tests.small import tokenizer


@pytest.mark.parametrize(("num_layers", "layer"), [(24, 14), (12, 7), (6, 4), (4, 2)])
def test_by_default_it_is_the_mean_at_14_of_24_and_the_same_share_of_others(num_layers: int, layer: int) -> None:
    assert pooling_of("tatoeba", Evaluation(), num_layers) == Pooling(layer=layer)


# run_tatoeba.sh and run_bucc2018.sh of google-research/xtreme; of `paper`, those of pull request 104
@pytest.mark.parametrize(
    ("preset", "task", "num_layers", "expected"),
    [
        ("script", "tatoeba", 24, (14, "mean")),  # specific_layer 13 of hidden_states[-24:]
        ("script", "tatoeba", 12, (8, "mean")),  # 7 of [-12:]
        ("script", "bucc2018", 24, (20, "cls")),  # 7 of [-12:] of 25 states
        ("script", "bucc2018", 12, (8, "cls")),
        ("paper", "tatoeba", 24, (11, "mean")),  # 10 of [-24:]
        ("paper", "tatoeba", 12, (8, "mean")),
        ("paper", "bucc2018", 24, (20, "mean")),
        ("paper", "bucc2018", 12, (8, "mean")),
    ],
)
def test_presets(preset: str, task: str, num_layers: int, expected: tuple[int, str]) -> None:
    found = pooling_of(task, Evaluation.model_validate({"preset": preset}), num_layers)
    assert (found.layer, found.kind) == expected and found.preset == preset and found.special_tokens


def test_a_preset_is_of_its_tasks_only() -> None:
    found = pooling_of("lareqa", Evaluation(preset="script"), 24)
    assert found == Pooling(layer=14), "and the scores do not claim a preset"


def test_a_sweep_has_the_state_that_counts_among_its_own() -> None:
    found = pooling_of("tatoeba", Evaluation(sweep=[1, 3, 1]), 6)
    assert (found.layer, found.layers) == (4, (1, 3, 4))
    assert pooling_of("tatoeba", Evaluation(sweep="all"), 3).layers == (0, 1, 2, 3)
    assert found.folder(Path("x/predictions"), 3) == Path("x/sweep/03")
    assert Pooling(layer=4).folder(Path("x/predictions"), 4) == Path("x/predictions")


def test_what_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.layer is 7, but the start model has hidden states 0 to 6"):
        pooling_of("tatoeba", Evaluation(layer=7), 6)
    with pytest.raises(RecipeError, match=r"evaluation\.sweep is 9, but the start model has hidden states 0 to 6"):
        pooling_of("tatoeba", Evaluation(sweep=[2, 9]), 6)
    with pytest.raises(
        RecipeError, match=r"preset is script, which names a hidden state for models of 12 and 24 layers"
    ):
        pooling_of("bucc2018", Evaluation(preset="script"), 6)


def test_special_tokens_are_counted_on_the_tokenizer() -> None:
    own = tokenizer()
    bare = Pooling(layer=1, special_tokens=False).pool(own)
    ids = own("the cat")["input_ids"]
    alone = own("the cat", add_special_tokens=False)["input_ids"]
    assert ids[bare.before : len(ids) - bare.after] == alone and bare.before + bare.after > 0
    assert Pooling(layer=1).pool(own) == Pool()


def test_a_probe_compares_the_states_that_it_names_or_all() -> None:
    def layers(**probe: object) -> tuple[int, ...]:
        return probe_pooling(Probe.model_validate({"task": "tatoeba", **probe}), 4, "arms.a.validation.probe").layers

    assert layers() == (0, 1, 2, 3, 4) and layers(layers=[3, 0, 3]) == (0, 3) and layers(layers=[2]) == (2,)
    with pytest.raises(
        RecipeError, match=r"^arms\.a\.validation\.probe\.layers: 5, but the start model has .* 0 to 4;"
    ):
        layers(layers=[5])
