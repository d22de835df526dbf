"""Packed batches: every row still points at the token it was made for, and masks depend on the place alone."""

import numpy as np
import pytest
import torch

from ds_stilts.data.batch import Masking, PackedBatch, scoring_batch, training_batch
from ds_stilts.data.prepared import Prepared
from ds_stilts.data.steps import Slot, TaskData, task_data
from ds_stilts.recipe import Training
from tests.small import prepared, task

MASK = 99
SPECIAL = frozenset({0, 1, 2, 3})
MASKING = Masking(seed=5, rate=0.3, special_ids=SPECIAL, mask_id=MASK, vocabulary_size=100)

TAGS = prepared(
    [[0, 11, 12, 13, 14, 2], [0, 21, 22, 2], [0, 31, 32, 33, 34, 35, 36, 2]],
    rows=[[1, 3], [2], [1, 4, 6]],
    targets=[[7, 8], [9], [4, 5, 6]],
)
PAIRS = prepared([[0, 41, 2, 2, 42, 43, 2], [0, 51, 2]], second=[4, 0], targets=[[1], [0]])
CHOICES = prepared(
    [[0, 61, 2, 2, 62, 2], [0, 61, 2, 2, 63, 64, 65, 2], [0, 71, 2, 2, 72, 2], [0, 71, 2, 2, 73, 2]],
    second=[4, 4, 4, 4],
    targets=[[1], [], [0], []],
    example=[0, 0, 1, 1],
    per_item=2,
)
TEXT = prepared([[0, *range(10, 40), 2], [0, *range(40, 55), 2]], rows=[[], []], targets=[[], []])


def declared(name: str, format: str, data: Prepared) -> TaskData:
    return task_data(task(name, format, num_choices=2, labels=("a", "b")), data, Training(masking=0.3), SPECIAL)


DATA = {
    "pos": declared("pos", "tagging", TAGS),
    "nli": declared("nli", "sentence_pair", PAIRS),
    "copa": declared("copa", "multiple_choice", CHOICES),
    "text": declared("text", "masked_lm", TEXT),
}
MIXED = [
    Slot("pos", 2, 0),
    Slot("copa", 0, 1),
    Slot("nli", 0, 2),
    Slot("text", 1, 3),
    Slot("pos", 1, 4),
    Slot("copa", 1, 5),
    Slot("nli", 1, 6),
    Slot("pos", 0, 7),
]


def parts(batch: PackedBatch, values: torch.Tensor) -> list[list[int]]:
    """A packed tensor, sequence by sequence."""
    return [part.tolist() for part in values.split(list(batch.packing.lengths))]


@pytest.fixture(scope="module")
def batch() -> PackedBatch:
    return training_batch(MIXED, DATA, step=0, masking=MASKING)


def test_every_token_of_every_item_is_there_once_and_nothing_else(batch: PackedBatch) -> None:
    expected = [
        *(TAGS.ids[i].tolist() for i in (0, 1, 2)),
        *(PAIRS.ids[i].tolist() for i in (0, 1)),
        *(CHOICES.ids[i].tolist() for i in range(4)),
    ]
    found = parts(batch, batch.ids)
    text = [ids for ids in found if len(ids) == 17]
    assert sorted(ids for ids in found if len(ids) != 17) == sorted(expected)
    assert len(text) == 1 and len(found) == 10
    assert batch.ids.dtype == batch.types.dtype == torch.long
    assert len(batch.ids) == len(batch.types) == batch.packing.num_tokens


def test_rows_point_at_the_tokens_they_were_made_for_in_the_order_of_the_slots(batch: PackedBatch) -> None:
    tags = batch.tasks["pos"]
    assert batch.ids[tags.rows].tolist() == [31, 34, 36, 22, 11, 13]
    assert tags.targets.tolist() == [4, 5, 6, 9, 7, 8]
    assert tags.rows_per_sequence.tolist() == [3, 1, 2]
    pairs = batch.tasks["nli"]
    assert pairs.targets.tolist() == [1, 0]
    assert [batch.ids[row + 1].item() for row in pairs.rows] == [41, 51]


def test_choices_of_an_example_stay_neighbours_in_their_heads_rows(batch: PackedBatch) -> None:
    choices = batch.tasks["copa"]
    assert choices.targets.tolist() == [1, 0]
    assert [batch.ids[row + 4].item() for row in choices.rows] == [62, 63, 72, 73]
    assert [batch.ids[row].item() for row in choices.rows] == [0, 0, 0, 0]


