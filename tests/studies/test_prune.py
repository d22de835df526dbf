"""Which stages a pruned study would not run, what that saves, and what it would have lost."""

from typing import Any

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.studies.plan import plan_study
from ds_stilts.studies.prune import best_k, prune_study, pruned_text
from ds_stilts.studies.study import Study
from tests.studies.worlds import study

ARMS: dict[str, Any] = {
    "none": {"role": "baseline"},
    "qa": {"intermediate": {"tasks": {"synth_qa": {}}}},
    "nli": {"intermediate": {"tasks": {"synth_nli": {}}}},
    "choice": {"intermediate": {"tasks": {"synth_choice": {}}}},
    "shuffled": {"intermediate": {"tasks": {"synth_qa:shuffled": {}}}, "role": "control"},
    "fake": {"intermediate": {"tasks": {"synth_nli:shuffled": {}}}, "role": "control"},
}
CONTRASTS = {
    "control": {"arm": "qa", "against": "shuffled", "of": {"targets": ["synth_qa_low"]}, "confirmatory": True,
                "predicted": {"sign": "positive"}},
    "aside": {"arm": "nli", "against": "fake"},
}  # fmt: skip
TARGETS: dict[str, Any] = {"synth_qa_low": {}, "synth_pos": {}, "synth_retrieval": {}}


def wanted(**changes: Any) -> Study:
    shape = {"arms": ARMS, "contrasts": CONTRASTS, "targets": TARGETS, "statistics": {"test": "bootstrap"}}
    return study(**{**shape, **changes})  # of two seeds


def predicted(scores: dict[str, float] | None = None) -> dict[str, Any]:
    """By "look" qa and nli are the first of synth_qa_low, and nli and choice of synth_pos; nothing is of retrieval."""

    def arms(values: dict[str, float]) -> dict[str, Any]:
        score = {arm: {"score": scores[arm]} for arm in values} if scores else {arm: {} for arm in values}
        return {arm: {"look": value, **score[arm]} for arm, value in values.items()}

    return {
        "arms": {arm: {} for arm in ("qa", "nli", "choice")},
        "targets": {
            "synth_qa_low": {"arms": arms({"qa": 0.9, "nli": 0.5, "choice": 0.1})},
            "synth_pos": {"arms": arms({"qa": 0.1, "nli": 0.5, "choice": 0.3})},
        },
    }


def by_look(made: Study, k: int, prediction: dict[str, Any] | None = None) -> dict[str, Any]:
    found = prune_study(made, prediction or predicted(), k, predictors=["look"])
    return {**found, **found["predictors"]["look"]}


def test_for_each_target_the_first_arms_the_baseline_and_controls_that_are_named_are_run() -> None:
    found = by_look(wanted(), 2)
    assert found["kept"] == {"synth_qa_low": ["qa", "nli"], "synth_pos": ["nli", "choice"]}
    assert found["controls"] == ["fake"]
    # two seeds: choice and fake are not run on synth_qa_low, qa and fake not on synth_pos; retrieval keeps all
    assert found["skipped_stages"] == {"arms": 0, "targets": 2 * 4}
    assert found["left_stages"] == plan_study(wanted())["stages"]["all"] - 8
    assert found["contrasts"] == {}


def test_an_arm_that_no_target_needs_is_not_trained_and_a_cut_contrast_is_told() -> None:
    made = wanted(targets={name: {} for name in ("synth_qa_low", "synth_pos")})
    prediction = predicted()
    prediction["targets"]["synth_qa_low"]["arms"]["nli"]["look"] = 1.0
    found = by_look(made, 1, prediction)
    assert found["kept"] == {"synth_qa_low": ["nli"], "synth_pos": ["nli"]}
    assert found["skipped_stages"] == {"arms": 2 * 3, "targets": 2 * 2 * 3}  # qa, choice and fake
    assert found["contrasts"] == {"control": ["qa / synth_qa_low"]}
    before = plan_study(made)["cost"]
    assert 0 < found["saved"]["device_hours"] < before["device_hours"]
    assert found["share_of_hours"] == pytest.approx(found["saved"]["device_hours"] / before["device_hours"])


def test_a_merged_arm_keeps_the_arms_that_it_merges() -> None:
    arms = {**ARMS, "merged": {"intermediate": {"merge": {"arms": ["qa", "choice"]}}, "unmatched": "is merged"}}
    made = wanted(arms=arms, targets={"synth_pos": {}}, contrasts={"aside": CONTRASTS["aside"]})
    prediction = {"arms": {arm: {} for arm in ("qa", "nli", "choice", "merged")}, "targets": {"synth_pos": {"arms": {
        "qa": {"look": 0.1}, "nli": {"look": 0.2}, "choice": {"look": 0.3}, "merged": {"look": 0.4},
    }}}}  # fmt: skip
    found = by_look(made, 1, prediction)
    assert found["skipped_stages"] == {"arms": 2 * 3, "targets": 2 * 5}  # of nli, shuffled and fake alone no model


def test_what_it_would_have_lost_is_told_where_arms_were_scored() -> None:
    scores = {"qa": 50.0, "nli": 40.0, "choice": 30.0}
    found = by_look(wanted(), 1, predicted(scores))
    assert found["regret"]["targets"] == pytest.approx({"synth_qa_low": 0.0, "synth_pos": 20.0})
    assert found["regret"]["mean"] == pytest.approx(10.0)
    assert by_look(wanted(), 1)["regret"] == {"targets": {}, "mean": None}
    text = pruned_text(prune_study(wanted(), predicted(scores), 1, predictors=["look"]))
    assert (
        "synth_qa_low: qa" in text and "would have lost 10.0 % (Regret@1): synth_qa_low 0.0 %, synth_pos 20.0 %" in text
    )
    assert "controls that no confirmatory contrast names would not be run: fake" in text


def test_a_way_to_prune_that_is_none_is_a_sentence() -> None:
    assert best_k("regret3") == 3
    for wrong in ("regret", "regret0", "3", "best3"):
        with pytest.raises(RecipeError, match=f"--prune: '{wrong}' is no way to prune; write regret3"):
            best_k(wrong)
    with pytest.raises(RecipeError, match=r"3 arms of study 'small' \(tiny\) are ranked .* give a smaller number"):
        by_look(wanted(), 3)
