"""Totals as XTREME's own script gives them, by hand."""

import pytest

from ds_stilts.errors import DataError
from ds_stilts.evaluation.benchmarks import XTREME, XTREME_R, averages, get_benchmark, task_score, totals
from ds_stilts.tasks import get_task

NINE = dict(pawsx=88, xnli=80, udpos=75, panx=64, xquad=70, mlqa=63, tydiqa=67, bucc2018=90, tatoeba=79)
"""Scores of the nine tasks of XTREME: their sum is 676."""
TEN = dict(xnli=80, xcopa=70, udpos=75, panx=64, xquad=70, mlqa=63, tydiqa=67, tatoeba=79, mewslix=45, lareqa=41)
"""Scores of the ten tasks of XTREME-R: their sum is 654."""


def without(scores: dict[str, int], *names: str) -> dict[str, int]:
    return {name: value for name, value in scores.items() if name not in names}


def test_the_total_is_the_mean_of_nine_tasks_not_of_four_groups() -> None:
    found = totals(XTREME, NINE)
    assert found.groups == {
        "classification": 84.0, "tagging": 69.5, "qa": pytest.approx(200 / 3), "retrieval": 84.5,
    }  # fmt: skip
    assert found.score == pytest.approx(676 / 9)
    assert found.score != pytest.approx((84 + 69.5 + 200 / 3 + 84.5) / 4)


def test_a_missing_task_takes_its_group_and_the_total_away() -> None:
    found = totals(XTREME, without(NINE, "mlqa"))
    assert found.score is None
    assert list(found.groups) == ["classification", "tagging", "retrieval"]


def test_xtreme_r_counts_each_of_its_ten_tasks_once_and_is_marked_as_ours() -> None:
    found = totals(XTREME_R, TEN)
    assert found.score == 65.4  # XCOPA is in two groups
    assert found.groups == {
        "classification": 75.0, "tagging": 69.5, "qa": pytest.approx(200 / 3), "retrieval": 62.0, "multi_choice": 70.0,
        "retrieval_with_lareqa": 55.0,
    }  # fmt: skip
    assert XTREME.score_is_official and not XTREME_R.score_is_official


def test_without_lareqa_xtreme_r_has_its_official_groups_and_no_total() -> None:
    found = totals(XTREME_R, without(TEN, "lareqa"))
    assert found.score is None
    assert list(found.groups) == list(XTREME_R.groups)


def test_question_answering_is_the_mean_of_exact_match_and_f1() -> None:
    languages = {"en": {"exact_match": 60.0, "f1": 80.0}, "th": {"exact_match": 20.0, "f1": 50.0}}
    means = averages(languages)
    assert means == {"exact_match": 40.0, "f1": 65.0}
    assert task_score(get_task("xquad"), means) == 52.5


@pytest.mark.parametrize(
    ("task", "metrics", "score"),
    [
        ("udpos", {"f1": 70.0, "precision": 60.0, "recall": 84.0}, 70.0),
        ("bucc2018", {"f1": 70.0, "precision": 60.0, "recall": 84.0}, 70.0),
        ("tatoeba", {"accuracy": 31.0}, 31.0),
        ("mewslix", {"map@20": 12.0}, 12.0),
    ],
)
def test_other_tasks_are_worth_one_metric(task: str, metrics: dict[str, float], score: float) -> None:
    assert task_score(get_task(task), metrics) == score


def test_every_benchmark_has_its_published_number_of_tasks_and_languages() -> None:
    # XTREME_TASK2LANGS and XTREME_R_TASK2LANGS of evaluate.py; LAReQA has XQuAD's eleven (it has none there)
    sizes = {
        benchmark.name: {task.name: len(benchmark.languages(task)) for task in benchmark.tasks()}
        for benchmark in (XTREME, XTREME_R)
    }
    assert sizes["xtreme"] == dict(
        pawsx=7, xnli=15, udpos=33, panx=40, xquad=11, mlqa=7, tydiqa=9, bucc2018=4, tatoeba=36
    )
    assert sizes["xtreme-r"] == dict(
        xnli=15, xcopa=11, udpos=38, panx=48, xquad=12, mlqa=7, tydiqa=9, tatoeba=41, mewslix=11, lareqa=11
    )


def test_an_unknown_benchmark_is_told_with_the_nearest_one() -> None:
    with pytest.raises(DataError, match=r"no benchmark 'xtreme_r' \(did you mean 'xtreme-r'\?\); there are: xtreme, "):
        get_benchmark("xtreme_r")
