"""Retrieval sets in two files and their gold."""

from pathlib import Path

import pytest

from ds_stilts.errors import DataError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import BitextExample, Example
from ds_stilts.tasks.readers.bitext import pivot_of


def lay(root: Path, *, english: str | None = "a\nb\n", german: str = "B\nA\n", gold: str = "1\n0\n") -> Path:
    for name, text in (
        ("tatoeba/de-en.de", german),
        ("tatoeba/de-en.en", english),
        ("labels/tatoeba/test-de.tsv", gold),
    ):
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    return root


def read(root: Path) -> list[Example]:
    return get_task("tatoeba").examples("test", "de", root)


def test_english_asks_and_the_other_language_is_searched(tmp_path: Path) -> None:
    assert read(lay(tmp_path)) == [
        BitextExample(id="en-0", text="a", side="query", match="de-1"),
        BitextExample(id="en-1", text="b", side="query", match="de-0"),
        BitextExample(id="de-0", text="B", side="corpus", match=None),
        BitextExample(id="de-1", text="A", side="corpus", match=None),
    ]


def test_the_pivot_comes_from_the_name(tmp_path: Path) -> None:
    folder = tmp_path / "synth/retrieval"
    (folder / "labels").mkdir(parents=True)
    (folder / "bb-aa.bb").write_text("x\n", encoding="utf-8")
    (folder / "bb-aa.aa").write_text("y\n", encoding="utf-8")
    (folder / "labels/test-bb.tsv").write_text("0\n", encoding="utf-8")
    query, corpus = get_task("synth_retrieval").examples("test", "bb", tmp_path)
    assert (query.id, query.text, query.match, corpus.id, corpus.text) == ("aa-0", "y", "bb-0", "bb-0", "x")


def test_without_gold_file_nothing_matches(tmp_path: Path) -> None:
    lay(tmp_path)
    task = get_task("tatoeba")
    read_alone = task.split("test").read(tmp_path / "tatoeba/de-en.de", task=task, language="de", labels_path=None)
    assert {example.match for example in read_alone} == {None}


@pytest.mark.parametrize("name", ["de-en.fr", "fr-en.de", "de.de", "de-.de"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"a retrieval file of 'de' is named de-PIVOT\.de"):
        pivot_of(Path(name), "de")


def test_a_missing_pivot_file_is_told_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"de-en\.en is missing: task 'tatoeba' .* Download it from https"):
        read(lay(tmp_path, english=None))


def test_an_empty_sentence_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"de-en\.de, line 1: an empty line"):
        read(lay(tmp_path, german="\nA\n"))


def test_gold_of_another_length_names_both_counts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test-de\.tsv has 1 lines but .*de-en\.en has 2"):
        read(lay(tmp_path, gold="1\n"))


# the official scorer compares strings, so anything but the plain integer would silently count as wrong
@pytest.mark.parametrize("value", ["2", "-1", "[1]", "1.0", "01", "x", "١"])
def test_gold_that_is_no_line_of_the_corpus_is_told(tmp_path: Path, value: str) -> None:
    with pytest.raises(DataError, match=r"test-de\.tsv, line 2: .* is not a line of the corpus \(.* 0 to 1\)"):
        read(lay(tmp_path, gold=f"0\n{value}\n"))
