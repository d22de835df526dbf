"""Opened files: rows over many record batches, small ids, nothing copied into memory that can stay on disk."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.data.encode import Chunk, encode, schema
from ds_stilts.data.prepared import Ragged, open_prepared
from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import TextExample
from tests.small import tokenizer

PARTS = st.lists(st.lists(st.lists(st.integers(0, 60000), max_size=4), max_size=5), max_size=5)


def part(rows):
    return np.array([v for row in rows for v in row], np.uint16), np.cumsum([0] + [len(row) for row in rows])


@given(PARTS)
def test_rows_over_several_parts_are_those_of_one_list(parts) -> None:
    made, wanted = Ragged([part(rows) for rows in parts]), [row for rows in parts for row in rows]
    assert len(made) == len(wanted)
    assert [made[i].tolist() for i in range(len(made))] == wanted
    assert made.lengths.tolist() == [len(row) for row in wanted]
    assert made.offsets.tolist() == np.cumsum([0, *map(len, wanted)]).tolist()
    assert made.count(lambda values: values % 2 == 1).tolist() == [sum(v % 2 for v in row) for row in wanted]


@pytest.mark.parametrize("index", [3, 100])
def test_a_row_that_is_not_there_is_an_error(index: int) -> None:
    with pytest.raises(IndexError):
        Ragged([part([[1], [2, 3], []])])[index]


@pytest.mark.parametrize(("pieces", "kind"), [(65536, np.uint16), (65537, np.uint32)])
def test_ids_take_two_bytes_as_long_as_the_vocabulary_allows(pieces: int, kind: type, tmp_path) -> None:
    class Sized:
        def __len__(self) -> int:
            return pieces

    columns = schema(Sized(), "none")
    largest = pieces - 1
    values = {name: [[largest]] if name == "ids" else [[0]] for name in ("ids", "rows", "targets", "info")}
    batch = pa.record_batch([*values.values(), [0], [0], [True]], schema=columns)
    with pa.ipc.new_file(tmp_path / "a.arrow", columns) as writer:
        writer.write_batch(batch)
    opened = open_prepared([tmp_path / "a.arrow"])
    assert opened.ids[0].dtype == kind and opened.ids[0].tolist() == [largest]
    assert opened.rows[0].dtype == np.int32


def test_opening_copies_no_list_column(tmp_path) -> None:
    lines = [TextExample(id=str(n), text="abc" * 20) for n in range(2000)]
    chunk = Chunk(task=get_task("text"), limits=Limits(max_tokens=64), training=True, first=0, examples=lines)
    batch = encode(chunk, tokenizer())
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(path, schema(tokenizer(), "none")) as writer:
        for _ in range(3):
            writer.write_batch(batch)
    before = pa.total_allocated_bytes()
    opened = open_prepared([path])
    assert pa.total_allocated_bytes() - before < 10_000  # the ids alone are 3 x 2000 x 63 x 2 bytes
    for values, _ in opened.ids.parts:
        assert not values.flags.owndata and not values.flags.writeable


@pytest.mark.parametrize("texts", [["", "ab"], ["ab", ""], [""]])
def test_a_chunk_of_which_training_keeps_nothing_is_no_fault(texts: list[str], tmp_path) -> None:
    path, kept = tmp_path / "a.arrow", [n for n, text in enumerate(texts) if text]
    with pa.ipc.new_file(path, schema(tokenizer(), "none")) as writer:
        for first, text in enumerate(texts):
            examples = [TextExample(id=str(first), text=text)]
            chunk = Chunk(
                task=get_task("text"), limits=Limits(max_tokens=64), training=True, first=first, examples=examples
            )
            writer.write_batch(encode(chunk, tokenizer()))
    assert open_prepared([path]).example.tolist() == kept
    twice = open_prepared([path, path])
    assert twice.num_items == 2 * len(kept) and (np.diff(twice.example) > 0).all()


def test_a_damaged_file_names_the_remedy(tmp_path) -> None:
    (tmp_path / "a.arrow").write_bytes(b"ARROW1\0\0 and no more")
    with pytest.raises(DataError, match=r"a\.arrow cannot be opened .*; remove it, and it is made again"):
        open_prepared([tmp_path / "a.arrow"])
