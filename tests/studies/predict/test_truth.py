"""What scored arms brought, over the same seeds and languages, and how rankings are held against it."""

from pathlib import Path
from statistics import fmean

import pytest

from ds_stilts.studies.cells import Cell
from ds_stilts.studies.predict.truth import Truth, chance, judged, read_truths
from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.study import Study
from tests.studies.planted import plant
from tests.studies.predict.places import CHANGES
from tests.studies.worlds import study

GAINS = {"qa": 6.0, "nli": 2.0, "joint": -4.0, "chain": 0.0}
ARMS = ["qa", "nli", "joint", "chain"]


def effect(arm: str, target: str, language: str) -> float:
    return GAINS.get(arm, 0.0)


def skip(cell: Cell) -> bool:
    """Of one arm the second seed, of another everything, of one target all arms but one."""
    return (
        (cell.arm == "nli" and cell.seed.intermediate == 2)
        or cell.arm in ("merged", "chain")
        or (cell.target == "synth_choice" and cell.arm != "qa")
    )


@pytest.fixture(scope="module")
def planted(ranked: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("planted"), ranked, effect, items=300, skip=skip)


@pytest.fixture(scope="module")
def truths(ranked: Study, planted: Path) -> dict[str, Truth]:
    return read_truths(ranked, planted, ARMS, ["synth_nli", "synth_choice"])


def test_scores_are_means_over_the_seeds_and_languages_that_all_scored_arms_have(
    truths: dict[str, Truth], planted: Path
) -> None:
    truth, evidence = truths["synth_nli"], read_evidence(planted)
    assert truth.seeds == (1,) and list(truth.scores) == ["qa", "nli", "joint"]
    assert truth.languages == ("bb", "cc", "dd", "ee", "ff", "gg", "hh")  # all are trained in aa
    for arm in ("qa", "nli", "joint"):
        values = [evidence.value(arm, "synth_nli", 1, language) for language in truth.languages]
        assert truth.scores[arm] == pytest.approx(fmean(values))
    assert truth.baseline == pytest.approx(
        fmean(evidence.value("none", "synth_nli", 1, language) for language in truth.languages)
    )
    assert max(truth.scores, key=lambda arm: truth.scores[arm]) == "qa"


def test_a_target_with_one_scored_arm_has_nothing_to_choose(truths: dict[str, Truth]) -> None:
    assert list(truths) == ["synth_nli"]


def test_an_arm_that_was_run_as_another_one_does_not_count(planted: Path) -> None:
    changed = study(**{**CHANGES, "arms__qa__intermediate__tasks": {"synth_qa": {"max_examples": 50}}})
    assert list(read_truths(changed, planted, ARMS, ["synth_nli"])["synth_nli"].scores) == ["nli", "joint"]
    other = study(**{**CHANGES, "base__training__lr": 1.0e-4})
    assert read_truths(other, planted, ARMS, ["synth_nli"]) == {}


def test_a_folder_without_scores_knows_no_truth(ranked: Study, tmp_path: Path) -> None:
    assert read_truths(ranked, tmp_path / "nowhere", ARMS, ["synth_nli"]) == {}


def test_rankings_are_judged_over_scored_arms_only() -> None:
    scores = {"qa": 50.0, "nli": 80.0, "joint": 60.0, "chain": 40.0}
    predicted = {"qa": 0.9, "nli": 0.1, "joint": 0.8, "chain": 0.7, "merged": 1.0}
    found = judged(scores, predicted)
    assert found["regret"] == {"1": pytest.approx(37.5), "3": pytest.approx(25.0)}
    assert found["spearman"] == pytest.approx(-0.4)  # ranks 2 4 3 1 and 4 1 3 2: 1 - 6 * (4 + 9 + 0 + 1) / (4 * 15)
    assert chance(scores)["1"] == pytest.approx(28.125)


def test_a_k_of_all_arms_is_left_out() -> None:
    scores = {"qa": 50.0, "nli": 80.0, "joint": 60.0}
    assert list(judged(scores, scores)["regret"]) == list(chance(scores)) == ["1"]
