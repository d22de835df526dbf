"""Packed attention against plain softmax attention, sequence by sequence."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.models.attention import packed_attention
from ds_stilts.models.packing import Packing


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 99))
def test_each_sequence_attends_to_itself_alone(lengths: list[int], seed: int) -> None:
    packing = Packing(lengths=tuple(sorted(lengths)))
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(1, 2, packing.num_tokens, 4, generator=generator) for _ in range(3))
    attended, weights = packed_attention(torch.nn.Module(), query, key, value, None, packing=packing, scaling=0.3)
    assert weights is None and attended.shape == (1, packing.num_tokens, 2, 4)
    for start, length in zip(packing.starts, packing.lengths, strict=True):
        own = slice(start, start + length)
        scores = torch.softmax(query[0, :, own] @ key[0, :, own].transpose(1, 2) * 0.3, dim=-1)
        torch.testing.assert_close(attended[0, own], (scores @ value[0, :, own]).transpose(0, 1))
