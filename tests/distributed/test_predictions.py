"""Predictions do not depend on the number of ranks, the batch, the order of examples, or the ZeRO stage."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from ds_stilts.evaluation.rows import read_rows
from ds_stilts.evaluation.scores import NEAR_TIE
from ds_stilts.recipe import Architecture
from ds_stilts.synthetic import oracle_start, write_world
from tests.distributed.scoring_scenarios import UNEVEN, Shape, predict, write_apart
from tests.distributed.worlds import run_world
from tests.small import mt5, mt5_tokenizer

pytestmark = pytest.mark.timeout(600)
LANGUAGES = {
    "synth_nli": ["aa", "cc"],
    "synth_choice": ["bb"],
    "synth_qa": ["aa", "hh"],
    "synth_pos": ["dd", "gg"],
    "synth_retrieval": ["bb", "cc"],
}
TEXT_LANGUAGES = {"synth_nli": ["aa", "cc"], "synth_choice": ["bb"], "synth_qa": ["aa"], "synth_pos": ["dd"]}
ALONE, ALONE_TEXT = Shape(size=1, config="zero2_fp32"), Shape(size=1, config="zero2_fp32", text=True)
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up languages, an encoder and an mT5, and all predictions by one rank without partitions."""
    root = tmp_path_factory.mktemp("predictions")
    write_world(root / "data", preset="tiny", seed=7)
    shape = Architecture(hidden_size=32, layers=3, heads=2, intermediate_size=64, max_tokens=128)
    oracle_start(root / "encoder", preset="tiny", world_seed=7, seed=1, sigma=0.3, scale=0.4, architecture=shape)
    tokenizer = mt5_tokenizer()
    model = mt5(seed=2, vocabulary=len(tokenizer))
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] *= 1.3  # it likes to end, sooner or later
    model.save_pretrained(root / "text")
    tokenizer.save_pretrained(root / "text")
    for shape in (ALONE, ALONE_TEXT):
        score(root, shape)
    return root


def score(root: Path, shape: Shape) -> None:
    run_world(shape.size, predict, str(root), str(root / ("text" if shape.text else "encoder")), shape, timeout_s=400)


def rows(root: Path, shape: Shape, task: str, language: str) -> list[dict[str, Any]]:
    found = read_rows(root / shape.name / task, language)
    return sorted(found, key=lambda row: row["id"])


def compare(found: list[dict[str, Any]], expected: list[dict[str, Any]], where: object) -> None:
    keys = ("id", "gold", "prediction", "tokens", "written", "legal")
    assert [[row[key] for key in keys] for row in found] == [[row[key] for key in keys] for row in expected], where
    for key in ("score", "confidence", "margin"):
        for one, other in zip(found, expected, strict=True):
            assert (one[key] is None) == (other[key] is None)
            if one[key] is not None:  # the log-likelihood of a long text is stored with steps of 1.5e-5
                most = max(1e-5, float(np.spacing(np.float32(abs(one[key])))))
                assert abs(one[key] - other[key]) <= most, (where, key, one, other)


def test_what_is_compared_differs_within_itself(root: Path) -> None:
    for task, codes in LANGUAGES.items():
        for language in codes:
            found = rows(root, ALONE, task, language)
            assert len(found) >= 25 and len({json.dumps(row["prediction"]) for row in found}) > 1
    labels = {row["prediction"] for row in rows(root, ALONE_TEXT, "synth_nli", "aa")}
    lengths = {len(row["written"]) for row in rows(root, ALONE_TEXT, "synth_qa", "aa")}
    assert len(labels) > 1 and len(lengths) > 3, "answers must end at different steps"


@pytest.mark.parametrize(
    "shape",
    [
        Shape(size=2, config="zero2_fp32", batch=1, shuffled=True),
        Shape(size=2, config="zero3_release_fp32", batch=3),
        Shape(size=2, config="zero3_release_fp32", batch=3, text=True),
        Shape(size=2, config="zero2_fp32", batch=1, shuffled=True, text=True),
        *(
            pytest.param(Shape(size=size, config=config, batch=batch, shuffled=batch == 8, text=text), marks=slow)
            for text in (False, True)
            for size, config, batch in [
                (1, "zero3_release_fp32", 8),
                (2, "zero0_fp32", 8),
                (3, "zero0_fp32", 1),
                (3, "zero2_fp32", 3),
                (3, "zero3_release_fp32", 8),
                (4, "zero2_fp32", 8),
                (4, "zero3_fp32", 3),
                (4, "zero3_release_fp32", 1),
            ]
        ),
    ],
    ids=lambda shape: shape.name,
)
def test_predictions_are_the_same_on_every_shape(shape: Shape, root: Path) -> None:
    """And of a language of 7 or 1 examples, where ranks have nothing to do but to keep in step."""
    score(root, shape)
    alone = ALONE_TEXT if shape.text else ALONE
    for task, languages in (TEXT_LANGUAGES if shape.text else LANGUAGES).items():
        for language in languages:
            compare(rows(root, shape, task, language), rows(root, alone, task, language), (task, language))
    for task, counts in UNEVEN.items():
        language = LANGUAGES[task][0]
        for count in counts:
            first = read_rows(root / alone.name / task, language)[:count]
            found = read_rows(root / shape.name / f"{task}-{count}", language)
            compare(found, first, (task, language, count))


