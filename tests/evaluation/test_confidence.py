"""Tallies make the very scores that formats give, and intervals treat an item as one in all languages."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds_stilts.evaluation.confidence import paired_intervals, read_tally, score_intervals, tally
from ds_stilts.evaluation.rows import Row, write_shard
from ds_stilts.formats import get_format
from ds_stilts.formats.mining import held_out, mining_scores
from ds_stilts.statistics.bootstrap import MIN_ITEMS, interval, resampled
from ds_stilts.tasks.task import Task
from tests.small import task

Rows = list[dict[str, Any]]
TAGS = ("B-PER", "I-PER", "B-LOC", "I-LOC", "O")


def tagged(draw: random.Random) -> tuple[list[str], list[str]]:
    length = draw.randrange(1, 9)
    return draw.choices(TAGS, k=length), draw.choices(TAGS, k=length)


CASES: dict[str, tuple[Task, Callable[[random.Random], tuple[Any, Any]]]] = {
    "accuracy": (task("nli", labels=("a", "b", "c")), lambda draw: (draw.choice("abc"), draw.choice("aabc"))),
    "accuracy and f1": (
        task("qqp", labels=("0", "1"), value_metrics=("accuracy", "f1"), metrics=("accuracy", "f1")),
        lambda draw: (draw.choice("01"), draw.choice("01")),
    ),
    "macro f1": (
        task("emotion", labels=("a", "b", "c", "d"), metrics=("macro_f1", "accuracy")),
        lambda draw: (draw.choice("aab"), draw.choice("abc")),  # "d" never occurs, "c" only as a guess
    ),
    "mixed": (
        task("both", labels=("a", "b", "c"), metrics=("macro_f1", "accuracy"), value_metrics=("macro_f1", "accuracy")),
        lambda draw: (draw.choice("abc"), draw.choice("abc")),
    ),
    "choices": (
        task("copa", "multiple_choice", num_choices=2),
        lambda draw: (draw.randrange(2), draw.randrange(2)),
    ),
    "neighbours": (task("pairs", "retrieval"), lambda draw: (f"c{draw.randrange(3)}", f"c{draw.randrange(3)}")),
    "chunks": (
        task("ner", "tagging", labels=TAGS, metrics=("f1", "accuracy")),
        tagged,
    ),
    "tags": (
        task("pos", "tagging", labels=TAGS),
        tagged,
    ),
    "answers": (
        task("qa", "span_qa", metrics=("f1", "exact_match")),
        lambda draw: ([draw.choice(["red car", "a car", "blue"])], draw.choice(["the car", "red car", "sea"])),
    ),
    "ranks": (
        task("lareqa", "ranking", metrics=("map@20",)),
        lambda draw: (draw.sample("abcdef", draw.randrange(0, 3)), draw.sample("abcdef", 5)),
    ),
    "pairs": (
        task("bucc", "mining", metrics=("f1", "precision", "recall", "f1_oracle")),
        lambda draw: (draw.choice([None, ["x"], ["x", "y"]]), draw.choice([None, "x", "y"])),
    ),
}


def made(draw: random.Random, answer: Callable[[random.Random], tuple[Any, Any]], count: int) -> Rows:
    rows = []
    for index in range(count):
        gold, prediction = answer(draw)
        rows.append({"id": f"q{index}", "gold": gold, "prediction": prediction, "score": draw.random()})
    return rows


@pytest.mark.parametrize("name", CASES)
def test_a_tally_makes_the_value_that_the_format_gives(name: str) -> None:
    declared, answer = CASES[name]
    for seed in range(5):
        rows = made(random.Random(seed), answer, 60)
        if name not in ("ranks", "pairs"):
            rows += [{"id": "unknown", "gold": None, "prediction": rows[0]["prediction"], "score": 0.5}]
        found = tally(declared, rows, "en")
        scores = get_format(declared.format).score(rows, declared, "en")
        assert found is not None
        assert found.value() == pytest.approx(np.mean([scores[metric] for metric in declared.value_metrics]), abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_a_draw_of_items_is_scored_as_the_format_would_score_it(name: str) -> None:
    """One draw made by hand: items twice, once, or not at all."""
    declared, answer = CASES[name]
    draw = random.Random(3)
    rows = made(draw, answer, 60)
    whole = tally(declared, rows, "en")
    assert whole is not None
    drawn = draw.choices(range(len(whole.ids)), k=len(whole.ids))
    by_id = {row["id"]: row for row in rows}
    again = [by_id[str(whole.ids[place])] for place in drawn]
    if declared.format == "mining":  # whose threshold stays
        expected = mining_scores(again, held_out(rows, "bucc", "en")[1])["f1"]
    else:
        scores = get_format(declared.format).score(again, declared, "en")
        expected = float(np.mean([scores[metric] for metric in declared.value_metrics]))
    found = type(whole)(ids=whole.ids, over=whole.over[drawn], under=whole.under[drawn]).value()
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "declared",
    [
        task("sts", "pair_regression", metrics=("pearson",)),
        task("squad", "span_qa", no_answer=True, metrics=("f1", "exact_match")),
        task("mined", "mining", metrics=("f1_oracle",)),
    ],
    ids=lambda declared: declared.format,
)
def test_what_is_no_sum_over_items_has_no_interval(declared: Task) -> None:
    rows = made(random.Random(0), lambda draw: ([str(draw.randrange(3))], "x"), 60)
    assert tally(declared, rows, "en") is None
    assert score_intervals({"en": None}).score is None


NLI = CASES["accuracy"][0]


def language(right: np.ndarray, code: str = "en", suffix: str = "") -> Any:
    rows = [
        {"id": f"q{i}{suffix}", "gold": "a", "prediction": "a" if yes else "b", "score": 0.0}
        for i, yes in enumerate(right)
    ]
    return tally(NLI, rows, code)


def width(found: Any) -> float:
    assert found is not None
    return float(found[1] - found[0])


RIGHT = np.random.default_rng(0).random(500) < 0.7


@pytest.mark.parametrize("suffix", ["", "_{}"], ids=["one id", "id with the language behind"])
def test_the_same_item_in_every_language_counts_once(suffix: str) -> None:
    codes = ["en", "de", "zh", "sw"]
    parallel = score_intervals({code: language(RIGHT, code, suffix.format(code)) for code in codes})
    apart = score_intervals({code: language(RIGHT, code, f"-of-{code}") for code in codes})
    assert width(parallel.score) == pytest.approx(width(parallel.languages["en"]), rel=1e-9)
    assert width(apart.score) == pytest.approx(width(apart.languages["en"]) / 2, rel=0.1)


def test_an_interval_is_about_the_value_and_as_wide_as_theory_says() -> None:
    low, high = score_intervals({"en": language(RIGHT)}).languages["en"]
    value = 100 * RIGHT.mean()
    assert low < value < high
    assert high - low == pytest.approx(2 * 1.96 * (value * (100 - value) / 500) ** 0.5, rel=0.06)


def test_a_difference_is_paired_item_by_item() -> None:
    flipped = RIGHT ^ (np.random.default_rng(1).random(500) < 0.04)
    ours, theirs = ({"en": language(side)} for side in (flipped, RIGHT))
    paired = paired_intervals(ours, theirs)
    low, high = paired.languages["en"]
    difference = 100 * (flipped.mean() - RIGHT.mean())
    discordant = float((flipped != RIGHT).mean())
    assert low < difference < high and paired.score == paired.languages["en"]
    assert high - low == pytest.approx(2 * 1.96 * 100 * (discordant / 500) ** 0.5, rel=0.1)
    assert width(paired.score) < width(score_intervals(ours).score) / 2


def test_a_difference_turns_round_with_its_sides() -> None:
    ours = {"en": language(RIGHT), "de": language(RIGHT[::-1])}
    theirs = {"en": language(~RIGHT), "de": language(RIGHT)}
    forth, back = paired_intervals(ours, theirs), paired_intervals(theirs, ours)
    for code in ("en", "de"):
        assert forth.languages[code] == pytest.approx(tuple(-edge for edge in reversed(back.languages[code])), abs=1e-9)
    both = [ours["en"], theirs["en"], ours["de"], theirs["de"]]
    drawn = resampled(both, seed=0)
    assert forth.score == pytest.approx(interval((drawn[:, 0] - drawn[:, 1] + drawn[:, 2] - drawn[:, 3]) / 2))


def test_models_that_answer_alike_and_too_few_items_have_no_interval() -> None:
    same = paired_intervals({"en": language(RIGHT)}, {"en": language(RIGHT)})
    assert same.languages == {"en": None} and same.score is None
    few = score_intervals({"en": language(RIGHT), "de": language(RIGHT[: MIN_ITEMS - 1])})
    assert few.languages["en"] is not None and few.languages["de"] is None and few.score is None


def test_other_items_are_not_paired() -> None:
    paired = paired_intervals(
        {"en": language(RIGHT), "de": language(RIGHT), "fr": language(RIGHT)},
        {"en": language(~RIGHT), "de": language(~RIGHT, suffix="x")},
    )
    assert list(paired.languages) == ["en", "de"]
    assert paired.languages["en"] is not None and paired.languages["de"] is None and paired.score is None


def test_stored_rows_are_read(tmp_path: Path) -> None:
    rows = [
        Row(
            task="nli", language="de", split="test", id=f"q{i}", index=i, gold=json.dumps("a"),
            prediction=json.dumps("a" if yes else "b"), score=0.0, tokens=3, zero_shot=True,
        )
        for i, yes in enumerate(RIGHT)
    ]  # fmt: skip
    write_shard(rows, tmp_path, "de", 0)
    found = read_tally(NLI, tmp_path, "de")
    assert found is not None and found.value() == pytest.approx(100 * RIGHT.mean())
