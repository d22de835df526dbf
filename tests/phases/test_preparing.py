"""The line that shows where `ds-stilts data prepare` stands."""

import gzip
from pathlib import Path

import pytest

from ds_stilts.data.prepare import SplitKey
from ds_stilts.formats.base import Limits
from ds_stilts.phases.preparing import _Progress
from ds_stilts.tasks import get_task


def test_who_waits_for_another_process_says_so_before_the_first_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("ds_stilts.phases.preparing.say", lambda line, passing: said.append(line))
    (tmp_path / "text").mkdir()
    (tmp_path / "text/de.txt.gz").write_bytes(gzip.compress(b"a\nb\n"))
    limits = Limits(max_tokens=32)
    key = SplitKey(task=get_task("text"), split="train", language="de", limits=limits, training=True)
    progress = _Progress({tmp_path / "x.arrow": key}, tmp_path)
    progress.begin(tmp_path / "x.arrow")
    for examples in (0, 2):
        progress.tell(examples)
    assert said[0] == "waiting for another process that tokenises text train de"
    assert said[1].startswith("tokenising text train de  2 of 2 examples, split 1 of 1")
