"""Sentence pairs in XTREME's TSV files."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.errors import DataError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import PairExample
from ds_stilts.tasks.readers.tsv import read_pairs

XNLI = get_task("xnli")


def read(path: Path, labels: Path | None = None) -> list[PairExample]:
    return read_pairs(path, task=XNLI, language="en", labels_path=labels)


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


_field = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=20)
_row = st.tuples(_field, _field, st.sampled_from(XNLI.labels))


@given(rows=st.lists(_row, min_size=1, max_size=5))
def test_what_csv_writer_wrote_is_read_back(
    rows: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter="\t").writerows(rows)
    path = write(tmp_path_factory.mktemp("tsv") / "train-en.tsv", buffer.getvalue())
    assert [(e.premise, e.hypothesis, e.label) for e in read(path)] == rows


def test_quotation_marks_are_undoubled(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", '"He said ""no""."\tHe spoke.\tentailment\r\n')
    assert read(path) == [PairExample(id="0", premise='He said "no".', hypothesis="He spoke.", label="entailment")]


def test_labels_may_lie_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "test-en.tsv", "a\tb\nc\td\n")
    labels = write(tmp_path / "labels.tsv", "neutral\ncontradiction\n")
    assert [e.label for e in read(path, labels)] == ["neutral", "contradiction"]


def test_wrong_number_of_columns_names_line_and_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\tneutral\na\tneutral\n")
    with pytest.raises(
        DataError, match=r"a\.tsv, line 2: 2 columns, expected 3 columns \(premise, hypothesis, label\)"
    ):
        read(path)


def test_an_empty_line_inside_is_an_error_and_at_the_end_is_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: an empty line, expected 3 columns"):
        read(write(tmp_path / "a.tsv", "a\tb\tneutral\n\na\tb\tneutral\n"))
    assert len(read(write(tmp_path / "a.tsv", "a\tb\tneutral\n\n"))) == 1


def test_lines_are_counted_past_quoted_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", '"a\na"\tb\tneutral\nc\n')
    with pytest.raises(DataError, match=r"line 3: 1 columns"):
        read(path)


def test_a_label_outside_the_set_names_value_and_set(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\tneutral\na\tb\tcontradictory\n")
    with pytest.raises(
        DataError, match=r"line 2: label 'contradictory' is not one of .*contradiction, entailment, neutral"
    ):
        read(path)


def test_a_label_file_of_another_length_names_both_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "test-en.tsv", "a\tb\nc\td\n")
    labels = write(tmp_path / "labels.tsv", "neutral\nneutral\nneutral\n")
    with pytest.raises(DataError, match=r"labels\.tsv has 3 lines but .*test-en\.tsv has 2"):
        read(path, labels)


def test_a_label_outside_the_set_in_a_label_file_names_that_file(tmp_path: Path) -> None:
    path = write(tmp_path / "test-en.tsv", "a\tb\nc\td\n")
    labels = write(tmp_path / "labels.tsv", "neutral\n1\n")
    with pytest.raises(DataError, match=r"labels\.tsv, line 2: label '1'"):
        read(path, labels)


def test_an_unclosed_quote_names_its_first_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'a\tb\tneutral\n"c\td\tneutral\ne\tf\tneutral\n')
    with pytest.raises(DataError, match=r"line 2: not tab-separated text with CSV quoting"):
        read(path)
