"""Contrasts of a study with planted effects: verdicts, sizes, and what is said of seeds and cells that are missing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ds_stilts.statistics.multi_bootstrap import Contrast as BootstrapContrast
from ds_stilts.studies.cells import Cell, all_cells
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.report.contrasts import Answered, judge_contrasts, question_contrasts
from ds_stilts.studies.report.estimates import answer
from ds_stilts.studies.report.gains import compare, gains
from ds_stilts.studies.report.integrity import Check, checks
from ds_stilts.studies.sections import Contrast
from ds_stilts.studies.study import Study
from tests.studies.planted import LANGUAGES, plant, planted_study, qa_gains_harm_loses

Copy = Callable[[Callable[[Cell], bool]], tuple[Path, Study]]
ZERO_SHOT = [code for code in LANGUAGES if code != "aa"]


def answers(evidence: Evidence) -> dict[str, Answered]:
    questions = question_contrasts(evidence, evidence.study.contrasts)
    findings = answer(evidence, questions.to_answer())
    return judge_contrasts(evidence, questions, findings, evidence.study.statistics)


def selection(evidence: Evidence) -> Check:
    compared = compare(evidence)
    found = checks(evidence, gains(evidence, compared, answer(evidence, compared.to_answer(evidence))))
    return next(one for one in found if one.title == "Test never used for selection")


@pytest.fixture(scope="module")
def answered(planted: Path) -> dict[str, Answered]:
    return answers(read_evidence(planted))


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("qa_helps", "CONFIRMED"),
        ("shuffled_is_null", "CONFIRMED"),
        ("far_gain_less", "CONFIRMED"),
        ("size", "CONFIRMED"),
        ("wrong_size", "REFUTED"),
        ("harm_helps", "REFUTED"),
        ("shuffled_helps", "INCONCLUSIVE"),
        ("shuffled_not_worse", "CONFIRMED"),
        ("harm_not_worse", "REFUTED"),
        ("best", "CONFIRMED"),
        ("worst_language", "ESTIMATE"),
    ],
)
def test_planted_effects_get_the_planted_verdicts(answered: dict[str, Answered], name: str, verdict: str) -> None:
    assert answered[name].judgement.verdict == verdict, answered[name].judgement


def test_estimates_are_what_was_planted_and_cover_seeds_and_items(answered: dict[str, Answered]) -> None:
    truth = sum(qa_gains_harm_loses("qa", "", code) for code in ZERO_SHOT) / len(ZERO_SHOT)
    found = answered["qa_helps"].finding.found
    assert isinstance(found, BootstrapContrast) and "multi-bootstrap over 6 seeds" in found.method
    assert found.interval is not None and found.interval[0] < truth < found.interval[1]
    assert abs(found.estimate - truth) < 1.5
    assert answered["qa_helps"].num_languages == len(ZERO_SHOT)  # aa has labels


def test_a_slope_is_judged_over_languages_not_over_rows(answered: dict[str, Answered]) -> None:
    one = answered["far_gain_less"]
    assert one.judgement.n == 6 and one.slope is not None and one.slope.permutation is not None
    assert "6 families as units" in one.judgement.method, "of cc's family is gg, all others stand alone"
    assert one.judgement.interval is not None and one.judgement.interval[0] < -1.5 < one.judgement.interval[1]
    assert "Kenward-Roger" in one.judgement.method


def test_the_best_of_several_is_chosen_on_other_seeds_than_it_is_scored_on(answered: dict[str, Answered]) -> None:
    one = answered["best"]
    assert one.finding.seeds == (4, 5, 6) and one.judgement.n == 3
    assert (
        "synth_nli: qa" in one.chosen and "of seeds 1, 2, 3" in one.chosen and "scored on seeds 4, 5, 6" in one.chosen
    )


def looked_at(folder: Path, target: str, value: dict[str, float], **changes: object) -> Evidence:
    """A study of two arms with what the looks at a target have found, by arm."""
    best = {"best": {"best_of": ["qa", "harm"], "against": "none", "predicted": {"sign": "positive"}}}
    few = {f"targets__{name}__score_languages": ["aa", "bb", "cc"] for name in ("synth_nli", "synth_choice")}
    small = {"contrasts": best, "seeds__intermediate": [1, 2, 3], "statistics__resamples": 200}
    study = planted_study(**{**few, **small, **changes})
    plant(folder, study, qa_gains_harm_loses, items=60)
    for cell in all_cells(study, folder):
        if cell.target == target and cell.arm in value:
            scores = cell.scores()
            found = {"validation": {"value": value[cell.arm], "best_step": 2, "stopped": 4}}
            text = json.dumps({**scores, "train": {**(scores.get("train") or {}), **found}})
            (cell.folder / "scores.json").write_text(text)
    return read_evidence(folder)


def test_the_best_of_several_is_chosen_by_what_is_not_scored_where_every_run_has_it(tmp_path: Path) -> None:
    """By the looks "harm" is the best, by the scored rows it is not; Integrity names the other target."""
    watched = {"targets__synth_nli__validation": {"every": 2, "patience": 2}}
    evidence = looked_at(tmp_path / "study", "synth_nli", {"qa": 40.0, "harm": 60.0}, **watched)
    chosen = answers(evidence)["best"].chosen
    assert "synth_nli: harm, on dev of seeds 1" in chosen and "synth_choice: qa, on the scored split" in chosen
    said = selection(evidence).found
    assert len(said) == 1 and said[0].startswith("contrast best: not every run of synth_choice has a value on dev")


def test_looks_at_the_scored_split_choose_no_arm_as_dev(tmp_path: Path) -> None:
    watched = {"targets__synth_nli__validation": {"every": 2, "split": "test"}}
    evidence = looked_at(tmp_path / "study", "synth_nli", {"qa": 40.0, "harm": 60.0}, **watched)
    assert "synth_nli: qa, on the scored split" in answers(evidence)["best"].chosen
    assert "not every run of synth_nli, synth_choice has a value on dev" in selection(evidence).found[0]


def test_a_missing_seed_is_said_and_the_others_count(copied: Copy) -> None:
    folder, _ = copied(lambda cell: cell.arm == "qa" and cell.seed.intermediate == 5 and cell.target == "synth_nli")
    found = answers(read_evidence(folder))
    assert found["qa_helps"].judgement.n == 5 and "seed 5 not finished in both arms" in found["qa_helps"].judgement.why
    assert found["harm_helps"].judgement.n == 6 and "not finished" not in found["harm_helps"].judgement.why


def test_an_arm_without_runs_is_not_run_and_the_rest_is_answered(copied: Copy) -> None:
    folder, _ = copied(lambda cell: cell.arm == "qa")
    found = answers(read_evidence(folder))
    for name in ("qa_helps", "far_gain_less", "worst_language"):
        assert found[name].judgement.verdict == "NOT RUN"
    assert found["qa_helps"].judgement.why == "arm 'qa' has no finished seed of 'synth_nli' yet"
    assert found["best"].judgement.verdict == "NOT RUN" and found["best"].judgement.why.startswith(
        "0 seeds finished in all"
    )
    assert found["harm_helps"].judgement.verdict == "REFUTED"


def test_one_seed_gives_a_number_without_an_interval(copied: Copy) -> None:
    folder, _ = copied(lambda cell: cell.seed.intermediate != 1)
    found = answers(read_evidence(folder))["qa_helps"].judgement
    assert found.verdict == "INCONCLUSIVE" and found.interval is None and found.estimate is not None
    assert "one paired seed" in found.why


def test_languages_without_rows_are_named(copied: Copy) -> None:
    folder, study = copied()
    gone = next(cell for cell in all_cells(study, folder) if (cell.arm, cell.target) == ("harm", "synth_nli"))
    (gone.folder / "predictions" / "hh-0.parquet").unlink()
    evidence = read_evidence(folder)
    found = answers(evidence)["qa_helps"]
    assert "synth_nli not scored in hh, which are left out" in found.judgement.why
    assert "hh" not in evidence.languages("synth_nli") and evidence.uneven_languages("synth_nli") == ("hh",)
    for code in ("bb", "cc", "dd"):
        (gone.folder / "predictions" / f"{code}-0.parquet").unlink()
    found = answers(read_evidence(folder))["qa_helps"]
    assert "synth_nli not scored in bb, cc, dd and 1 more, which are left out" in found.judgement.why


def test_where_the_baseline_is_the_best_nothing_is_gained(copied: Copy) -> None:
    """A best of several that ends in the baseline is no gain by luck."""
    folder, study = copied()
    best = Contrast.model_validate({"best_of": ["harm", "none"], "against": "none", "predicted": {"sign": "positive"}})
    evidence = read_evidence(folder)
    questions = question_contrasts(evidence, {"best": best})
    found = judge_contrasts(evidence, questions, answer(evidence, questions.to_answer()), study.statistics)["best"]
    assert "synth_nli: none" in found.chosen and found.judgement.verdict == "INCONCLUSIVE"
    assert found.judgement.estimate == 0 and found.judgement.interval is None
