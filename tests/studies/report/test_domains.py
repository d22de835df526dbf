"""Gains against the distance of domains: which arms are points, what the slope is, and where there is no such part."""

from collections.abc import Collection
from pathlib import Path

import pytest

from ds_stilts.report.beside import keep
from ds_stilts.studies.beside import fingerprints
from ds_stilts.studies.claims.claims_file import PHANG2020, load_claims
from ds_stilts.studies.domains import KEPT
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.report.domains import DomainGains, domain_gains
from ds_stilts.studies.report.domains_part import domains_part
from ds_stilts.studies.report.estimates import answer
from ds_stilts.studies.report.gains import compare, gains
from ds_stilts.studies.report.summary import summarise
from ds_stilts.studies.study import Study
from tests.studies.planted import plant, planted_study

DISTANCES = {
    "synth_nli": {"near": 0.1, "far": 0.6, "middle": 0.3, "shuffled": 0.1, "apart": 0.9},
    "synth_choice": {"near": 0.5, "far": 0.2, "middle": 0.3, "shuffled": 0.5, "apart": 0.0},
}


def falls_with_distance(arm: str, target: str, language: str) -> float:
    """20 points less for each unit of distance, and something of the arm's own; controls would spoil the line."""
    own = {"near": 1.0, "far": 3.0, "middle": 2.0, "shuffled": -30.0}.get(arm)
    return 0.0 if own is None else 8.0 + own - 20 * DISTANCES[target][arm]


def domain_study(**changes: object) -> Study:
    arm = {"intermediate": {"tasks": {"synth_qa": {"max_examples": 60}}}}
    arms = {
        "none": {"role": "baseline"},
        "near": arm,
        "far": arm,
        "middle": arm,
        "shuffled": {"intermediate": {"tasks": {"synth_qa:shuffled": {"max_examples": 60}}}, "role": "control"},
    }
    shape = {
        "arms": arms,
        "contrasts": {"helps": {"arm": "near", "against": "none"}},
        "targets": {target: {"score_languages": ["aa", "bb"]} for target in DISTANCES},
        "statistics__resamples": 200,
    }
    return planted_study(**{**shape, **changes})


def evidence_of(
    folder: Path, study: Study, *, measured: bool = True, told_apart: Collection[str] = tuple(DISTANCES)
) -> Evidence:
    plant(folder, study, falls_with_distance, items=400, seed_sd=0.3)
    evidence = read_evidence(folder)
    if measured:
        targets = {
            target: {
                "languages": ["aa"], "words": 9000,
                "divergence": {"halves": 0.02, "arms": {arm: far for arm, far in own.items() if arm in study.arms}},
                "proxy": {"halves": -0.05, "arms": {arm: 2 * far for arm, far in own.items() if arm in study.arms}}
                if target in told_apart
                else None,
                "mmd": None,
            }
            for target, own in DISTANCES.items()
        }  # fmt: skip
        keep(folder, KEPT, fingerprints(evidence.runs), {"targets": targets, "left_out": {"none": "trains nothing"}})
    return evidence


def found_in(evidence: Evidence) -> DomainGains | None:
    compared = compare(evidence)
    return domain_gains(evidence, gains(evidence, compared, answer(evidence, compared.to_answer(evidence))))


def test_slopes_are_those_that_were_planted_and_controls_are_no_points(tmp_path: Path) -> None:
    found = found_in(evidence_of(tmp_path / "study", domain_study()))
    assert found is not None and found.seeds == (1, 2, 3, 4, 5, 6)
    assert set(found.gains) == {(arm, target) for arm in ("near", "far", "middle") for target in DISTANCES}
    both = found.slopes["divergence", "targets and arms"]
    assert both.over_seeds is not None and both.over_seeds.interval is not None
    assert both.over_seeds.interval[0] < -20 < both.over_seeds.interval[1], "what the arms add is taken off"
    assert found.slopes["divergence", "targets"].estimate == pytest.approx(-16.4, abs=1.5), "and here it is not"
    assert found.notes == ()


def test_a_target_whose_training_data_an_arm_has_seen_does_not_count(tmp_path: Path) -> None:
    study = domain_study(arms__near={"intermediate": {"tasks": {"synth_nli": {"max_examples": 60}}}})
    found = found_in(evidence_of(tmp_path / "study", study))
    assert found is not None and ("near", "synth_nli") not in found.gains and ("near", "synth_choice") in found.gains
    assert found.notes == ("not counted, since the arm has seen the target's training data: near in synth_nli",)


