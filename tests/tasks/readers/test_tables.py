"""Files as rows: JSON lines, JSON, delimited text, Parquet."""

import csv
import gzip
import io
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.errors import DataError
from ds_stilts.tasks.readers.tables import Delimited, JsonFile, Row, Table, json_lines, parquet

NAMED = Delimited(columns=("premise", "hypothesis", "label"))
PLAIN = Delimited(columns=("premise", "hypothesis", "label"), quoted=False)


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def values(table: Table, path: Path) -> list[Any]:
    return [row.values for row in table(path)]


def test_rows_know_their_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"n": 1}\n{"n": 2}\n')
    assert list(json_lines(path)) == [Row(path, "line 1", {"n": 1}), Row(path, "line 2", {"n": 2})]
    assert str(Row(path, "line 2", {}).fault("what is wrong.")) == f"{path}, line 2: what is wrong."


# JSON lines


def test_broken_json_names_line_and_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"premise": 1}\n{"premise": \n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2, column 13: broken JSON .*a line holds one whole object"):
        values(json_lines, path)


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00", "\\ud83d \\ude00", "\\ud83d\\ud83d\\ude00", "\\ude00\\ud83d"])
@pytest.mark.parametrize("table", [json_lines, JsonFile()])
def test_half_a_character_is_told_where_it_stands(table: Table, half: str, tmp_path: Path) -> None:
    whole = r'{"n": "\ud83d\ude00 \\ud83d"}'  # a smile, and a backslash before letters
    (found,) = values(table, write(tmp_path / "a.jsonl", whole if table is json_lines else f"[{whole}]"))
    assert found == {"n": "\U0001f600 \\ud83d"}
    wrong = '{"n": "ab' + half + '"}'
    text = f"{whole}\n{wrong}\n" if table is json_lines else f"[{whole},\n{wrong}]"
    with pytest.raises(
        DataError, match=rf"a\.jsonl, line 2, column 10: {re.escape(half[:6])} is half of a character, .* remove the"
    ):
        values(table, write(tmp_path / "a.jsonl", text))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"n": ' + "1" * 5000 + "}"])
def test_json_beyond_all_bounds_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl, line 1: JSON that cannot be read \(.*\); a line holds one whole"):
        values(json_lines, write(tmp_path / "a.jsonl", text))


def test_an_empty_line_between_objects_is_an_error_and_at_the_end_is_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2, column 1: broken JSON"):
        values(json_lines, write(tmp_path / "a.jsonl", "{}\n\n{}\n"))
    assert values(json_lines, write(tmp_path / "a.jsonl", "{}\n\n\n")) == [{}]


def test_a_line_that_is_no_object_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: expected a JSON object, found \[1\]"):
        values(json_lines, write(tmp_path / "a.jsonl", "{}\n[1]\n"))


def test_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    assert values(json_lines, write(tmp_path / "a.jsonl", '{"a": "b\u2028c\x85d"}\n')) == [{"a": "b\u2028c\x85d"}]


# JSON


def test_a_list_of_objects_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '[{"a": 1},\n {"a": 2}]')
    assert list(JsonFile()(path)) == [Row(path, "entry 1", {"a": 1}), Row(path, "entry 2", {"a": 2})]


def test_a_list_inside_the_document_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"version": 1, "data": [{"a": 1}]}')
    assert values(JsonFile(at="data"), path) == [{"a": 1}]
    with pytest.raises(DataError, match=r"a\.json: expected an object with 'rows', found {\"version\": 1"):
        values(JsonFile(at="rows"), path)


def test_the_keys_of_an_object_of_objects_become_a_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"17": {"a": 1}, "4": {"a": 2}}')
    assert values(JsonFile(key="pmid"), path) == [{"pmid": "17", "a": 1}, {"pmid": "4", "a": 2}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"a": 1},\n {"a"', r"a\.json, line 2, column 6: broken JSON .*; the file may be cut short, get it again"),
        ("7", r"a\.json: expected a list of objects, found 7"),
        ('[{"a": 1}, 2]', r"a\.json, entry 2: expected a JSON object, found 2"),
        ('{"version": 1}', r"a\.json, entry 1: expected a JSON object, found 1"),
    ],
)
def test_json_of_another_shape_is_told(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence):
        values(JsonFile(), write(tmp_path / "a.json", text))


