"""Worst languages, gaps and means of kinds of languages, by hand."""

import pytest

from ds_stilts.evaluation.analysis import analyse
from ds_stilts.evaluation.benchmarks import XTREME, XTREME_R
from ds_stilts.tasks import get_task
from ds_stilts.tasks.languages import known_languages

XNLI = {code: {"accuracy": value} for code, value in dict(ar=70.0, de=76.0, en=88.0, sw=60.0, ur=61.0, zh=73.0).items()}


def test_the_worst_language_and_the_gap_to_english() -> None:
    found = analyse(get_task("xnli"), XNLI)
    assert (found.worst, found.worst_score) == ("sw", 60.0)
    assert found.gap_to_english == 20.0  # the others' mean is 68


def test_means_of_kinds() -> None:
    by = analyse(get_task("xnli"), XNLI).by
    assert {kind: (one.languages, one.score) for kind, one in by["script"].items()} == {
        "Arab": (["ar", "ur"], 65.5), "Hans": (["zh"], 73.0), "Latn": (["de", "en", "sw"], pytest.approx(224 / 3)),
    }  # fmt: skip
    assert by["family"]["Indo-European"].score == pytest.approx((76 + 88 + 61) / 3)
    assert by["word_order"]["VSO"].languages == ["ar"]
    assert by["joshi"]["5"].languages == ["ar", "de", "en", "zh"]


def test_a_language_is_worth_the_mean_of_exact_match_and_f1() -> None:
    cells = {"en": {"exact_match": 60.0, "f1": 80.0}, "th": {"exact_match": 65.0, "f1": 65.0}}
    found = analyse(get_task("xquad"), cells)
    assert (found.worst, found.worst_score, found.gap_to_english) == ("th", 65.0, 5.0)


def test_without_english_there_is_no_gap() -> None:
    assert analyse(get_task("tatoeba"), {"de": {"accuracy": 1.0}}).gap_to_english is None
    assert analyse(get_task("xnli"), {"en": {"accuracy": 1.0}}).gap_to_english is None


def test_what_the_sources_lack_is_unknown_and_last() -> None:
    by = analyse(get_task("tatoeba"), {"de": {"accuracy": 1.0}, "not-a-code": {"accuracy": 3.0}}).by
    assert [*by["script"]] == ["Latn", "unknown"] and by["joshi"]["unknown"].score == 3.0


def test_every_language_of_the_benchmarks_is_described() -> None:
    codes = {code for one in (XTREME, XTREME_R) for task in one.tasks() for code in one.languages(task)}
    assert codes <= set(known_languages())
