"""Which study a claim is about; and that the shipped study of the paper is about every shipped claim."""

from collections.abc import Mapping
from typing import Any

import pytest

from ds_stilts.recipe import Recipe
from ds_stilts.studies.claims.claims_file import Claims, load_claims
from ds_stilts.studies.claims.scope import why_not
from ds_stilts.studies.expand import expand
from ds_stilts.studies.guards import arm_recipes
from ds_stilts.studies.study import Study
from ds_stilts.studies.study_file import load_study, sizes_of
from tests.studies.worlds import study

PAPER = "phang2020/xtreme"
PARTS = [(id, name) for id, claim in load_claims().entries.items() for name in claim.parts]


@pytest.fixture(scope="module")
def sizes() -> dict[str, tuple[Study, Mapping[str, Recipe]]]:
    loaded = {size: load_study(PAPER, size) for size in sizes_of(PAPER)}
    return {size: (study, arm_recipes(expand(study))) for size, study in loaded.items()}


@pytest.mark.parametrize(("id", "name"), PARTS)
def test_every_part_of_a_shipped_claim_is_judged_in_some_size_of_the_study_of_the_paper(
    sizes: dict[str, tuple[Study, Mapping[str, Recipe]]], id: str, name: str
) -> None:
    claims = load_claims()
    claim = claims.entries[id]
    reasons = {size: why_not(claims, claim, claim.parts[name], *one) for size, one in sizes.items()}
    assert "" in reasons.values(), reasons


def test_claims_of_development_sets_and_of_test_sets_are_judged_in_different_sizes(
    sizes: dict[str, tuple[Study, Mapping[str, Recipe]]],
) -> None:
    claims = load_claims()
    where = {
        id: [size for size, one in sizes.items() if not why_not(claims, claims.entries[id], part, *one)]
        for id in ("C1", "C2", "C5")
        for part in claims.entries[id].parts.values()
    }
    assert where == {"C1": ["dev"], "C2": ["dev"], "C5": ["paper"]}


REAL: dict[str, Any] = {
    "base": {"start": {"model": "FacebookAI/xlm-roberta-large"}, "training": {"steps": 4, "batch_examples": 8}},
    "arms": {"none": {"role": "baseline"}, "mnli": {"intermediate": {"tasks": {"mnli": {}}}}},
    "targets": {"xquad": {}, "panx": {"score_split": "dev", "score_languages": ["de", "en", "sw"]}},
    "contrasts": {"c": {"arm": "mnli", "against": "none"}},
}


def reason(part: dict[str, Any], *, split: str | None = None, found: Any = None, **changes: Any) -> str:
    """Why a study of two targets says nothing of a claim with this part."""
    entry = {"text": "It helps.", "split": split}
    entry["parts"] = {"a": {"arm": "mnli", "against": "none", "predicted": {"sign": "positive"}, **part}}
    values = {"claims": "mine", "title": "A paper", "version": "v1", "model": "xlm-roberta-large"}
    claims = Claims.model_validate({**values, "entries": {"A": entry}})
    made = study(**{**REAL, **changes})
    claim = claims.entries["A"]
    return why_not(claims, claim, claim.parts["a"], made, arm_recipes(expand(made)), found)


def turns(first: list[str], second: list[str]) -> dict[str, Any]:
    """A part that is the mean of two rotations."""
    own = [{"arm": "mnli", "against": "none", "languages": languages} for languages in (first, second)]
    return {"arm": None, "against": "", "rotations": own}


@pytest.mark.parametrize(
    ("part", "more", "said"),
    [
        ({}, {}, ""),
        ({"arm": "qqp"}, {}, "has no arm 'qqp'"),
        ({"of": {"targets": ["xnli"]}}, {}, "has no target 'xnli'"),
        ({"minus": {"targets": ["xnli"]}}, {}, "has no target 'xnli'"),
        ({}, {"base__start__model": "google-bert/bert-base-multilingual-cased"}, "and the claim is about xlm-roberta"),
        ({"of": {"languages": ["de", "sw"]}}, {}, ""),
        ({"of": {"languages": ["de", "fr"]}}, {}, "scores none of the claim's targets in 'fr'"),
        ({"of": {"languages": ["sw"]}}, {}, "scores 'xquad' in none of the claim's languages"),
        (turns(["de"], ["sw"]), {}, "scores 'xquad' in none of the claim's languages"),
        ({**turns(["de"], ["sw"]), "of": {"targets": ["panx"]}}, {}, ""),
        ({**turns(["de"], ["fr"]), "of": {"targets": ["panx"]}}, {}, "scores none of the claim's targets in 'fr'"),
        ({"of": {"targets": ["panx"]}}, {"split": "dev"}, ""),
        ({"of": {"targets": ["panx"]}}, {"split": "test"}, "'panx' is scored on dev, and the claim is about 'test'"),
        ({"of": {"targets": ["panx"]}}, {"split": "dev", "found": {"panx": {"test"}}}, "'panx' is scored on test"),
    ],
)
def test_a_study_is_about_what_it_declares_and_its_rows_are_of(
    part: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    found = reason(part, **more)
    assert said in found and bool(said) == bool(found)


def test_a_split_that_lacks_the_compared_languages_is_none() -> None:
    """XQuAD's dev is SQuAD's, in English alone: of its eleven languages it says nothing."""
    assert reason({"of": {"targets": ["xquad"]}}, split="dev") == ""
    english = {"of": {"targets": ["xquad"], "languages": ["en"]}}
    assert reason({**english, "zero_shot": False}, split="dev", targets={"xquad": {"score_languages": ["en"]}}) == (
        "'xquad' is scored on test, and the claim is about 'dev'"
    )
