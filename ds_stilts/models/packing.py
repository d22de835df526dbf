"""How sequences of different lengths lie in one packed batch: one after the other, sorted by length, nothing between.

Sorting makes sequences of equal length neighbours, so that attention can view each such run as a dense block. The order
inside a batch has no influence on any result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch


@dataclass(frozen=True, kw_only=True)
class Packing:
    """Lengths of the packed sequences, in packed order.

    Args:
        lengths: tokens per sequence, non-decreasing.
    """

    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        assert all(length > 0 for length in self.lengths), "a packed sequence has at least one token"
        assert list(self.lengths) == sorted(self.lengths), "sequences are packed in order of their lengths"

    @property
    def num_tokens(self) -> int:
        return sum(self.lengths)

    @cached_property
    def groups(self) -> list[tuple[int, int]]:
        """(number of sequences, their common length) for each run of equal lengths, in packed order."""
        groups: list[tuple[int, int]] = []
        for length in self.lengths:
            if groups and groups[-1][1] == length:
                groups[-1] = (groups[-1][0] + 1, length)
            else:
                groups.append((1, length))
        return groups

    @cached_property
    def starts(self) -> list[int]:
        """Index of each sequence's first token in the packed batch (cu_seqlens without its last entry)."""
        starts, position = [], 0
        for length in self.lengths:
            starts.append(position)
            position += length
        return starts

    def bounds(self, device: torch.device) -> torch.Tensor:
        """int32 [S + 1]: where each sequence starts, and the end (cu_seqlens); made once for a device."""
        return self._on(device, "bounds", lambda: torch.tensor([*self.starts, self.num_tokens], dtype=torch.int32))

    def owners(self, device: torch.device) -> torch.Tensor:
        """int64 [T]: the sequence of each token; made once for a device."""
        lengths = self.lengths
        return self._on(device, "owners", lambda: torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths)))

    def _on(self, device: torch.device, name: str, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Every layer asks for the same."""
        place = (name, str(device))
        if place not in self._made:
            self._made[place] = make().to(device)
        return self._made[place]

    @cached_property
    def _made(self) -> dict[tuple[str, str], torch.Tensor]:
        return {}

    def positions(self, first: int, device: torch.device | str = "cpu") -> torch.Tensor:
        """int64 [T]: position of each token in its sequence, counted from `first`."""
        if not self.lengths:
            return torch.zeros(0, dtype=torch.long, device=device)
        return torch.cat([torch.arange(first, first + length) for length in self.lengths]).to(device)


def order_by_length(lengths: Sequence[int]) -> list[int]:
    """Indices that sort sequences by length, stable."""
    return sorted(range(len(lengths)), key=lengths.__getitem__)
