"""A study becomes ordinary recipes: one a seed, with the arms that share start model and targets."""

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.plan import check_recipe
from ds_stilts.studies.expand import expand, groups, seed_pairs
from tests.studies.worlds import study


def test_one_recipe_a_seed_holds_all_arms_and_targets() -> None:
    runs = expand(study())

    assert [(run.group, run.seed.label, str(run.folder)) for run in runs] == [
        ("shared", "1", "runs/shared/seed-1"),
        ("shared", "2", "runs/shared/seed-2"),
    ]
    assert [run.recipe.seed for run in runs] == [1, 2]
    assert list(runs[0].recipe.arms) == ["none", "qa", "shuffled"] and runs[0].recipe.arms["none"] is None
    assert list(runs[0].recipe.targets) == ["synth_qa_low", "synth_pos"]
    assert runs[0].recipe.targets["synth_pos"].steps == 4
    for run in runs:
        check_recipe(run.recipe, 1)


def test_target_seeds_are_nested_and_no_two_intermediate_seeds_share_one() -> None:
    pairs = seed_pairs(study(seeds={"intermediate": [0, 1, 7], "targets_each": 2}))

    assert [pair.label for pair in pairs] == ["0.1", "0.2", "1.1", "1.2", "7.1", "7.2"]
    targets = [pair.target for pair in pairs]
    assert len(set(targets)) == len(targets) and None not in targets


def test_one_target_seed_each_leaves_the_recipe_a_plain_one() -> None:
    assert [run.recipe.target_seed for run in expand(study())] == [None, None]


def test_an_arm_with_its_own_targets_or_start_has_a_recipe_of_its_own() -> None:
    changed = study(
        arms__longer={"targets": {"synth_pos": {"steps": 9}}, "unmatched": "its steps are in the target"},
        arms__aligned={"intermediate": None, "start": {"oracle": {"sigma": 0.0}}, "unmatched": "another start"},
    )

    assert groups(changed) == {
        "shared": ("none", "qa", "shuffled"), "longer": ("longer",), "aligned": ("aligned",),
    }  # fmt: skip
    by_group = {run.group: run.recipe for run in expand(changed) if run.seed.intermediate == 1}
    assert [by_group[g].targets["synth_pos"].steps for g in ("shared", "longer")] == [4, 9]
    assert by_group["longer"].targets["synth_pos"].score_languages == ["aa", "cc"]
    assert [by_group[g].start.oracle.sigma for g in ("shared", "aligned")] == [0.3, 0.0]  # type: ignore[union-attr]


def test_an_arm_that_loads_a_model_drops_what_made_the_other_one() -> None:
    changed = study(arms__public={"start": {"model": "owner/model", "seed": None}, "unmatched": "another model"})
    start = next(run.recipe.start for run in expand(changed) if run.group == "public")
    assert start.model == "owner/model" and start.architecture is None and start.oracle is None


def test_an_arm_that_makes_no_recipe_is_told_by_its_key() -> None:
    with pytest.raises(RecipeError, match=r"the recipe of none, qa, shuffled: arms.qa.stepz: unknown key \(did you"):
        expand(study(arms__qa__intermediate={"tasks": {"synth_qa": {}}, "stepz": 3}))
