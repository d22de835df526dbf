"""What an arm says that merges others, what it may name, and what counts as the same merge."""

from fractions import Fraction
from typing import Any

import pytest
import yaml

from ds_stilts.errors import RecipeError
from ds_stilts.plan import (
    arm_stages,
    check_recipe,
    keeps_language_head,
    merged_stages,
    reused_head,
    stages,
    stages_before,
    trained_stages,
)
from ds_stilts.recipe import Merge, Recipe
from ds_stilts.recipe_file import parse_recipe
from ds_stilts.tasks import get_task

ARMS: dict[str, Any] = {
    "none": None,
    "nli": {"tasks": {"mnli": {}}},
    "chain": {"sequence": [{"tasks": {"squad_v1": {}}}, {"tasks": {"ccg": {}}}]},
    "merged": {"merge": {"arms": ["nli", "chain"]}},
}


def text(**changes: Any) -> str:
    made: dict[str, Any] = {
        "name": "probe",
        "start": {"model": "owner/model"},
        "training": {"steps": 9, "lr": 1e-4},
        "arms": ARMS,
        "targets": {"xnli": {}},
    }
    return yaml.safe_dump({**made, **changes}, sort_keys=False)


def read(*overrides: str, **changes: Any) -> Recipe:
    return parse_recipe(text(**changes), source="probe.yaml", overrides=overrides)


def merge_of(recipe: Recipe) -> Merge:
    arm = recipe.arms["merged"]
    assert arm is not None and arm.merge is not None
    return arm.merge


@pytest.mark.parametrize(
    ("override", "weights"),
    [
        ("arms.merged.merge.arms=[nli, chain]", (Fraction(1, 2), Fraction(1, 2))),
        ("arms.merged.merge.arms=[nli]", (None, Fraction(1))),
        ("arms.merged.merge.weight=0.25", (Fraction(1, 4), Fraction(1, 4))),
        ("arms.merged.merge.weight=0", (Fraction(0), Fraction(0))),
        ("arms.merged.merge.arms={nli: -1, chain: 0.5}", (Fraction(1, 2), Fraction(-1))),
    ],
)
def test_weights_are_the_mean_unless_said_otherwise(override: str, weights: tuple[Fraction | None, ...]) -> None:
    found = merge_of(read(override)).weights
    assert (found.get("chain"), found["nli"]) == weights


def test_the_order_of_names_says_nothing() -> None:
    turned = read("arms.merged.merge.arms=[chain, nli]")
    assert list(merge_of(turned).weights) == list(merge_of(read()).weights) == ["chain", "nli"]
    assert turned.fingerprint() == read().fingerprint()


def test_the_fingerprint_sees_arms_and_weights() -> None:
    changed = [read(f"arms.merged.merge.{other}") for other in ("weight=0.3", "arms=[nli]", "arms={nli: 1, chain: 1}")]
    assert len({recipe.fingerprint() for recipe in [read(), *changed]}) == 4


