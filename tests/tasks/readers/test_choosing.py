"""Examples chosen by a field of their file: one genre of MultiNLI, in the layouts in which it is found."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import Example, PairExample
from ds_stilts.tasks.task import Where

RELEASED = [  # lines of multinli_1.0_train.jsonl have these keys
    ("government", "neutral", "Cream skimming has two dimensions.", "Geography makes it work."),
    ("telephone", "entailment", "uh-huh and they lose them", "They lose them."),
    ("fiction", "neutral", "He turned.", "He turned to see."),
    ("fiction", "-", "She left.", "She may come back."),
    ("telephone", "contradiction", "yeah well", "No."),
    ("fiction", "entailment", "The old man sat.", "A man sat."),
]


def released(genre: str, label: str, premise: str, hypothesis: str, number: int) -> dict[str, Any]:
    parse = {f"sentence{n}_{kind}": "( a )" for n in (1, 2) for kind in ("binary_parse", "parse")}
    return {
        "annotator_labels": [label], "genre": genre, "gold_label": label, "pairID": f"{number}n",
        "promptID": str(number), "sentence1": premise, "sentence2": hypothesis, **parse,
    }  # fmt: skip


def write(root: Path, rows: list[dict[str, Any]], split: str = "train") -> Path:
    path = root / f"mnli/{split}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_release(root: Path, split: str = "train") -> Path:
    return write(root, [released(*row, number) for number, row in enumerate(RELEASED)], split)


def read(root: Path, where: Where | None = None, task: str = "mnli") -> list[Example]:
    return get_task(task).examples("train", "en", root, where)


def test_the_release_is_read_as_it_is_and_pairs_without_a_gold_label_are_left_out(tmp_path: Path) -> None:
    write_release(tmp_path)
    first = PairExample(
        id="0", premise="Cream skimming has two dimensions.", hypothesis="Geography makes it work.", label="neutral"
    )
    assert read(tmp_path)[0] == first
    assert [example.id for example in read(tmp_path)] == ["0", "1", "2", "4", "5"]


@pytest.mark.parametrize(
    ("genres", "ids"), [(["fiction"], ["2", "5"]), (["fiction", "telephone"], ["1", "2", "4", "5"])]
)
def test_examples_of_a_genre_are_those_of_the_whole_file_with_the_same_ids(
    genres: list[str], ids: list[str], tmp_path: Path
) -> None:
    write_release(tmp_path)
    chosen = read(tmp_path, {"genre": genres})
    assert chosen == [example for example in read(tmp_path) if example.id in ids] and len(chosen) == len(ids)


def test_a_copy_with_the_columns_of_our_files_may_carry_the_genre_too(tmp_path: Path) -> None:
    rows = [{"premise": p, "hypothesis": h, "label": y, "genre": g} for g, y, p, h in RELEASED if y != "-"]
    write(tmp_path, rows)
    assert [example.id for example in read(tmp_path, {"genre": ["telephone"]})] == ["1", "3"]


def test_a_control_shuffles_the_labels_of_the_genre_among_themselves(tmp_path: Path) -> None:
    write_release(tmp_path)
    shuffled = read(tmp_path, {"genre": ["fiction"]}, "mnli:shuffled")
    assert [example.id for example in shuffled] == ["2", "5"]
    assert sorted(getattr(example, "label", "") for example in shuffled) == ["entailment", "neutral"]


def test_a_value_that_no_example_has_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    path = write_release(tmp_path)
    with pytest.raises(DataError) as raised:
        read(tmp_path, {"genre": ["fiction", "fictoin"]})
    assert str(raised.value) == (
        f"{path}: no example has genre 'fictoin'; there are fiction (3), telephone (2), government (1)."
    )


def test_a_file_without_the_field_says_which_it_has(tmp_path: Path) -> None:
    path = write(tmp_path, [{"premise": "a", "hypothesis": "b", "label": "neutral"}])
    with pytest.raises(DataError) as raised:
        read(tmp_path, {"genre": ["fiction"]})
    assert str(raised.value) == (
        f"{path}, line 1: field 'genre', by which examples are chosen, is missing or no text; found: premise, "
        "hypothesis, label. Get the release that has it (`ds-stilts tasks NAME`), or remove `where`."
    )


@pytest.mark.real_data
def test_a_copy_whose_genres_were_taken_off_is_refused(real_data: Path) -> None:
    with pytest.raises(DataError, match=r"train\.jsonl, line 1: field 'genre', .*found: premise, hypothesis, label\."):
        read(real_data, {"genre": ["fiction"]})
