"""Each way of attending over packed sequences against plain softmax attention, sequence by sequence."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AttentionInterface

from ds_stilts.models.attention import WAYS, registered
from ds_stilts.models.packing import Packing

EVERYWHERE = ("grouped", "block_diagonal", "eager")
"""Ways that need no GPU."""


@pytest.mark.parametrize("way", EVERYWHERE)
@settings(deadline=None, max_examples=30)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_each_sequence_attends_to_itself_alone(way: str, lengths: list[int], seed: int) -> None:
    packing = Packing(lengths=tuple(sorted(lengths)))
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(1, 2, packing.num_tokens, 4, generator=generator) for _ in range(3))
    attended, weights = AttentionInterface()[registered(way)](
        torch.nn.Module(), query, key, value, None, packing=packing, scaling=0.3
    )
    assert weights is None and attended.shape == (1, packing.num_tokens, 2, 4)
    for start, length in zip(packing.starts, packing.lengths, strict=True):
        own = slice(start, start + length)
        scores = torch.softmax(query[0, :, own] @ key[0, :, own].transpose(1, 2) * 0.3, dim=-1)
        torch.testing.assert_close(attended[0, own], (scores @ value[0, :, own]).transpose(0, 1))


@pytest.mark.parametrize("way", EVERYWHERE)
def test_probabilities_are_dropped_while_the_mean_stays(way: str) -> None:
    torch.manual_seed(1)
    packing = Packing(lengths=(2, 3, 3))
    states = [torch.randn(2, 8, 4) for _ in range(3)]
    whole = WAYS[way](*states, packing, 0.5, 0.0)
    draws = torch.stack([WAYS[way](*states, packing, 0.5, 0.25) for _ in range(2000)])
    assert ((draws.mean(dim=0) - whole).abs() < 6 * draws.std(dim=0) / len(draws) ** 0.5 + 1e-6).all()
    assert not torch.equal(draws[0], draws[1])


def test_bounds_are_where_sequences_start_and_end() -> None:
    packing = Packing(lengths=(2, 3, 3))
    assert packing.bounds(torch.device("cpu")).tolist() == [0, 2, 5, 8]
    assert packing.bounds(torch.device("cpu")).dtype is torch.int32
    assert packing.owners(torch.device("cpu")).tolist() == [0, 0, 1, 1, 1, 2, 2, 2]
