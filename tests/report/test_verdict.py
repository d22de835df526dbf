"""The sentence at the top and the mean differences behind it."""

import shutil
from pathlib import Path

import pytest

from ds_stilts.report.collect import read_run
from ds_stilts.report.verdict import Summary, summarise


def summary(run_dir: Path) -> Summary:
    return summarise(read_run(run_dir))


def test_mean_difference_leaves_overlapping_targets_out(small_run: Path) -> None:
    found = summary(small_run)
    assert found.common_targets == ("xnli", "xquad")
    assert found.overlapping_targets == ("paws",)
    (nli,) = found.comparisons
    assert nli.mean_difference == pytest.approx((-1 / 3 + 2.5) / 2)
    assert (nli.worst.target, nli.worst.language.code, nli.worst.value) == ("xnli", "th", -6.0)
    assert found.mean_scores["none"] == pytest.approx((60 + 50) / 2)


def test_verdict_names_arm_mean_worst_language_and_the_single_seed(small_run: Path) -> None:
    assert summary(small_run).verdict == (
        "Arm “nli” differs from “none” by +1.08 points on average over 2 targets (1 with training overlap left out); "
        "its worst language is Thai on “XNLI” (−6.00); "
        "this is one training seed, so differences of this size may be chance."
    )


def test_a_perturbed_target_has_a_row_and_is_in_no_mean(small_run: Path, edit_scores) -> None:
    before = summary(small_run)
    for arm in ("none", "nli"):
        shutil.copytree(small_run / "targets" / arm / "xquad", small_run / "targets" / arm / "xquad:noise")
        edit_scores(
            small_run, arm, "xquad:noise", lambda values: values.update(task="xquad:noise", title="XQuAD, noise")
        )
    found = summary(small_run)
    assert "xquad:noise" in {target.name for target in found.targets}
    assert (found.common_targets, found.mean_scores) == (before.common_targets, before.mean_scores)
    assert found.verdict == before.verdict


def test_arms_are_compared_over_the_same_targets(full_run: Path) -> None:
    found = summary(full_run)
    assert found.common_targets == ("udpos", "panx", "tatoeba", "tydiqa")
    assert [item.arm for item in found.comparisons] == ["mnli_squad", "shuffled"]
    assert found.comparisons[0].mean_difference > found.comparisons[1].mean_difference
    shutil.rmtree(full_run / "targets" / "shuffled" / "panx")
    found = summary(full_run)
    assert found.common_targets == ("udpos", "tatoeba", "tydiqa")
    assert found.not_scored == (("shuffled", "panx"),)


def test_only_a_baseline_gives_no_comparison(baseline_only: Path) -> None:
    found = summary(baseline_only)
    assert found.comparisons == () and found.common_targets == ()
    assert found.verdict == (
        "Only the baseline “none” is scored so far: mean score 70.00 over 1 target, with nothing to compare it with."
    )
    assert found.not_scored == (("none", "xquad"), ("nli", "xnli"), ("nli", "xquad"))


def test_all_targets_overlapping_gives_no_mean(small_run: Path, edit_scores) -> None:
    for task in ("xnli", "xquad"):
        edit_scores(small_run, "nli", task, lambda values: values.update(overlap="superset", overlap_with=["mnli"]))
    found = summary(small_run)
    assert found.comparisons == ()
    assert (
        "No mean difference from “none” is given: every target shares its training data with some arm" in found.verdict
    )


def test_a_baseline_without_scores_gives_no_differences(small_run: Path) -> None:
    shutil.rmtree(small_run / "targets" / "none")
    assert summary(small_run).verdict == "The baseline “none” has no scores yet, so no differences are given."
