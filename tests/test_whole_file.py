"""A file that is written in one rename: what its readers see."""

from multiprocessing import get_context
from pathlib import Path

import pytest

from ds_stilts.whole_file import write_whole

LENGTH, WRITERS, TIMES = 200_000, 3, 40


def _write(path: Path, letter: str) -> None:
    for _ in range(TIMES):
        write_whole(path, letter * LENGTH)


def test_readers_see_one_writers_whole_text_however_many_write(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_whole(path, "a" * LENGTH)
    writers = [get_context("fork").Process(target=_write, args=(path, letter)) for letter in "abc"[:WRITERS]]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        seen.append(path.read_text(encoding="utf-8"))
    for writer in writers:
        writer.join()
    assert all(writer.exitcode == 0 for writer in writers)
    assert {len(text) for text in seen} == {LENGTH} and all(len(set(text)) == 1 for text in seen)
    assert [one.name for one in tmp_path.iterdir()] == ["facts.json"]


def test_what_cannot_be_written_leaves_the_old_text(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_whole(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \ud800")
    assert path.read_text(encoding="utf-8") == "old\n"
    with pytest.raises(OSError):
        write_whole(tmp_path / "nowhere" / "facts.json", "text")
