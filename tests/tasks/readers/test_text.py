"""Running text and translation pairs."""

import gzip
from pathlib import Path

import pytest

from ds_stilts.errors import DataError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import Example, TextExample


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))


def translations(root: Path, english: str, german: str) -> list[Example]:
    write(root / "ntrex/en.tsv.gz", english)
    write(root / "ntrex/de.tsv.gz", german)
    return get_task("ntrex").examples("train", "de", root)


def test_a_line_is_a_sentence_and_empty_lines_are_none(tmp_path: Path) -> None:
    write(tmp_path / "text/de.txt.gz", "eins\n\nzwei\n")
    assert get_task("text").examples("train", "de", tmp_path) == [
        TextExample(id="0", text="eins"),
        TextExample(id="2", text="zwei"),
    ]


def test_translations_are_joined_by_id_not_by_line(tmp_path: Path) -> None:
    assert translations(tmp_path, "1\tone\n2\ttwo\n3\tthree\n", "3\tdrei\n1\teins\n") == [
        TextExample(id="3", text="three", translation="drei"),
        TextExample(id="1", text="one", translation="eins"),
    ]


def test_an_id_without_english_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"de\.tsv\.gz, line 2: id '9' is not in .*en\.tsv\.gz"):
        translations(tmp_path, "1\tone\n", "1\teins\n9\tneun\n")


def test_an_id_twice_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"de\.tsv\.gz, line 2: id '1' stands on line 1 already"):
        translations(tmp_path, "1\tone\n", "1\teins\n1\tEins\n")


def test_a_line_without_id_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"en\.tsv\.gz, line 1: 1 columns, expected 2 \(id, text\)"):
        translations(tmp_path, "one\n", "1\teins\n")


def test_a_missing_english_file_is_told(tmp_path: Path) -> None:
    write(tmp_path / "ntrex/de.tsv.gz", "1\teins\n")
    task = get_task("ntrex")
    assert task.available_languages("train", tmp_path) == ["de"], "not left out silently"
    with pytest.raises(DataError, match=r"en\.tsv\.gz is missing"):
        task.examples("train", "de", tmp_path)


def test_the_english_file_belongs_to_every_language_so_that_a_change_in_it_is_noticed(tmp_path: Path) -> None:
    names = [path.name for path in get_task("ntrex").files("train", "de", tmp_path)]
    assert names == ["de.tsv.gz", "en.tsv.gz"]


def test_the_reader_itself_tells_of_a_missing_english_file(tmp_path: Path) -> None:
    write(tmp_path / "ntrex/de.tsv.gz", "1\teins\n")
    task = get_task("ntrex")
    with pytest.raises(DataError, match=r"en\.tsv\.gz is missing: task 'ntrex' .* Download it from https"):
        task.split("train").read(tmp_path / "ntrex/de.tsv.gz", task=task, language="de", labels_path=None)
