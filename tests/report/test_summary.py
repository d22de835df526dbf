"""Differences, means, gaps and extremes, against numbers worked out by hand (see the fixture `small_run`)."""

import json
from pathlib import Path

import pytest

from ds_stilts.report.beside import OVERLAP, keep
from ds_stilts.report.collect import read_run
from ds_stilts.report.facts import LanguageFacts, language_facts
from ds_stilts.report.kinds import KINDS
from ds_stilts.report.provenance import provenance
from ds_stilts.report.summary import TargetSummary, summarise_targets


def targets(run_dir: Path) -> dict[str, TargetSummary]:
    return {target.name: target for target in summarise_targets(read_run(run_dir), {})}


def differences(target: TargetSummary, arm: str = "nli") -> dict[str, float | None]:
    return {row.language.code: row.cells[arm].difference for row in target.languages if arm in row.cells}


def test_score_and_difference_of_a_single_metric_task(small_run: Path) -> None:
    xnli = targets(small_run)["xnli"]
    assert differences(xnli) == {"en": 2.0, "de": 3.0, "th": -6.0}
    assert xnli.arms["none"].score == pytest.approx(60.0)
    assert xnli.arms["none"].difference is None
    assert xnli.arms["nli"].score == pytest.approx(179 / 3)
    assert xnli.arms["nli"].difference == pytest.approx(-1 / 3)
    assert xnli.arms["nli"].num_compared == 3


def test_question_answering_is_the_mean_of_f1_and_exact_match(small_run: Path) -> None:
    xquad = targets(small_run)["xquad"]
    assert differences(xquad) == {"en": 3.0, "de": 2.0}
    assert xquad.arms["none"].score == pytest.approx(50.0)
    assert xquad.arms["nli"].score == pytest.approx(52.5)
    assert xquad.arms["nli"].difference == pytest.approx(2.5)


def test_gap_is_the_source_language_minus_the_mean_of_the_others(small_run: Path) -> None:
    xnli = targets(small_run)["xnli"]
    assert xnli.arms["none"].gap == pytest.approx(80 - (60 + 40) / 2)
    assert xnli.arms["nli"].gap == pytest.approx(82 - (63 + 34) / 2)


def test_nothing_trained_means_no_gap(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "none", "xnli", lambda values: values.update(train=None))
    assert targets(small_run)["xnli"].arms["none"].gap is None


def test_worst_language_by_score_and_by_difference(small_run: Path) -> None:
    nli = targets(small_run)["xquad"].arms["nli"]
    assert (nli.worst.language.code, nli.worst.value) == ("de", 42.0)
    assert nli.worst_difference is not None
    assert (nli.worst_difference.language.code, nli.worst_difference.value) == ("de", 2.0)


def test_kinds_are_means_over_their_languages(small_run: Path) -> None:
    orders = {"en": "SVO", "th": "SVO", "de": "SOV"}

    def facts(code: str) -> LanguageFacts:
        joshi = "unknown" if code == "en" else "5"
        return LanguageFacts(code=code, name=code, family="f", script="s", word_order=orders[code], joshi=joshi)

    xnli = summarise_targets(read_run(small_run), {}, facts)[0]
    of = {by: [row for row in xnli.kinds if row.by == by] for by in KINDS}
    svo, sov = of["word order"]
    assert (svo.kind, svo.languages, sov.kind, sov.languages) == ("SVO", ("en", "th"), "SOV", ("de",))
    assert svo.scores == {"none": pytest.approx(60.0), "nli": pytest.approx(58.0)}
    assert svo.differences == {"nli": pytest.approx(-2.0)}
    assert sov.differences == {"nli": pytest.approx(3.0)}
    assert [(row.kind, row.scores["none"]) for row in of["resource class"]] == [("5", 50.0), ("unknown", 80.0)]
    (family,), (script,) = of["family"], of["script"]
    assert family.scores == script.scores == {"none": pytest.approx(60.0), "nli": pytest.approx(179 / 3)}
    assert [row.language.code for row in xnli.languages] == ["en", "th", "de"]


def test_trivial_baseline_is_shown_beside_and_flagged_when_not_beaten(small_run: Path) -> None:
    xnli = targets(small_run)["xnli"]
    assert xnli.trivial == pytest.approx(34.0)
    thai = next(row for row in xnli.languages if row.language.code == "th")
    assert thai.trivial == 35.0
    assert thai.cells["none"].above_trivial is True
    assert thai.cells["nli"].above_trivial is False
    assert thai.notes == ("nli: not above the trivial baseline",)


