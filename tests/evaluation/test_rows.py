"""Prediction rows survive the way through Parquet, each example once."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ds_stilts.errors import DataError
from ds_stilts.evaluation.rows import Origin, Row, read_rows, write_shard


def row(index: int, **fields: Any) -> Row:
    values = {
        "task": "nli",
        "language": "de",
        "split": "test",
        "id": f"id-{index}",
        "index": index,
        "gold": '"x"',
        "prediction": '["ä", "日本", null]',
        "score": 0.5,
        "tokens": 7,
        "zero_shot": True,
    }
    return Row(**{**values, **fields})


def test_rows_come_back_in_file_order_with_gold_and_prediction_parsed(tmp_path: Path) -> None:
    write_shard([row(3), row(1)], tmp_path, "de", 0)
    write_shard([row(0, gold="null"), row(2)], tmp_path, "de", 1)
    rows = read_rows(tmp_path, "de")
    assert [(each["index"], each["id"]) for each in rows] == [(i, f"id-{i}") for i in range(4)]
    assert rows[0] == {
        "task": "nli", "language": "de", "split": "test", "id": "id-0", "index": 0, "gold": None,
        "prediction": ["ä", "日本", None], "score": 0.5, "tokens": 7, "zero_shot": True, "confidence": None,
        "margin": None, "written": None, "legal": True,
    }  # fmt: skip


def test_rows_of_older_versions_are_read(tmp_path: Path) -> None:
    write_shard([row(0)], tmp_path, "de", 0)
    path = tmp_path / "de-0.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["confidence", "margin", "written", "legal"]), path)
    write_shard([row(1, confidence=0.75)], tmp_path, "de", 1)
    assert [each["confidence"] for each in read_rows(tmp_path, "de")] == [None, 0.75]


def test_an_example_that_two_shards_hold_counts_once(tmp_path: Path) -> None:
    write_shard([row(0), row(1)], tmp_path, "de", 0)
    write_shard([row(1), row(2)], tmp_path, "de", 1)
    write_shard([row(0)], tmp_path, "de", 10)
    assert [each["index"] for each in read_rows(tmp_path, "de")] == [0, 1, 2]


def test_languages_do_not_mix(tmp_path: Path) -> None:
    write_shard([row(0)], tmp_path, "de", 0)
    write_shard([row(0, language="en", id="other")], tmp_path, "en", 0)
    assert [each["id"] for each in read_rows(tmp_path, "de")] == ["id-0"]


def test_a_language_is_not_another_one_whose_code_begins_alike(tmp_path: Path) -> None:
    write_shard([row(0, language="en")], tmp_path, "en", 0)
    write_shard([row(0, language="en-de"), row(1, language="en-de")], tmp_path, "en-de", 0)
    assert [each["language"] for each in read_rows(tmp_path, "en")] == ["en"]
    assert len(read_rows(tmp_path, "en-de")) == 2


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (Origin(made_by="m", num_rows=4), "has rows of 3 examples of language 'de', which has 4; delete the folder"),
        (Origin(made_by="other", num_rows=3), "has rows of language 'de' from more than one model or data set; delete"),
        (None, "has rows of language 'de' from more than one model or data set"),
    ],
)
def test_rows_that_are_missing_or_of_two_models_are_not_scored(
    second: Origin | None, sentence: str, tmp_path: Path
) -> None:
    first = Origin(made_by="m", num_rows=4 if second and second.num_rows == 4 else 3)
    write_shard([row(0), row(2)], tmp_path, "de", 0, first)
    write_shard([row(1)], tmp_path, "de", 1, second)
    with pytest.raises(DataError, match=sentence):
        read_rows(tmp_path, "de")


def test_a_language_without_a_row_is_not_scored(tmp_path: Path) -> None:
    write_shard([row(0)], tmp_path, "de", 0)
    with pytest.raises(DataError, match="has no rows of language 'fr'; delete the folder"):
        read_rows(tmp_path, "fr")


def test_a_rank_without_rows_writes_a_shard_all_the_same(tmp_path: Path) -> None:
    write_shard([row(0)], tmp_path, "de", 0)
    write_shard([], tmp_path, "de", 1)
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    assert len(read_rows(tmp_path, "de")) == 1


def test_a_shard_that_was_being_written_is_not_read(tmp_path: Path) -> None:
    write_shard([row(0)], tmp_path, "de", 0)
    (tmp_path / "de-1.tmp").write_bytes(b"PAR1 half")
    assert len(read_rows(tmp_path, "de")) == 1


def test_writing_a_shard_again_replaces_it(tmp_path: Path) -> None:
    write_shard([row(0), row(1)], tmp_path, "de", 0)
    write_shard([row(0, score=0.25)], tmp_path, "de", 0)
    (only,) = read_rows(tmp_path, "de")
    assert only["score"] == pytest.approx(0.25)
