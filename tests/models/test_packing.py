"""Where sequences and their positions lie in a packed batch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.models.packing import Packing, order_by_length

LENGTHS = st.lists(st.integers(1, 20), max_size=12).map(lambda lengths: tuple(sorted(lengths)))


def test_equal_neighbours_form_one_group() -> None:
    assert Packing(lengths=(2, 2, 3, 5, 5, 5)).groups == [(2, 2), (1, 3), (3, 5)]


@given(LENGTHS)
def test_groups_hold_every_sequence_in_order(lengths: tuple[int, ...]) -> None:
    groups = Packing(lengths=lengths).groups
    assert [length for count, length in groups for _ in range(count)] == list(lengths)
    assert len({length for _, length in groups}) == len(groups)


@given(LENGTHS, st.integers(0, 2))
def test_positions_count_from_the_first_in_each_sequence(lengths: tuple[int, ...], first: int) -> None:
    packing = Packing(lengths=lengths)
    positions = packing.positions(first)
    assert positions.dtype == torch.long and len(positions) == packing.num_tokens
    for start, length in zip(packing.starts, lengths, strict=True):
        assert positions[start : start + length].tolist() == list(range(first, first + length))


@pytest.mark.parametrize("lengths", [(3, 2), (0, 1)])
def test_lengths_out_of_order_or_empty_are_a_fault(lengths: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError):
        Packing(lengths=lengths)


@given(st.lists(st.integers(1, 9)))
def test_ordering_by_length_is_stable(lengths: list[int]) -> None:
    order = order_by_length(lengths)
    assert [(lengths[i], i) for i in order] == sorted((length, i) for i, length in enumerate(lengths))