def test_a_resolved_merge_is_the_same_recipe_and_holds_no_key_of_training() -> None:
    dumped = read().model_dump(mode="json", exclude={"training"})
    assert list(dumped["arms"]["merged"]) == ["merge"]
    assert not any("merge" in (arm or {}) for name, arm in dumped["arms"].items() if name != "merged")
    assert parse_recipe(yaml.safe_dump(dumped, sort_keys=False), source="again").fingerprint() == read().fingerprint()


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "arms.merged.merge.arms=[nly]",
            "arms.merged.merge.arms: there is no arm 'nly' (did you mean 'nli'?); the oth",
        ),
        ("arms.merged.merge.arms=[merged]", "arms.merged.merge.arms: 'merged' would be merged from itself"),
        ("arms.merged.merge.arms=[none, nli]", "arms.merged.merge.arms: 'none' has no intermediate phase"),
        ("arms.again.merge.arms=[merged]", "arms.again.merge.arms: 'merged' is merged itself; name the arms"),
        ("arms.merged.merge.arms=[nli, nli]", "arms.merged.merge.arms: arm 'nli' stands there twice"),
        ("arms.merged.merge.arms=[]", "arms.merged.merge.arms: name at least one arm"),
        ("arms.merged.merge.arms=nli", "arms.merged.merge.arms: write a list, e.g. [nli]"),
        (
            "arms.merged.merge.arms={nli: 1, chain: null}",
            "arms.merged.merge: arms: give a weight for every arm or for n",
        ),
        (
            "arms.merged.merge={arms: {nli: 1}, weight: 1}",
            "arms.merged.merge: weight: the arms have weights of their o",
        ),
        ("arms.merged.merge.weight=.nan", "arms.merged.merge: a weight is a finite number"),
        ("arms.merged.merge.wieght=1", "arms.merged.merge.wieght: unknown key (did you mean 'weight'?)"),
        (
            "arms.merged.steps=3",
            "arms.merged: with `merge` nothing is trained, and `steps` would be ignored; remove it",
        ),
        ("arms.merged.sequence=[]", "arms.merged: with `merge` nothing is trained, and `sequence` would be ignored"),
        ("arms.merged.stepps=3", "arms.merged.stepps: unknown key (did you mean 'steps'?)"),
    ],
)
def test_what_cannot_be_merged_is_refused(override: str, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(override)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_arms_stand_above_what_they_are_merged_into() -> None:
    with pytest.raises(RecipeError, match="'chain' stands below it; move 'merged' below the arms that it merges"):
        read(arms=dict(reversed(ARMS.items())))


def test_a_merged_arm_is_one_stage_after_the_last_of_those_that_it_merges() -> None:
    recipe = read()
    assert stages(recipe)[:5] == ["start", "arms/nli", "arms/chain/1", "arms/chain/2", "arms/merged"]
    assert isinstance(arm_stages(recipe, "merged")["arms/merged"], Merge)
    assert merged_stages(recipe, "merged") == {"chain": "arms/chain/2", "nli": "arms/nli"}
    assert merged_stages(recipe, "chain") == merged_stages(recipe, "none") == {}
    assert stages_before(recipe, "arms/merged") == ["arms/chain/2", "arms/nli"]
    assert stages_before(recipe, "arms/chain/2") == ["arms/chain/1"] and stages_before(recipe, "arms/nli") == []
    assert stages_before(recipe, "targets/merged/xnli") == ["arms/merged"]
    made = read(start={"model": "owner/model", "pretrain": {"tasks": {"text": {}}}})
    assert stages_before(made, "arms/merged") == ["start", "arms/chain/2", "arms/nli"]


def test_a_merged_arm_has_learned_in_the_stages_of_those_that_it_merges() -> None:
    recipe = read()
    assert trained_stages(recipe, "merged") == ["arms/chain/1", "arms/chain/2", "arms/nli"]
    assert trained_stages(recipe, "chain") == ["arms/chain/1", "arms/chain/2"] and trained_stages(recipe, "none") == []
    tasks = [list(phase.tasks) for phase in recipe.phases_of("merged")]
    assert tasks == [["squad_v1"], ["ccg"], ["mnli"]]
    assert list(recipe.intermediate()) == ["arms.nli", "arms.chain.sequence.1", "arms.chain.sequence.2"]


def test_a_target_goes_on_from_a_head_that_one_of_the_merged_arms_has_trained() -> None:
    recipe = read(targets={"xnli": {"heads": "reuse"}})
    check_recipe(recipe, 1)
    assert [reused_head(recipe, arm, get_task("xnli")) for arm in ARMS] == [None, "mnli", None, "mnli"]


def test_the_language_head_is_merged_where_an_arm_has_trained_it() -> None:
    assert not keeps_language_head(read(), "arms/merged")
    with_text = read("arms.chain.sequence.2.tasks={text: {}}")
    assert keeps_language_head(with_text, "arms/merged") and not keeps_language_head(with_text, "arms/nli")
