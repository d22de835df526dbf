"""What a study file may say, and the sentence that answers what it may not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.errors import RecipeError
from ds_stilts.recipe_file import load_recipe, shipped_recipes
from ds_stilts.studies.cells import record_study
from ds_stilts.studies.places import study_places
from ds_stilts.studies.study_file import find_study, load_study, shipped_studies, sizes_of
from tests.studies.worlds import STUDY, loaded, study, values, write


def test_a_file_without_sizes_is_one_study(tmp_path: Path) -> None:
    found = loaded(tmp_path, STUDY)
    assert (found.study, found.size, list(found.arms)) == ("small", "only", ["none", "qa", "shuffled"])


def test_a_size_has_its_own_keys_and_those_that_all_share(tmp_path: Path) -> None:
    sizes = {"synthetic": {}, "paper": {"seeds": {"intermediate": [1, 2, 3]}, "description": "On a cluster."}}
    path = write(tmp_path, {**STUDY, "sizes": sizes})

    assert sizes_of(str(path)) == ["synthetic", "paper"]
    assert load_study(str(path)).seeds.intermediate == [1, 2]
    paper = load_study(str(path), "paper")
    assert (paper.size, paper.seeds.intermediate, paper.description) == ("paper", [1, 2, 3], "On a cluster.")
    assert paper.arms == load_study(str(path)).arms


def test_a_size_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    path = write(tmp_path, {**STUDY, "sizes": {"synthetic": {}, "paper": {}}})
    with pytest.raises(RecipeError, match=r"no size 'papers' \(did you mean 'paper'\?\); it has: synthetic, paper"):
        load_study(str(path), "papers")


def test_overrides_reach_into_the_picked_size(tmp_path: Path) -> None:
    path = write(tmp_path, {**STUDY, "sizes": {"a": {}, "b": {"seeds": {"intermediate": [4]}}}})
    assert load_study(str(path), "b", ["seeds.targets_each=2"]).seeds.targets_each == 2


TURNS = [{"arm": "qa", "against": "none"}, {"arm": "shuffled", "against": "none"}]
OWN = [{**TURNS[0], "languages": ["bb"]}, {**TURNS[1], "languages": ["cc"]}]

SCALING: dict[str, Any] = {
    "amount": "tasks", "against": "none", "of": {"all": {"languages": ["bb"]}},
    "arms": {0: ["qa"], 1: ["shuffled"], 2: ["qa2"]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arm": 1}, r"arm: unknown key \(did you mean 'arms'\?\)"),
        ({"arms__qa__intermediat": {}}, r"arms.qa.intermediat: unknown key \(did you mean 'intermediate'\?\)"),
        ({"contrasts__qa_helps__arm": "qaa"}, r"contrasts.qa_helps.arm: there is no arm 'qaa' \(did you mean 'qa'\?\)"),
        ({"contrasts__qa_helps__against": "nothing"}, "contrasts.qa_helps.against: there is no arm 'nothing'"),
        (
            {"contrasts__qa_helps__of": {"targets": ["synth_nli"]}},
            "qa_helps.of.targets: there is no target 'synth_nli'",
        ),
        ({"arms__qa__targets": {"synth_nil": {}}}, "arms.qa.targets: there is no target 'synth_nil'"),
        ({"contrasts__qa_helps__against": "qa"}, "'qa' would be compared with itself"),
        ({"contrasts__qa_helps__predicted": {}}, "give exactly one of sign, number, equal_within, not_below"),
        ({"contrasts__qa_helps__predicted": {"number": 8.2}}, "`number` and `within` go together"),
        ({"contrasts__qa_helps__predicted": None, "contrasts__qa_helps__confirmatory": True}, "give `predicted`"),
        ({"contrasts__qa_helps__slope": "distance", "contrasts__qa_helps__aggregate": "mean"}, "remove aggregate"),
        ({"contrasts__qa_helps__slope": "distances"}, "slope: Input should be 'distance' or 'resource'"),
        ({"contrasts__qa_helps__rotations": TURNS}, "give `arm`, `best_of` or `rotations`, exactly one of them"),
        ({"contrasts__qa_helps": {"arm": "qa"}}, "against: give the arm that it is held against"),
        ({"contrasts__c": {"rotations": TURNS, "against": "none"}}, "against: each rotation names its own; remove it"),
        ({"contrasts__c": {"rotations": TURNS[:1]}}, "rotations: List should have at least 2 items"),
        ({"contrasts__c": {"rotations": [*TURNS, TURNS[0]]}}, "qa − none stands there twice and would count double"),
        (
            {"contrasts__c": {"rotations": [TURNS[0], {"arm": "aq", "against": "none"}]}},
            "contrasts.c.rotations.2.arm: there is no arm 'aq'; the study has",
        ),
        ({"contrasts__c": {"rotations": [TURNS[0], {"arm": "qa", "against": "qa"}]}}, "compared with itself"),
        ({"contrasts__c": {"rotations": OWN, "of": {"languages": ["aa"]}}}, "of.languages: rotations name their own"),
        ({"contrasts__c": {"rotations": OWN, "slope": "distance"}}, "would mix up language and rotation"),
        ({"scaling__n": {**SCALING, "arms": {0: ["qa"], 1: ["qa"], 2: ["shuffled"]}}}, "arms: 'qa' stands there twice"),
        ({"scaling__n": {**SCALING, "arms": {0: ["none"], 1: ["qa"], 2: ["shuffled"]}}}, "compared with itself"),
        ({"scaling__n": {**SCALING, "arms": {0: ["qa"], 1: ["shuffled"]}}}, "arms: Dictionary should have at least 3"),
        ({"scaling__n": {**SCALING, "arms": {-1: ["qa"], 1: [], 2: ["shuffled"]}}}, "arms.-1: an amount is 0 or more"),
        ({"scaling__n": {**SCALING, "of": {"all": {}}}}, "of.all.languages: name them"),
        ({"scaling__n": SCALING}, "scaling.n.arms.2: there is no arm 'qa2'"),
        ({"scaling__n": {**SCALING, "against": "no"}}, "scaling.n.against: there is no arm 'no'"),
        ({"base__arms": {}}, "base.arms: give `arms` of the study; remove it"),
        ({"base__seed": 3}, "base.seed: give `seeds` of the study; remove it"),
        ({"seeds": {"intermediate": [1, 1]}}, "seed 1 stands there twice"),
        ({"arms": {"none": {"role": "baseline"}, "other": {"role": "baseline"}}}, "there is no arm 'qa'"),
        ({"targets": {}}, "targets: Dictionary should have at least 1 item"),
    ],
)
def test_a_slip_is_answered_in_one_sentence_with_its_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        study(**changes)
    assert str(caught.value).startswith("study.yaml: ") and "\n" not in str(caught.value)


def test_a_key_given_twice_and_what_is_no_yaml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("study: a\nquestion: b\nquestion: c\n")
    with pytest.raises(RecipeError, match="line 3: key 'question' is given twice"):
        load_study(str(path))
    path.write_text("study: [a\n")
    with pytest.raises(RecipeError, match="is not valid YAML"):
        load_study(str(path))


def test_a_base_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_bytes(b"\x8b\x00")
    with pytest.raises(RecipeError, match=r"base\.yaml cannot be read as a recipe, a YAML file in UTF-8"):
        loaded(tmp_path, {**STUDY, "base": "base.yaml"})


def test_studies_and_recipes_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    path = write(tmp_path, STUDY)
    with pytest.raises(RecipeError, match="is a study, of many runs"):
        load_recipe(str(path))
    with pytest.raises(RecipeError, match="is no study: it has no `study: NAME` at its top"):
        load_study(str(find_recipe_of("quickstart")))
    assert not set(shipped_studies()) & set(shipped_recipes())


def find_recipe_of(name: str) -> Path:
    from ds_stilts.recipe_file import find_recipe

    return find_recipe(name)


def test_the_folder_of_a_study_that_was_run_names_it_as_it_was_run(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    record_study(study(seeds__intermediate=[1, 2, 3]), folder)
    for named in (str(folder), str(folder / "study.yaml")):
        found = load_study(named)
        assert (found.size, found.seeds.intermediate) == ("tiny", [1, 2, 3]) and sizes_of(named) == ["tiny"]
        assert load_study(named, "tiny") == found
        with pytest.raises(RecipeError, match="the study has no size 'paper'; it has: tiny"):
            load_study(named, "paper")
    assert load_study(str(folder), None, ["seeds.intermediate=[4]"]).seeds.intermediate == [4]
    place, store = study_places(load_study(str(folder)), str(folder), None, None)
    assert (place, store.root) == (folder, tmp_path / "store")
    assert study_places(load_study(str(folder)), str(folder), tmp_path / "other", None)[0] == tmp_path / "other"


def test_a_folder_that_is_called_as_a_shipped_study_is_meant_with_a_slash_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record_study(study(), Path("s0"))
    assert load_study("s0").study == "s0" and load_study("./s0").study == load_study("s0/").study == "small"
    assert study_places(load_study("s0"), "s0", None, None)[0] == Path("runs/studies/s0-synthetic")
    assert study_places(load_study("./s0"), "./s0", None, None)[0] == Path("s0")


def test_an_unknown_study_is_answered_with_the_shipped_ones() -> None:
    with pytest.raises(RecipeError, match="no study 's9'"):
        find_study("s9")


def test_a_base_is_a_recipe_by_name_without_what_the_study_decides() -> None:
    base = study(base="quickstart").base
    assert base["start"]["oracle"] == {"sigma": 0.5, "scale": 0.4}
    assert not {"arms", "targets", "seed", "name"} & set(base)


def test_an_override_inside_a_named_base_leaves_the_rest_of_it(tmp_path: Path) -> None:
    path = str(write(tmp_path, {key: own for key, own in values(base="quickstart").items() if key != "targets"}))
    plain, changed = load_study(path), load_study(path, overrides=["base.training.lr=0.5", "targets.synth_pos.lr=0.1"])
    assert changed.base == plain.base | {"training": plain.base["training"] | {"lr": 0.5}} != plain.base
    assert list(changed.targets) == list(plain.targets) and changed.targets["synth_pos"]["lr"] == 0.1

    other = load_study(path, overrides=["base.training.lr=0.5", "base=real_mini"])
    assert other.base["training"]["lr"] == 0.5 and "tokenizer" in other.base["start"] and "xnli" in other.targets


def test_files_of_own_tasks_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    task = {"format": "sentence_pair", "files": {"train": "pairs/{lang}.tsv"}, "labels": ["a", "b"]}
    found = loaded(tmp_path, values(base__tasks={"mine": task}))
    assert found.base["tasks"]["mine"]["files"]["train"] == str(tmp_path / "pairs/{lang}.tsv")


def test_the_declared_part_is_plain_values_without_prose() -> None:
    declared = study(description="x", unverified={"lr": "from memory"}).declared()
    assert yaml.safe_load(yaml.safe_dump(declared)) == declared
    assert declared == study().declared()