# Delimited text

_field = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=20)


@given(rows=st.lists(st.tuples(_field, _field, _field), min_size=1, max_size=5), delimiter=st.sampled_from("\t,;|"))
def test_what_csv_writer_wrote_is_read_back(
    rows: list[tuple[str, str, str]], delimiter: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows([("a", "b", "c"), *rows])
    path = write(tmp_path_factory.mktemp("delimited") / "a.csv", buffer.getvalue())
    assert [tuple(row.values.values()) for row in Delimited(delimiter=delimiter)(path)] == rows


_word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff\t\n\r"), min_size=1, max_size=9)


@given(rows=st.lists(st.tuples(_word, _word, _word), min_size=1, max_size=5), ending=st.sampled_from(["\n", "\r\n"]))
def test_without_quoting_every_character_but_tab_and_line_end_is_itself(
    rows: list[tuple[str, str, str]], ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("plain") / "a.tsv", "".join("\t".join(row) + ending for row in rows))
    assert [tuple(row.values.values()) for row in PLAIN(path)] == rows


def test_quotation_marks_are_undoubled_or_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", '"He said ""no""."\tHe spoke.\tentailment\r\n')
    assert values(NAMED, path)[0]["premise"] == 'He said "no".'
    assert values(PLAIN, path)[0]["premise"] == '"He said ""no""."'


def test_the_first_row_names_the_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")
    assert list(Delimited(delimiter=",")(path)) == [Row(path, "line 2", {"a": "1", "b": "2"})]


def test_columns_that_cannot_be_told_apart_or_have_no_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: two columns have the same name \(a, b, a\); rename one"):
        values(Delimited(delimiter=","), write(tmp_path / "a.csv", "a,b,a\n1,2,3\n"))
    with pytest.raises(DataError, match="line 1: empty where the names of the columns belong"):
        values(Delimited(delimiter=","), write(tmp_path / "a.csv", "\na,b\n"))


@pytest.mark.parametrize("table", [NAMED, PLAIN])
def test_wrong_number_of_columns_names_line_and_counts(table: Table, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\tneutral\na\tneutral\n")
    with pytest.raises(
        DataError, match=r"a\.tsv, line 2: 2 columns, expected 3 columns \(premise, hypothesis, label\) with a tab"
    ):
        values(table, path)
    with pytest.raises(DataError, match=r"line 1: 4 columns, expected 3"):
        values(table, write(tmp_path / "a.tsv", "a\tb\tneutral\t\n"))


@pytest.mark.parametrize("table", [NAMED, PLAIN])
def test_an_empty_line_inside_is_an_error_and_at_the_end_is_not(table: Table, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: an empty line, expected 3 columns"):
        values(table, write(tmp_path / "a.tsv", "a\tb\tneutral\n\na\tb\tneutral\n"))
    assert len(values(table, write(tmp_path / "a.tsv", "a\tb\tneutral\n\n\n"))) == 1


def test_lines_are_counted_past_quoted_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", '"a\na"\tb\tneutral\n"c\nc"\td\tneutral\ne\n')
    rows = NAMED(path)
    assert [next(rows).place, next(rows).place] == ["line 1", "line 3"]
    with pytest.raises(DataError, match=r"line 5: 1 column, expected 3 columns"):
        next(rows)


def test_an_unclosed_quote_names_its_first_line_and_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'a\tb\tneutral\n"c\td\tneutral\ne\tf\tneutral\n')
    with pytest.raises(
        DataError,
        match=r"line 2: not delimited text with CSV quoting \(a quotation mark opens a field here and never closes\); "
        "double the quotation marks inside a quoted field, or get the file again",
    ):
        values(NAMED, path)


def test_text_after_a_closing_quote_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: not delimited text with CSV quoting \(text stands behind a closing"):
        values(NAMED, write(tmp_path / "a.tsv", '"a" man\tb\tneutral\n'))


@pytest.mark.parametrize("table", [NAMED, PLAIN])
@pytest.mark.parametrize(
    ("first", "second", "named"),
    [("\n", "\r\n", "carriage return and line feed"), ("\r\n", "\n", "a line feed"), ("\n", "\r\r\n", "carriage")],
)
def test_lines_that_end_in_two_ways_are_told(table: Table, first: str, second: str, named: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", f"a\tb\tneutral{first}a\tb\tneutral{second}")
    with pytest.raises(DataError, match=rf"a\.tsv, line 2: ends in {named}.*, but the lines before it in"):
        values(table, path)


def test_line_breaks_inside_quotation_marks_may_differ_from_those_between_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", '"a\na"\tb\tneutral\r\n"a\ra"\tb\tneutral\r\n')
    assert [row["premise"] for row in values(NAMED, path)] == ["a\na", "a\ra"]


def test_a_carriage_return_alone_ends_no_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\tneutral\r")
    assert values(PLAIN, path) == [{"premise": "a", "hypothesis": "b", "label": "neutral\r"}]
    with pytest.raises(DataError, match="line 1: not delimited text with CSV quoting"):
        values(NAMED, write(tmp_path / "a.tsv", "a\tb\tneutral\rc\td\tneutral\r"))


# Parquet


def test_rows_of_parquet_are_read_with_their_types(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": 0, "answers": {"text": ["x"], "answer_start": [3]}}, {"text": None, "label": -1}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert list(parquet(tmp_path / "a.parquet")) == [
        Row(tmp_path / "a.parquet", "row 1", rows[0]),
        Row(tmp_path / "a.parquet", "row 2", {**rows[1], "answers": None}),
    ]


@pytest.mark.parametrize("size", [0, 3, 100, -1])
def test_parquet_that_was_cut_short_is_told(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match=r"a\.parquet is not a whole Parquet file \(.*\); remove it and fetch it again"):
        values(parquet, path)


# Piece by piece


def endless(text: Iterator[bytes], path: Path) -> threading.Thread:
    """A file without end at `path`: a pipe into which a thread writes until nobody reads any more."""
    os.mkfifo(path)

    def pour() -> None:
        with suppress(BrokenPipeError), path.open("wb") as pipe:
            out = gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=0) if path.suffix == ".gz" else pipe
            for line in text:
                out.write(line)

    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    return thread


@pytest.mark.timeout(20)
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("table", "line"),
    [
        (json_lines, b'{"a": "1"}\n'),
        (Delimited(columns=("a",)), b'"1"\n'),
        (Delimited(columns=("a",), quoted=False), b"1\n"),
    ],
    ids=["json lines", "quoted", "plain"],
)
def test_the_first_rows_of_a_file_without_end_are_read(table: Table, line: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.txt{suffix}"
    writer = endless((line for _ in count()), path)
    rows = table(path)
    assert [row.values for row in islice(rows, 1000)] == [{"a": "1"}] * 1000
    rows.close()  # type: ignore[attr-defined]
    writer.join(10)
    assert not writer.is_alive()


def test_a_text_too_long_for_delimited_text_is_not_said_to_be_a_quote_that_never_closes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\tneutral\n" + "x" * 200_000 + "\tb\tneutral\n")
    with pytest.raises(DataError, match=r"line 2: .*more than 131,072 characters: .* or its text is too long .*JSON"):
        values(NAMED, path)


@pytest.mark.timeout(20)
def test_a_quote_that_never_closes_is_told_before_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    writer = endless((b'"c\td\tneutral\n' if n == 1 else b"a\tb\tneutral\n" for n in count()), path)
    # the csv module's longest field, 131,072 characters, stops it
    with pytest.raises(DataError, match=r"line 2: .*never closes"):
        values(NAMED, path)
    writer.join(10)
    assert not writer.is_alive()


def test_the_first_rows_of_parquet_are_read_before_the_last_group(tmp_path: Path) -> None:
    path, size = tmp_path / "a.parquet", 70_000
    pq.write_table(pa.table({"a": list(range(3 * size))}), path, row_group_size=size, use_dictionary=False)
    start = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + 1000] = bytes(1000)
    path.write_bytes(bytes(content))
    rows = parquet(path)
    assert [row.values["a"] for row in islice(rows, size)] == list(range(size))
    with pytest.raises(DataError, match="not a whole Parquet file"):
        list(rows)


def test_json_values_stay_as_they_are(tmp_path: Path) -> None:
    row = {"a": [1, {"b": None}], "c": 1.5, "d": True}
    assert values(json_lines, write(tmp_path / "a.jsonl", json.dumps(row))) == [row]
