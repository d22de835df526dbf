"""Cuts the examples of one language into forward batches and deals them to ranks."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ds_stilts.data.prepared import Prepared


@dataclass(frozen=True)
class ForwardBatch:
    """Examples that go through the model together; all windows or choices of an example stay together."""

    sequences: list[int]
    """Indices of the sequences."""
    ghost: bool = False
    """Computed only to keep this rank in step with the others; its results are dropped."""


def deal(
    prepared: Prepared,
    *,
    rank: int,
    size: int,
    max_tokens: int,
    max_examples: int | None,
    done: Collection[int] = (),
) -> list[ForwardBatch]:
    """This rank's forward batches, as many as every other rank's; none where all is done.

    Examples are sorted by length (longest first, so that memory peaks at once) and cut under the token budget; batches
    go round the ranks; a rank that would have one less gets a ghost, since under ZeRO-3 all ranks must run the same
    number of forward passes.

    Args:
        max_tokens: budget of a batch; an example that alone exceeds it is a batch of its own.
        max_examples: upper limit of examples in a batch.
        done: examples that are not computed again. They leave batches after these are cut: an example that is left has
            the neighbours that it always has, or fewer.
    """
    bounds: np.ndarray = np.append(np.flatnonzero(np.diff(prepared.example, prepend=-1)), len(prepared.example))
    spans = [(int(a), int(b)) for a, b in pairwise(bounds)]
    tokens = [int(prepared.ids.offsets[b] - prepared.ids.offsets[a]) for a, b in spans]
    batches: list[list[int]] = []
    load = examples = 0
    for index in sorted(range(len(spans)), key=lambda i: (-tokens[i], i)):
        full = load + tokens[index] > max_tokens or (max_examples is not None and examples >= max_examples)
        if not batches or full:
            batches.append([])
            load = examples = 0
        batches[-1].extend(range(*spans[index]))
        load += tokens[index]
        examples += 1
    left = [[index for index in batch if int(prepared.example[index]) not in done] for batch in batches]
    batches = [batch for batch in left if batch]
    if not batches:
        return []
    rounds = -(-len(batches) // size)
    own = [ForwardBatch(batch) for batch in batches[rank::size]]
    return own + [ForwardBatch(batches[-1][:1], ghost=True)] * (rounds - len(own))
