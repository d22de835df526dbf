"""Which split a meaning belongs to, and how distinct examples of a split are collected.

A meaning is dealt to a split by a hash of itself, so that no meaning of a test set can occur in its training set,
however often it is drawn, and each split keeps the world's own frequencies.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

SHARES = {"train": 0.6, "dev": 0.15, "test": 0.25}
"""Share of all meanings that each split may use."""

Example = TypeVar("Example", bound=Hashable)


def part_of(meaning: object, shares: Mapping[str, float] = SHARES) -> str:
    """Name of the part that owns `meaning` (anything with a faithful repr); `shares` add up to 1."""
    digest = hashlib.blake2b(repr(meaning).encode(), digest_size=8).digest()
    position = int.from_bytes(digest, "big") / 2**64
    for name, share in shares.items():
        position -= share
        if position < 0:
            return name
    return next(reversed(list(shares)))


def collect(draw: Callable[[int], Example | None], number: int) -> list[Example]:
    """Collect `number` distinct examples.

    `draw(i)` makes a candidate for place i, or None where its random choices are not valid or belong to another split.
    It is called until a fresh example comes out.
    """
    examples: list[Example] = []
    seen: set[Example] = set()
    for index in range(number):
        for _ in range(100_000):
            example = draw(index)
            if example is not None and example not in seen:
                seen.add(example)
                examples.append(example)
                break
        else:
            raise AssertionError(f"the world is too small for {number} distinct examples")
    return examples
