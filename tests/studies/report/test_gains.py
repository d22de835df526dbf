"""Gains over the baseline: which languages and targets a mean is over, what stays apart, and what is corrected."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ds_stilts.report.beside import OVERLAP
from ds_stilts.studies.cells import all_cells
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.report.contrasts import question_contrasts
from ds_stilts.studies.report.estimates import answer
from ds_stilts.studies.report.gains import Gains, compare, gains
from ds_stilts.studies.report.integrity import Check, checks
from ds_stilts.studies.report.write import write_study_report
from ds_stilts.studies.study import Study
from tests.studies.planted import plant, planted_study

Copy = Callable[..., tuple[Path, Study]]


def all_gains(evidence: Evidence) -> Gains:
    compared = compare(evidence)
    return gains(evidence, compared, answer(evidence, compared.to_answer(evidence)))


def written(folder: Path) -> str:
    """The report's Markdown."""
    return write_study_report(folder)[1].read_text(encoding="utf-8")


def by_title(evidence: Evidence) -> dict[str, Check]:
    return {one.title: one for one in checks(evidence, all_gains(evidence))}


@pytest.fixture(scope="module")
def found(planted: Path) -> Gains:
    return all_gains(read_evidence(planted))


def test_a_mean_is_over_zero_shot_languages_and_the_source_is_shown_apart(found: Gains) -> None:
    assert found.baseline == "none" and set(found.arms) == {"qa", "shuffled", "harm"}
    assert found.not_zero_shot == {"aa": ("none", "qa", "shuffled", "harm")}
    qa = found.arms["qa"]
    by_hand = np.mean([qa.cells["synth_nli", code].estimate for code in ("bb", "cc", "dd", "ee", "ff", "gg", "hh")])
    assert qa.targets["synth_nli"].finding.estimate == pytest.approx(by_hand)
    assert "aa" in qa.languages, "its gain is in the heat map"
    kinds = [code for (by, _), codes in found.kinds.items() if by == "word order" for code in codes]
    assert sorted(kinds) == ["bb", "cc", "dd", "ee", "ff", "gg", "hh"]


def test_parts_make_up_the_overall_mean(found: Gains) -> None:
    for one in found.arms.values():
        overall = one.overall.finding.estimate
        targets = [gain.finding.estimate for gain in one.targets.values()]
        assert overall == pytest.approx(np.mean([value for value in targets if value is not None]))
        groups = [one.groups[group].estimate for group in ("classification", "multiple choice")]
        assert overall == pytest.approx(np.mean([value for value in groups if value is not None]))
        assert one.left_out["synth_nli"].estimate == pytest.approx(one.targets["synth_choice"].finding.estimate)
        gained = found.levels[one.arm, "mean"], found.levels["none", "mean"]
        assert overall == pytest.approx(gained[0] - gained[1])  # type: ignore[operator]


def test_the_table_is_corrected_by_holm_and_the_map_by_false_discovery_rate(found: Gains) -> None:
    cells = [gain for one in found.arms.values() for gain in one.targets.values()]
    raw = sorted(gain.finding.found.p for gain in cells if gain.finding.found and gain.finding.found.p is not None)
    assert len(raw) == 6
    assert min(gain.adjusted_p for gain in cells if gain.adjusted_p is not None) == pytest.approx(6 * raw[0])
    languages = [gain for one in found.arms.values() for gain in one.languages.values()]
    raw = [gain.finding.found.p for gain in languages if gain.finding.found and gain.finding.found.p is not None]
    assert len(raw) == 24
    assert max(gain.adjusted_p for gain in languages if gain.adjusted_p is not None) == pytest.approx(max(raw))
    null = [gain.adjusted_p for gain in found.arms["shuffled"].languages.values()]
    assert min(p for p in null if p is not None) > 0.05, "nothing was planted there"


def test_gains_fall_with_distance_where_that_was_planted_and_nowhere_else(found: Gains) -> None:
    slopes = {name: one.distance.slope for name, one in found.arms.items()}
    assert slopes["qa"] is not None and slopes["qa"].p is not None and slopes["qa"].p < 0.05
    assert slopes["qa"].interval is not None and slopes["qa"].interval[0] < -1.5 < slopes["qa"].interval[1]
    for name in ("shuffled", "harm"):
        assert slopes[name] is not None and slopes[name].p is not None and slopes[name].p > 0.05


def small(tmp_path: Path, **changes: object) -> Evidence:
    """Two seeds, three languages; quick to write."""
    languages = {"score_languages": ["aa", "bb", "cc"]}
    study = planted_study(
        **{"targets": {"synth_nli": languages, "synth_choice": languages}, "seeds": {"intermediate": [1, 2]}, **changes}
    )
    return read_evidence(plant(tmp_path / "small", study, items=60))


