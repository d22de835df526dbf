"""Promises of the partition: a pure function, near the declared shares, distinct examples."""

import itertools
from collections import Counter

import pytest

from ds_stilts.synthetic.splits import SHARES, collect, part_of


def test_parts_get_their_share_of_all_meanings():
    counts = Counter(part_of(("meaning", i)) for i in range(4000))
    for name, share in SHARES.items():
        assert counts[name] / 4000 == pytest.approx(share, abs=0.03)


def test_collect_returns_distinct_examples_and_skips_what_is_not_valid():
    candidates = itertools.cycle([None, 1, 1, 2, None, 3])
    assert collect(lambda _: next(candidates), 3) == [1, 2, 3]


def test_collect_gives_up_on_a_world_that_is_too_small():
    with pytest.raises(AssertionError, match="too small"):
        collect(lambda _: 1, 2)
