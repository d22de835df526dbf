"""Examples counted without tokenising: right, remembered, and counted again when a file has changed."""

from pathlib import Path

import pytest

from ds_stilts.data.checksums import checksum
from ds_stilts.data.counts import counted
from ds_stilts.errors import DataError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task


def write(root: Path, *labels: str) -> Path:
    file = root / "snli" / "train.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f'{{"premise": "a", "hypothesis": "b", "label": "{label}"}}\n' for label in labels))
    return file


def count(root: Path) -> tuple[int, str] | None:
    return counted(get_task("snli"), "train", "en", root, root / "prepared")


def test_rows_that_the_reader_leaves_out_are_not_counted(tmp_path: Path) -> None:
    file = write(tmp_path, "neutral", "-", "entailment")
    assert count(tmp_path) == (2, checksum([file]))


def test_a_count_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "neutral")
    assert (count(tmp_path) or [0])[0] == 1
    with monkeypatch.context() as patched:
        patched.setattr(Task, "stream", lambda *_: pytest.fail("read again"))
        assert (count(tmp_path) or [0])[0] == 1
    write(tmp_path, "neutral", "neutral")
    assert (count(tmp_path) or [0])[0] == 2


def test_files_that_are_not_there_have_no_count_and_bad_ones_a_sentence(tmp_path: Path) -> None:
    assert count(tmp_path) is None
    write(tmp_path, "nonsense")
    with pytest.raises(DataError, match=r"train\.jsonl"):
        count(tmp_path)