def test_train_overlap_is_marked_and_stays_out_of_the_mean(tmp_path: Path) -> None:
    evidence = small(tmp_path, arms__qa={"intermediate": {"tasks": {"synth_nli": {"max_examples": 60}}}})
    found = all_gains(evidence)
    assert found.overlaps == {("qa", "synth_nli"): "identical: synth_nli"} and found.common == ("synth_choice",)
    one = found.arms["qa"]
    assert one.overall.finding.estimate == pytest.approx(one.targets["synth_choice"].finding.estimate)
    assert one.with_overlap is not None
    assert one.with_overlap.finding.estimate == pytest.approx(
        np.mean([gain.finding.estimate for gain in one.targets.values() if gain.finding.estimate is not None])
    )
    check = by_title(evidence)["Train overlap"]
    assert not check.is_fine and "qa has trained on the training data of synth_nli" in check.found[0]


def test_a_perturbed_target_has_a_row_of_its_own_and_is_in_no_mean(tmp_path: Path) -> None:
    languages = {"score_languages": ["aa", "bb", "cc"]}
    copy = "synth_nli:noise"
    contrasts = {
        "all": {"arm": "harm", "against": "none"},
        "robustness": {
            "arm": "harm", "against": "none", "of": {"targets": [copy]}, "minus": {"targets": ["synth_nli"]},
        },
    }  # fmt: skip
    evidence = small(tmp_path, targets={"synth_nli": languages, copy: languages}, contrasts=contrasts)
    found = all_gains(evidence)
    assert found.common == ("synth_nli",)
    for one in found.arms.values():
        clean = one.targets["synth_nli"].finding.estimate
        assert one.overall.finding.estimate == pytest.approx(clean)
        assert one.languages["cc"].finding.estimate == pytest.approx(one.cells["synth_nli", "cc"].estimate)
        assert one.targets[copy].finding.estimate != pytest.approx(clean)
    asked = question_contrasts(evidence, evidence.study.contrasts).asked
    assert {target for target, _ in asked["all"].cells} == {"synth_nli"}
    answers = answer(evidence, asked.values())
    harm = {name: gain.finding.estimate for name, gain in found.arms["harm"].targets.items()}
    assert answers["contrast", "all"].estimate == pytest.approx(harm["synth_nli"])
    assert answers["contrast", "robustness"].estimate == pytest.approx(harm[copy] - harm["synth_nli"])  # type: ignore[operator]


def test_a_language_whose_labels_an_arm_has_seen_is_left_out_of_its_means(tmp_path: Path) -> None:
    leaky = {"intermediate": {"tasks": {"synth_qa": {"max_examples": 60, "languages": ["bb"]}}}}
    contrasts = {"q": {"arm": "harm", "against": "none"}}
    evidence = small(tmp_path, arms__qa=leaky, contrasts=contrasts)
    found = all_gains(evidence)
    assert found.not_zero_shot["bb"] == ("qa",)
    one = found.arms["qa"]
    assert one.targets["synth_nli"].finding.estimate == pytest.approx(one.cells["synth_nli", "cc"].estimate)
    check = by_title(evidence)["Zero-shot"]
    assert not check.is_fine and check.found[0].startswith(
        "qa has seen labels in bb before synth_nli, synth_choice: not zero-shot there"
    )


def test_kinds_count_the_languages_that_their_means_are_over(tmp_path: Path) -> None:
    """synth_nli overlaps and is in no mean, so dd, which no other target has, is of no kind."""
    targets = {
        "synth_nli": {"score_languages": ["aa", "bb", "cc", "dd"]},
        "synth_choice": {"score_languages": ["aa", "bb", "cc"]},
    }
    arm = {"intermediate": {"tasks": {"synth_nli": {"max_examples": 60}}}}
    contrasts = {"q": {"arm": "harm", "against": "none"}}
    folder = small(tmp_path, arms__qa=arm, targets=targets, contrasts=contrasts).folder
    found = all_gains(read_evidence(folder))
    for one in found.arms.values():
        assert "dd" in one.languages, "it is in the map"
        assert set(one.kinds) == set(found.kinds)
    kinds = [code for (by, _), codes in found.kinds.items() if by == "word order" for code in codes]
    assert sorted(kinds) == ["bb", "cc"]
    assert "not finished" not in written(folder)


def test_means_over_languages_with_labels_are_said_to_be_that(tmp_path: Path) -> None:
    everywhere = {"tasks": {"synth_qa": {"max_examples": 60, "languages": ["bb", "cc"]}}}
    contrasts = {"q": {"arm": "harm", "against": "none"}}
    evidence = small(tmp_path, arms__qa={"intermediate": everywhere}, contrasts=contrasts)
    found = all_gains(evidence)
    assert found.labelled == ("qa",) and found.uneven == ()
    assert found.arms["qa"].overall.finding.estimate is not None
    (said,) = by_title(evidence)["Zero-shot"].found
    assert said.endswith("not zero-shot there, but in its means, which have no other language")
    text = written(evidence.folder)
    assert "are over fewer languages" not in text
    assert "left out of means, but for those of qa, which have no other." in text
    assert "; of qa over languages with labels too; then the mean over targets" in text