def test_token_types_are_one_from_the_second_segment_on(batch: PackedBatch) -> None:
    found = dict(zip(map(tuple, parts(batch, batch.ids)), parts(batch, batch.types), strict=True))
    assert found[0, 41, 2, 2, 42, 43, 2] == [0, 0, 0, 0, 1, 1, 1]
    assert found[0, 61, 2, 2, 63, 64, 65, 2] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert found[0, 51, 2] == [0, 0, 0]
    assert found[0, 11, 12, 13, 14, 2] == [0] * 6


def test_masked_rows_hold_the_true_tokens_as_targets(batch: PackedBatch) -> None:
    text = batch.tasks["text"]
    start = batch.packing.starts[batch.packing.lengths.index(17)]
    assert len(text.rows) == round(0.3 * 15) == int(DATA["text"].units[1])
    assert [TEXT.ids[1][row - start] for row in text.rows.tolist()] == text.targets.tolist()
    untouched = sorted(set(range(17)) - {row - start for row in text.rows.tolist()})
    assert [batch.ids[start + i].item() for i in untouched] == [TEXT.ids[1][i] for i in untouched]


def text_seen(slots: list[Slot], step: int, seed: int = 5) -> list[int]:
    """What the model is shown of the text item in place 3."""
    masking = Masking(seed=seed, rate=0.3, special_ids=SPECIAL, mask_id=MASK, vocabulary_size=100)
    made = training_batch(slots, DATA, step=step, masking=masking)
    return next(ids for ids in parts(made, made.ids) if len(ids) == 32)


def test_a_mask_depends_on_seed_step_and_place_only() -> None:
    item = Slot("text", 0, 3)
    alone = text_seen([item], step=4)
    assert alone == text_seen([Slot("pos", 0, 0), Slot("text", 1, 7), item, Slot("nli", 0, 1)], step=4)
    assert alone != text_seen([item], step=5)
    assert alone != text_seen([item], step=4, seed=6)
    assert alone != text_seen([Slot("text", 0, 4)], step=4)


def test_masking_leaves_the_prepared_data_as_it_is() -> None:
    before = TEXT.ids.parts[0][0].copy()
    for step in range(5):
        training_batch([Slot("text", 0, 0), Slot("text", 1, 1)], DATA, step=step, masking=MASKING)
    assert np.array_equal(TEXT.ids.parts[0][0], before)


def test_scoring_keeps_the_order_of_the_sequences_asked_for() -> None:
    made = scoring_batch("pos", TAGS, [2, 0, 1])
    assert list(made.tasks) == ["pos"]
    assert made.ids[made.tasks["pos"].rows].tolist() == [31, 34, 36, 11, 13, 22]
    assert made.tasks["pos"].rows_per_sequence.tolist() == [3, 2, 1]
    assert made.packing.lengths == (4, 6, 8)


def test_text_is_not_masked_when_it_is_scored() -> None:
    made = scoring_batch("text", TEXT, [0])
    assert made.ids.tolist() == TEXT.ids[0].tolist()
    assert len(made.tasks["text"].rows) == 0


def test_moving_a_batch_keeps_what_it_holds(batch: PackedBatch) -> None:
    moved = batch.to("cpu")
    assert torch.equal(moved.ids, batch.ids) and moved.packing == batch.packing
    assert set(moved.tasks) == set(batch.tasks)


def test_each_token_is_of_the_task_whose_row_its_sequence_has() -> None:
    batch = training_batch([Slot("pos", 1, 0), Slot("copa", 0, 1), Slot("nli", 1, 2)], DATA, 0, MASKING)
    owners = {21: "pos", 61: "copa", 51: "nli"}  # by the first token after the special one

    def found(names: list[str]) -> set[tuple[str, int]]:
        pairs = zip(parts(batch, batch.ids), parts(batch, batch.tasks_of_tokens(names)), strict=True)
        return {(owners[ids[1]], place) for ids, places in pairs for place in places}

    assert found(["nli", "pos", "copa"]) == {("nli", 0), ("pos", 1), ("copa", 2)}
    # one that is none of them, as a probe's is in a phase that it looks at
    assert found(["nli", "pos"]) == {("nli", 0), ("pos", 1), ("copa", -1)}