def test_trivial_baseline_needs_every_language(small_run: Path, edit_scores) -> None:
    for arm in ("none", "nli"):
        edit_scores(small_run, arm, "xnli", lambda values: values["languages"]["de"].pop("majority"))
    assert targets(small_run)["xnli"].trivial is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda values: values["languages"]["th"].update(checksum="xxh3:other"), "checksums differ"),
        (lambda values: values["languages"]["th"].update(examples=999), "999 examples against 1000"),
    ],
)
def test_languages_scored_on_other_data_are_not_compared(small_run: Path, edit_scores, change, reason: str) -> None:
    edit_scores(small_run, "nli", "xnli", change)
    xnli = targets(small_run)["xnli"]
    assert differences(xnli) == {"en": 2.0, "de": 3.0, "th": None}
    assert xnli.arms["nli"].difference == pytest.approx(2.5)
    assert xnli.arms["nli"].num_compared == 2
    assert "the difference is over 2 of 3 languages, those that can be compared" in xnli.arms["nli"].notes
    assert any(reason in note for row in xnli.languages if row.language.code == "th" for note in row.notes)


def test_another_split_is_not_compared_at_all(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "nli", "xnli", lambda values: values.update(split="dev", score_split_is_official=False))
    xnli = targets(small_run)["xnli"]
    assert set(differences(xnli).values()) == {None}
    assert xnli.arms["nli"].difference is None
    assert any("not the one the benchmark reports" in note for note in xnli.arms["nli"].notes)


def test_a_language_that_only_one_arm_has_is_shown_but_not_compared(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "none", "xquad", lambda values: values["languages"].pop("de"))
    xquad = targets(small_run)["xquad"]
    assert differences(xquad) == {"en": 3.0, "de": None}
    assert xquad.arms["nli"].difference == pytest.approx(3.0)


def test_a_stored_score_that_its_languages_do_not_give_is_said(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "none", "xnli", lambda values: values.update(score=61.0))
    none = targets(small_run)["xnli"].arms["none"]
    assert none.score == pytest.approx(60.0)
    assert none.notes == ("the stored score 61.00 is not the mean of its languages, 60.00, shown here",)


def test_a_note_that_is_a_sentence_loses_its_stop(full_run: Path, edit_scores) -> None:
    """It is put into sentences of the report, which have stops of their own."""
    for arm in ("none", "mnli_squad", "shuffled"):
        edit_scores(full_run, arm, "panx", lambda values: values.update(notes=["From Wikipedia."]))
    assert targets(full_run)["panx"].notes == ("From Wikipedia",)


def test_every_retrieval_row_says_that_phase_1_saw_parallel_text(full_run: Path, edit_scores) -> None:
    for arm in ("none", "mnli_squad", "shuffled"):
        edit_scores(full_run, arm, "tatoeba", lambda values: values.update(notes=[]))
    by_name = targets(full_run)
    assert all("phase 1 saw parallel text" in " ".join(row.notes) for row in by_name["tatoeba"].languages)
    assert not any(row.notes for row in by_name["panx"].languages)


def test_scored_examples_in_training_data_are_noted_where_somebody_has_looked(small_run: Path) -> None:
    (small_run / "run.json").write_text(json.dumps({"fingerprint": "abc"}))
    assert read_run(small_run).repeats is None
    line = {
        "target": "xnli", "split": "test", "language": "de", "training": {"task": "mnli", "split": "train"},
        "phases": ["arms.nli"], "examples": 1000, "same": 3, "near": 20,
    }  # fmt: skip
    none = {**line, "language": "en", "same": 0, "near": 0}
    keep(small_run, OVERLAP, ["abc"], {"lines": [line, none]})
    xnli, xquad = targets(small_run)["xnli"], targets(small_run)["xquad"]
    said = "3 of the 1,000 scored examples are in mnli train, and 20 more nearly so, whatever their labels (nli)"
    assert {row.language.code for row in xnli.languages if said in row.notes} == {"de"}
    assert not any("scored examples" in note for row in xquad.languages for note in row.notes)
    assert dict(provenance(read_run(small_run)).facts)["Scored examples in training"].startswith("found in xnli;")
    keep(small_run, OVERLAP, ["abc"], {"lines": [{**line, "same": 0}]})
    nearly = "0 of the 1,000 scored examples are in mnli train, and 20 more nearly so, whatever their labels (nli)"
    assert any(nearly in row.notes for row in targets(small_run)["xnli"].languages)
    keep(small_run, OVERLAP, ["abc"], {"lines": [none]})
    assert dict(provenance(read_run(small_run)).facts)["Scored examples in training"] == "looked for, none found"
    keep(small_run, OVERLAP, ["another"], {"lines": [line]})
    assert read_run(small_run).repeats is None, "what was found for another recipe says nothing of this one"


def test_a_language_without_facts_is_unknown_and_sorted_last(small_run: Path, edit_scores) -> None:
    for arm in ("none", "nli"):
        edit_scores(small_run, arm, "xnli", lambda values: values["languages"].update(q9=values["languages"].pop("en")))
    last = targets(small_run)["xnli"].languages[-1].language
    assert (last.code, last.name, last.word_order) == ("q9", "q9", "unknown")


def test_made_up_languages_have_facts() -> None:
    assert language_facts("aa").word_order != "unknown"