def test_a_rank_whose_text_has_ended_goes_on_with_one_that_still_writes(root: Path) -> None:
    """The shortest answer beside the longest, and the other way round, while parameters are partitioned."""
    alone = read_rows(root / ALONE_TEXT.name / "synth_qa", "aa")
    by_length = sorted(alone, key=lambda row: len(row["written"]))
    short, long = by_length[0], by_length[-1]
    assert len(short["written"]) <= 5 and len(long["written"]) >= 20, "a token is a letter"
    orders = [[short["index"], long["index"]], [long["index"], short["index"]]]
    found = run_world(2, write_apart, str(root), str(root / "text"), "zero3_release_fp32", orders)
    for place, order in enumerate(orders):
        for rank, index in enumerate(order):
            (prediction,) = found[rank][place].items()
            assert prediction[0] == index and prediction[1].written == alone[index]["written"]
            assert prediction[1].score == pytest.approx(alone[index]["score"], abs=1e-5)


STARTS = [
    # what happens, in which shape, and whether the ranks leave together
    ("score.batch:rank1:step3=kill", Shape(size=2, config="zero2_fp32", batch=3), False),
    ("score.shard:rank1=kill", Shape(size=2, config="zero2_fp32", batch=3), False),
    ("score.shard.after:rank0=kill", Shape(size=2, config="zero2_fp32", batch=1), False),
    ("score.batch:rank1:step2=term", Shape(size=2, config="zero3_release_fp32", batch=3), True),
    ("", Shape(size=1, config="zero2_fp32", batch=3), True),
]


def test_an_evaluation_that_is_killed_anywhere_goes_on_in_any_shape(root: Path) -> None:
    """Five starts on one folder: each next one keeps every row that is on disk, and the end is that of one start."""
    place, there = root / "broken", 0
    for fail, shape, together in STARTS:
        given = (str(root), str(root / "encoder"), shape, ("synth_nli",), "broken", fail)
        if together:
            said = run_world(shape.size, predict, *given)
            assert all(("stopped on request" in each) == bool(fail) for each in said)
        else:
            with pytest.raises(AssertionError, match=r"died|Connection|Gloo"):
                run_world(shape.size, predict, *given)
        held = [
            (path.stem.split("-")[0], index)
            for path in (place / "synth_nli").glob("*.parquet")
            for index in pq.read_table(path)["index"].to_pylist()
        ]
        assert len(held) == len(set(held)) >= there, "no row is lost, and none is there twice"
        assert len(held) > there or "score.shard:" in fail
        there = len(held)
    assert not list((place / "synth_nli").glob("*.tmp"))
    for language in LANGUAGES["synth_nli"]:
        compare(sorted(read_rows(place / "synth_nli", language), key=lambda row: row["id"]),
                rows(root, ALONE, "synth_nli", language), language)  # fmt: skip


@slow
@pytest.mark.parametrize("text", [False, True])
def test_in_bf16_only_near_ties_come_out_otherwise(text: bool, root: Path) -> None:
    shapes = [
        Shape(size=1, config="zero2_bf16", text=text),
        Shape(size=2, config="zero3_bf16", batch=3, text=text),
        Shape(size=3, config="zero2_bf16", batch=1, text=text),
    ]
    for shape in shapes:
        score(root, shape)
    differ = near = count = 0
    widest = 0.0
    for task, languages in (TEXT_LANGUAGES if text else LANGUAGES).items():
        if task == "synth_retrieval":
            continue
        for language in languages:
            expected = rows(root, shapes[0], task, language)
            near += sum(row["margin"] < NEAR_TIE["bfloat16"] for row in expected)
            count += len(expected)
            for shape in shapes[1:]:
                for one, other in zip(rows(root, shape, task, language), expected, strict=True):
                    if one["prediction"] != other["prediction"]:
                        differ += 1
                        widest = max(widest, min(one["margin"], other["margin"]))
    print(f"text {text}: {near} of {count} near ties, {differ} of {2 * count} differ, the widest by {widest:.4f}")
    assert widest < NEAR_TIE["bfloat16"]