def test_arms_with_labels_in_different_languages_are_told(tmp_path: Path) -> None:
    more = {"intermediate": {"tasks": {"synth_qa": {"languages": ["aa", "bb"], "max_examples": 60}}}}
    targets = {target: {"score_languages": ["aa", "bb", "cc"]} for target in DISTANCES}
    study = domain_study(arms__near=more, targets=targets, seeds__intermediate=[1, 2])
    found = found_in(evidence_of(tmp_path / "study", study))
    assert found is not None
    assert found.notes == (
        "arms have seen labels in different languages (bb), so that their gains are means over different ones",
    )


def test_an_arm_with_targets_of_its_own_is_no_point(tmp_path: Path) -> None:
    phase = {"tasks": {"synth_qa": {"max_examples": 60}}}
    apart = {"intermediate": phase, "targets": {"synth_nli": {"epochs": 9}}, "unmatched": "a test"}
    found = found_in(evidence_of(tmp_path / "study", domain_study(arms__apart=apart, seeds__intermediate=[1, 2])))
    assert found is not None and "apart" in found.distances.targets["synth_nli"].divergence.arms
    assert {arm for arm, _ in found.gains} == {"near", "far", "middle"}


def test_two_arms_have_no_slope_within_targets_and_one_seed_no_interval(tmp_path: Path) -> None:
    whole = domain_study(seeds__intermediate=[1])
    study = whole.model_copy(update={"arms": {k: v for k, v in whole.arms.items() if k != "middle"}})
    found = found_in(evidence_of(tmp_path / "study", study))
    assert found is not None and list(found.slopes) == [
        ("divergence", "targets and arms"),
        ("proxy", "targets and arms"),
    ]
    assert found.slopes["divergence", "targets and arms"].over_seeds is None
    assert "divergence, within targets no slope: 2 arm(s) to compare" in found.notes[0]


def test_the_part_shows_distances_of_all_arms_and_is_missing_where_nobody_measured(tmp_path: Path) -> None:
    claims = load_claims(PHANG2020)
    report = summarise(evidence_of(tmp_path / "study", domain_study()), claims)
    part = domains_part(report)
    assert part is not None and report.domains is not None
    figures, _, slopes, _, distances, _, apart, *_ = part.blocks
    assert [one.caption for one in figures.figures] == list(DISTANCES)  # type: ignore[union-attr]
    assert "near at 0.100: " in figures.figures[0].svg and "shuffled" not in figures.figures[0].svg  # type: ignore[union-attr]
    assert [(row[0].text, row[1].text) for row in slopes.rows] == [  # type: ignore[union-attr]
        (measure, within)
        for measure in ("Divergence of words", "Proxy A-distance")
        for within in ("targets", "targets and arms")
    ]
    assert [row[2].text for row in slopes.rows[:2]] == [row[2].text for row in slopes.rows[2:]], "a tenth of each"  # type: ignore[union-attr]
    told = float(slopes.rows[1][2].text.replace("−", "-"))  # type: ignore[union-attr]
    assert told == pytest.approx(report.domains.slopes["divergence", "targets and arms"].estimate / 10, abs=0.005)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in distances.rows}  # type: ignore[union-attr]
    assert rows["shuffled"] == ["0.100", "0.500"] and rows["halves of what is scored"] == ["0.020", "0.020"]
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in apart.rows}  # type: ignore[union-attr]
    assert rows["shuffled"] == ["0.200", "1.000"] and rows["halves of what is scored"] == ["−0.050", "−0.050"]
    bare = summarise(evidence_of(tmp_path / "bare", domain_study(), measured=False), claims)
    assert bare.domains is None and domains_part(bare) is None


def test_a_target_with_too_few_words_for_a_classifier_has_no_place_in_its_slope(tmp_path: Path) -> None:
    found = found_in(evidence_of(tmp_path / "study", domain_study(), told_apart=["synth_nli"]))
    assert found is not None and found.slopes["divergence", "targets"].cells == 6
    assert found.slopes["proxy", "targets"].cells == 3 and ("proxy", "targets and arms") not in found.slopes
    assert any(note.startswith("proxy, within targets and arms no slope: ") for note in found.notes)
