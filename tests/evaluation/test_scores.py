"""Scores are computed from stored rows, and say what a guesser would get."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.evaluation.rows import Row, write_shard
from ds_stilts.evaluation.scores import remarks, scores_from_rows
from ds_stilts.tasks.task import Task
from tests.small import task


def write(
    folder: Path,
    made: Task,
    language: str,
    pairs: list[tuple[Any, Any]],
    *,
    zero_shot: bool = True,
    confidence: float | None = None,
) -> None:
    rows = [
        Row(
            task=made.name, language=language, split="test", id=str(i), index=i, gold=json.dumps(gold),
            prediction=json.dumps(guess), score=0.0, tokens=3, zero_shot=zero_shot, confidence=confidence,
        )
        for i, (gold, guess) in enumerate(pairs)
    ]  # fmt: skip
    for rank in range(2):
        write_shard(rows[rank::2], folder, language, rank)


NLI = task("nli", labels=("a", "b"))


def test_averages_are_over_languages_not_over_examples(tmp_path: Path) -> None:
    write(tmp_path, NLI, "en", [("a", "a")] * 8, zero_shot=False)
    write(tmp_path, NLI, "de", [("a", "b"), ("b", "b")])
    scores = scores_from_rows(NLI, ["en", "de"], tmp_path)
    assert scores["averages"] == {"accuracy": 75.0} and scores["score"] == 75.0
    assert list(scores["languages"]) == ["en", "de"]
    assert [cell["metrics"]["accuracy"] for cell in scores["languages"].values()] == [100.0, 50.0]
    assert [cell["examples"] for cell in scores["languages"].values()] == [8, 2]
    assert [cell["zero_shot"] for cell in scores["languages"].values()] == [False, True]


def test_scores_say_how_sure_they_are(tmp_path: Path) -> None:
    write(tmp_path, NLI, "en", [("a", "a")] * 30 + [("a", "b")] * 10)
    write(tmp_path, NLI, "de", [("a", "a")] * 20 + [("a", "b")] * 20)
    scores = scores_from_rows(NLI, ["en", "de"], tmp_path)
    low, high = scores["languages"]["en"]["interval"]
    assert low < 75 < high and high - low == pytest.approx(2 * 1.96 * (75 * 25 / 40) ** 0.5, rel=0.1)
    low, high = scores["interval"]
    assert low < 62.5 == scores["score"] < high
    assert json.loads(json.dumps(scores))["interval"] == [low, high]


def test_predictions_by_a_hair_are_counted_by_what_the_precision_makes_a_hair(tmp_path: Path) -> None:
    margins = [0.0, 5e-5, 0.002, 0.09, 2.0, None]
    rows = [
        Row(
            task="nli", language="de", split="test", id=str(i), index=i, gold='"a"', prediction='"a"', score=0.0,
            tokens=3, zero_shot=True, margin=margin,
        )
        for i, margin in enumerate(margins)
    ]  # fmt: skip
    write_shard(rows, tmp_path, "de", 0)
    for dtype, expected in (("float32", 2), ("bfloat16", 4)):
        assert scores_from_rows(NLI, ["de"], tmp_path, dtype)["languages"]["de"]["near_ties"] == expected
    write(tmp_path, NLI, "en", [("a", "a")])
    assert "near_ties" not in scores_from_rows(NLI, ["en"], tmp_path)["languages"]["en"], "of rows that do not say"


def test_what_was_no_answer_and_what_was_close_is_said_in_a_sentence() -> None:
    cells = {
        "en": {"examples": 5000, "near_ties": 0, "illegal": 3},
        "de": {"examples": 10, "near_ties": 2, "illegal": 4},
    }
    assert remarks(cells, "bfloat16") == [
        "in 7 of 5,010 predictions (most in de: 4) what it wrote was no answer, and counts as wrong",
        "in 2 of 5,010 predictions (most in de: 2) the margin was below 0.1 (bfloat16), so that other batches or ranks "
        "may turn it",
    ]
    assert remarks({"en": {"examples": 9, "near_ties": 0}, "de": {"examples": 9}}, "float32") == []


def test_too_few_examples_say_nothing(tmp_path: Path) -> None:
    write(tmp_path, NLI, "en", [("a", "a"), ("a", "b")])
    scores = scores_from_rows(NLI, ["en"], tmp_path)
    assert scores["interval"] is None and scores["languages"]["en"]["interval"] is None


def test_the_calibration_error_is_there_where_rows_have_probabilities(tmp_path: Path) -> None:
    write(tmp_path, NLI, "en", [("a", "a"), ("a", "b")], confidence=0.75)
    write(tmp_path, NLI, "de", [("a", "a"), ("a", "b")])
    cells = scores_from_rows(NLI, ["en", "de"], tmp_path)["languages"]
    assert cells["en"]["ece"] == pytest.approx(25.0)
    assert "ece" not in cells["de"]


def test_the_majority_is_the_languages_own_most_frequent_label(tmp_path: Path) -> None:
    write(tmp_path, NLI, "en", [("a", "b"), ("a", "b"), ("a", "b"), ("b", "b")])
    write(tmp_path, NLI, "de", [("b", "b"), ("b", "a"), ("a", "a")])
    cells = scores_from_rows(NLI, ["en", "de"], tmp_path)["languages"]
    assert cells["en"]["majority"] == {"accuracy": 75.0}
    assert cells["de"]["majority"]["accuracy"] == pytest.approx(200 / 3)


def test_the_majority_tag_is_answered_for_every_word(tmp_path: Path) -> None:
    tags = task("pos", "tagging", labels=("N", "V"), metrics=("f1", "accuracy"))
    write(tmp_path, tags, "en", [(["N", "N", "V"], ["N", "V", "V"]), (["N"], ["V"])])
    cell = scores_from_rows(tags, ["en"], tmp_path)["languages"]["en"]
    assert cell["metrics"]["accuracy"] == 50.0
    assert cell["majority"]["accuracy"] == 75.0


def test_question_answering_scores_the_mean_of_exact_match_and_f1(tmp_path: Path) -> None:
    answers = task("qa", "span_qa", metrics=("f1", "exact_match"))
    write(tmp_path, answers, "en", [(["red car"], "red car"), (["red car"], "car")])
    write(tmp_path, answers, "de", [(["rot"], "rot")])
    scores = scores_from_rows(answers, ["en", "de"], tmp_path)
    f1, exact = (100 + 200 / 3) / 2, 50.0
    assert scores["languages"]["en"]["metrics"] == pytest.approx({"f1": f1, "exact_match": exact})
    assert scores["averages"] == pytest.approx({"f1": (f1 + 100) / 2, "exact_match": 75.0})
    assert scores["score"] == pytest.approx(((f1 + 100) / 2 + 75) / 2)
    assert scores["languages"]["en"]["majority"] == {}


def test_other_formats_score_their_first_metric(tmp_path: Path) -> None:
    pairs = task("paws", labels=("0", "1"), metrics=("f1", "accuracy"))
    write(tmp_path, pairs, "en", [("1", "1"), ("1", "0"), ("0", "0"), ("0", "0")])
    scores = scores_from_rows(pairs, ["en"], tmp_path)
    assert scores["averages"] == pytest.approx({"f1": 200 / 3, "accuracy": 75.0})
    assert scores["score"] == scores["averages"]["f1"]


def test_unlabelled_rows_are_left_out_of_the_majority(tmp_path: Path) -> None:
    write(tmp_path, NLI, "en", [(None, "a"), (None, "a"), (None, "b"), ("b", "b"), ("b", "a")])
    cell = scores_from_rows(NLI, ["en"], tmp_path)["languages"]["en"]
    assert cell["metrics"]["accuracy"] == 50.0
    assert cell["majority"]["accuracy"] == 100.0


@pytest.mark.parametrize(
    ("made", "golds", "chance"),
    [
        (NLI, ["a", "a", "b"], {"accuracy": 50.0}),
        (task("pos", "tagging", labels=("N", "V", "X"), metrics=("f1", "accuracy")), [["N"]], {"accuracy": 100 / 3}),
        (task("four", "multiple_choice", num_choices=4), [0, 3], {"accuracy": 25.0}),
        (task("pairs", "retrieval"), ["c0", "c1", "c2", "c3", "c4"], {"accuracy": 20.0}),
        (
            task("sts", "pair_regression", metrics=("pearson", "spearman")),
            [1.0, 2.5],
            {"pearson": 0.0, "spearman": 0.0},
        ),
        (task("qa", "span_qa", metrics=("f1", "exact_match")), [["red"]], {}),
    ],
    ids=lambda value: value.format if isinstance(value, Task) else "",
)
def test_a_random_guess_is_even_among_the_possible_answers(
    tmp_path: Path, made: Task, golds: list[Any], chance: dict[str, float]
) -> None:
    predictions = [gold[0] if made.format == "span_qa" else gold for gold in golds]
    write(tmp_path, made, "en", list(zip(golds, predictions, strict=True)))
    assert scores_from_rows(made, ["en"], tmp_path)["languages"]["en"]["random"] == pytest.approx(chance)