def test_arms_with_labels_in_other_languages_are_not_set_against_each_other(tmp_path: Path) -> None:
    leaky = {"intermediate": {"tasks": {"synth_qa": {"max_examples": 60, "languages": ["bb"]}}}}
    contrasts = {"q": {"arm": "harm", "against": "none"}}
    evidence = small(tmp_path, arms__qa=leaky, contrasts=contrasts)
    found = all_gains(evidence)
    levels, harm = found.levels, found.arms["harm"].overall.finding.estimate
    assert found.uneven == ("bb",)
    assert harm != pytest.approx(levels["harm", "mean"] - levels["none", "mean"]), "other languages"  # type: ignore[operator]
    text = written(evidence.folder)
    assert text.count("it is not the difference of two values here") == 2, (
        "under fair aggregates and secondary measures"
    )
    assert "[labels seen]" in text.split("By family")[1].split("By script")[0], "qa has no number for bb's family"
    assert "not finished" not in text


def test_integrity_is_fine_where_it_is(planted: Path) -> None:
    found = by_title(read_evidence(planted))
    odd = [title for title, one in found.items() if not one.is_fine]
    assert odd == ["Test never used for selection"], (
        "the best arm is chosen on the scored split, for lack of dev values"
    )
    assert f"{4 * 2 * 6 * 8 * 150:,} prediction rows" in found["Scores from rows"].found[0]


def test_a_step_chosen_without_labels_is_no_choice_on_what_is_scored(tmp_path: Path) -> None:
    watched = {"every": 2, "patience": 2, "split": "test", "unlabelled": {}, "choose_by": "entropy"}
    study = planted_study(targets__synth_nli__validation=watched, seeds__intermediate=[1, 2])
    check = by_title(read_evidence(plant(tmp_path / "study", study, items=12)))["Test never used for selection"]
    assert check.is_fine and check.found == (
        "weights and arms are chosen on what is not scored: synth_nli: entropy on texts without labels of split 'dev'",
    )


def test_unequal_seeds_and_collapsed_runs_are_said(copied: Copy) -> None:
    folder, _ = copied(lambda cell: cell.arm == "harm" and cell.seed.intermediate > 4)
    found = by_title(read_evidence(folder))["Equal seeds"]
    assert found.found == (
        "harm has 4 of 6 seeds of synth_nli, synth_choice; only seeds that both arms have are paired",
    )


def test_languages_that_some_runs_lack_are_left_out_and_said(copied: Copy) -> None:
    folder, study = copied()
    (all_cells(study, folder)[0].folder / "predictions" / "hh-0.parquet").unlink()
    evidence = read_evidence(folder)
    found = by_title(evidence)["Scores from rows"]
    assert "synth_nli: hh scored in some runs only, and left out of every number" in found.found
    assert ("synth_nli", "hh") not in all_gains(evidence).arms["qa"].cells


def test_a_collapsed_run_is_named(tmp_path: Path) -> None:
    languages = {"score_languages": ["aa", "bb"]}
    study = planted_study(targets={"synth_nli": languages}, seeds={"intermediate": [1, 2]})
    level = lambda arm, target, language: -47.0 if arm == "harm" else 0.0  # noqa: E731 - 80 - 47: chance of three
    found = by_title(read_evidence(plant(tmp_path / "s", study, level, items=200, seed_sd=0.1)))["Collapsed runs"]
    assert not found.is_fine and any(text.startswith("harm, synth_nli, seed 1:") for text in found.found)
    assert not any(text.startswith("none") for text in found.found)


def test_scored_items_that_were_found_in_training_are_told_where_somebody_has_looked(copied: Copy) -> None:
    folder, _ = copied()
    evidence = read_evidence(folder)
    assert "Scored items in training" not in by_title(evidence)
    training = {"task": "synth_qa", "split": "train"}
    line = {"target": "synth_nli", "split": "test", "language": "aa", "training": training, "phases": ["arms.qa"]}
    recipes = [one.recipe.fingerprint() for one in evidence.runs if one.seed == evidence.runs[0].seed]

    def kept(**counts: int) -> Check:
        lines = [{**line, "examples": 1500, "same": 0, "near": 0, "text": 7}, {**line, "examples": 1500, **counts}]
        (folder / OVERLAP).write_text(json.dumps({"recipes": recipes, "lines": lines}))
        return by_title(evidence)["Scored items in training"]

    assert kept(same=0, near=0, text=1).is_fine
    found = kept(same=2, near=1, text=0)
    assert not found.is_fine
    assert found.found == ("synth_nli, test, in synth_qa train (qa): the same + nearly the same aa 2 + 1 of 1,500",)
