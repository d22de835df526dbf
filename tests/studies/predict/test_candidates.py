"""Which arms and targets are ranked, and what is said of the others."""

from typing import Any

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.predict.candidates import Candidates, find_candidates
from tests.studies.predict.places import ARMS, CHANGES
from tests.studies.worlds import study


def candidates(*wanted: str, **changes: Any) -> Candidates:
    made = study(**{**CHANGES, **changes})
    return find_candidates(made, check_study(made), wanted)


def test_every_arm_that_trains_is_ranked_but_for_controls_and_those_that_stand_apart() -> None:
    found = candidates()
    assert found.arms == ("qa", "nli", "joint", "chain", "merged")
    assert found.left_out == {
        "shuffled": "is a control",
        "longer": "has a start model or targets of its own",
    }
    assert found.run.group == "shared" and found.run.recipe.seed == 1


def test_arms_that_are_named_are_ranked_and_no_others() -> None:
    found = candidates("shuffled", "qa", "qa")
    assert found.arms == ("shuffled", "qa") and found.left_out["joint"] == "was not named"


def test_a_target_that_is_searched_has_no_examples_to_look_at() -> None:
    found = candidates(targets={"synth_nli": {}, "synth_retrieval": {}})
    assert found.targets == ("synth_nli",) and list(found.without) == ["synth_retrieval"]


@pytest.mark.parametrize(
    ("wanted", "changes", "said"),
    [
        (["nil"], {}, "--arm: there is no arm 'nil' \\(did you mean 'nli'\\?\\); the study has: none, qa"),
        (["none"], {}, "--arm: 'none' has no intermediate phase"),
        (["longer"], {}, "--arm: 'longer' has a start model or targets of its own"),
        ([], {"arms": {name: ARMS[name] for name in ("none", "shuffled")},
              "contrasts": {"c": {"arm": "shuffled", "against": "none"}}},
         "no arm trains an intermediate task .*, but for controls"),
        ([], {"targets": {"synth_retrieval": {}}, "arms": {name: ARMS[name] for name in ("none", "qa")}},
         "none of its targets has training examples to look at \\(synth_retrieval\\)"),
    ],
)  # fmt: skip
def test_nothing_to_rank_is_said_in_a_sentence(wanted: list[str], changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        candidates(*wanted, **changes)
