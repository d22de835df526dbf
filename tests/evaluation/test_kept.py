"""An evaluation that was interrupted goes on: no example is computed twice, and rows of something else never count."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ds_stilts.engine import stop
from ds_stilts.engine.objective import Objective
from ds_stilts.errors import StoppedCleanly
from ds_stilts.evaluation import kept
from ds_stilts.evaluation.kept import Shard
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.rows import Origin, read_rows
from ds_stilts.tasks.examples import PairExample
from tests.evaluation.test_harness import declare, objective, one_pool, run, score, signals
from tests.evaluation.test_rows import row

__all__ = ["objective", "signals"]
MADE = declare([PairExample(id=str(i), premise="p", hypothesis="h", label="abc"[i % 3]) for i in range(17)])


class Counting:
    """A model that notes how many sequences it is given, and does something before each batch."""

    def __init__(self, inner: Objective, before: Callable[[int], None] = lambda _: None) -> None:
        self._inner, self._before = inner, before
        self.sequences: list[int] = []

    def __call__(self, batch: Any, *rest: Any) -> Any:
        self._before(len(self.sequences))
        self.sequences.append(len(batch.packing.lengths))
        return self._inner(batch, *rest)


class Killed(Exception):
    """Stands for the end of the process."""


def die_at(turn: int) -> Callable[[int], None]:
    def before(done: int) -> None:
        if done == turn:
            raise Killed

    return before


def always_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "WRITE_EVERY_S", 0.0)
    monkeypatch.setattr(kept, "_SHARE_OF_TIME", float("inf"))


def test_only_what_has_no_row_is_computed_and_the_rows_are_those_of_an_undisturbed_run(
    objective: Objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_write(monkeypatch)
    whole = score(objective, MADE, tmp_path / "whole", batch_tokens=30)
    for turn in (0, 1, 3):
        folder = tmp_path / str(turn)
        broken = Counting(objective, die_at(turn))
        with pytest.raises(Killed):
            score(broken, MADE, folder, batch_tokens=30)
        left = Counting(objective)
        assert score(left, MADE, folder, batch_tokens=30) == whole, "to the last bit: batches are the same"
        assert sum(broken.sequences) + sum(left.sequences) == 17
        nothing = Counting(objective)
        assert score(nothing, MADE, folder) == whole and nothing.sequences == []


@pytest.mark.parametrize(("size", "tokens"), [(1, 8), (3, 40), (5, 60)])
def test_it_goes_on_with_other_ranks_and_batches(
    size: int, tokens: int, objective: Objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_write(monkeypatch)
    whole = score(objective, MADE, tmp_path / "whole")
    broken = Counting(objective, die_at(4))
    with pytest.raises(Killed):
        score(broken, MADE, tmp_path / "b", size=2, batch_tokens=30)
    there = {index for path in (tmp_path / "b").glob("*.parquet") for index in pq.read_table(path)["index"].to_pylist()}
    assert 0 < len(there) < 17
    left = Counting(objective)
    rows = score(left, MADE, tmp_path / "b", size=size, batch_tokens=tokens)
    assert [row["index"] for row in rows] == list(range(17))
    assert [row["prediction"] for row in rows] == [row["prediction"] for row in whole]
    assert [row["score"] for row in rows] == pytest.approx([row["score"] for row in whole], abs=1e-5)
    held = [index for path in (tmp_path / "b").glob("*.parquet") for index in pq.read_table(path)["index"].to_pylist()]
    assert len(held) == 17, "no example has two rows"
    assert 0 <= sum(left.sequences) - (17 - len(there)) < size, "the rest, and ghosts"


def test_rows_of_another_model_or_other_data_are_made_again(objective: Objective, tmp_path: Path) -> None:
    score(objective, MADE, tmp_path, made_by="one", size=2)
    (tmp_path / "en-7.tmp").write_bytes(b"PAR1 half")
    again = Counting(objective)
    score(again, MADE, tmp_path, made_by="another")
    assert sum(again.sequences) == 17
    assert [path.name for path in tmp_path.iterdir() if path.name != "none"] == ["en-0.parquet"]
    same = Counting(objective)
    score(same, MADE, tmp_path, made_by="another")
    assert same.sequences == []


@pytest.mark.parametrize("damage", [b"", b"PAR1 half", None])
def test_a_damaged_shard_is_made_again(damage: bytes | None, objective: Objective, tmp_path: Path) -> None:
    whole = score(objective, MADE, tmp_path, size=2, batch_tokens=30)
    path = tmp_path / "en-1.parquet"
    lost = pq.read_table(path).num_rows
    path.write_bytes(path.read_bytes()[:-50] if damage is None else damage)
    again = Counting(objective)
    assert score(again, MADE, tmp_path, batch_tokens=30) == whole
    assert sum(again.sequences) == lost


def test_a_stop_keeps_the_batches_that_are_done_though_it_was_not_yet_time_to_write(
    objective: Objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "_ASK_EVERY_S", 0.0)  # at every batch
    stopped = Counting(objective, lambda done: (tmp_path / "STOP").touch() if done == 4 else None)
    with pytest.raises(StoppedCleanly, match="0 of 1 languages scored"):
        score(stopped, MADE, tmp_path, size=2, batch_tokens=8)
    (tmp_path / "STOP").unlink()
    left = Counting(objective)
    score(left, MADE, tmp_path, batch_tokens=8)
    assert len(stopped.sequences) in (5, 6) and sum(stopped.sequences) + sum(left.sequences) == 17


def test_languages_that_are_searched_as_one_are_all_embedded_again_and_those_written_stay(
    objective: Objective, tmp_path: Path
) -> None:
    work, _ = one_pool()

    def go() -> list[int]:
        model = Counting(objective)
        run(model, work, tmp_path, size=1, batch_tokens=4096, pooling=Pooling(layer=2))
        return model.sequences

    assert go() == [4, 3, 3]
    whole = [read_rows(tmp_path, language) for language in ("en", "de")]
    assert go() == []
    (tmp_path / "de-0.parquet").unlink()  # as if it was killed between the two
    before = (tmp_path / "en-0.parquet").stat().st_mtime_ns
    assert go() == [4, 3, 3]
    assert (tmp_path / "en-0.parquet").stat().st_mtime_ns == before
    assert [read_rows(tmp_path, language) for language in ("en", "de")] == whole


def test_rows_are_on_disk_every_few_seconds_and_not_at_each_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    sizes = []
    with Shard(tmp_path, "de", 3, Origin(made_by="m", num_rows=40)) as shard:
        for number in range(40):
            now += 1.0
            shard.add([row(number)])
            paths = list(tmp_path.iterdir())
            sizes.append(pq.read_table(paths[0]).num_rows if paths else 0)
    assert sizes == [10 * (number // 10) for number in range(1, 41)]
    assert [path.name for path in tmp_path.iterdir()] == ["de-3.parquet"]
    assert json.loads(pq.read_schema(tmp_path / "de-3.parquet").metadata[b"ds_stilts"]) == {
        "made_by": "m",
        "num_rows": 40,
    }
