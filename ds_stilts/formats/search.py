"""Exact search for the nearest vectors by cosine, in blocks: memory does not grow with the product of the sizes.

All similarities are fp32 products of unit vectors, on the device where the vectors lie. What they are the vectors of is
not known here.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

BLOCK = 2048
"""Default edge of a block of similarities: 16 MiB in fp32, and some 50 MiB with what sorting them takes."""
CHUNK = 32
"""Columns of a block whose maximum stands for them until it is known which can matter."""
TIE = 5e-7
"""Cosines closer than this are equal: some units in the last place of fp32 near 1, the noise that one sentence's
cosine carries between batches and blocks, on which the choice among identical sentences would depend otherwise."""
_LOW = (1 << 32) - 1


@contextmanager
def _full_fp32() -> Iterator[None]:
    """TF32 keeps 10 bits, far too few to tell neighbours in an anisotropic space apart."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)


def _units(vectors_ND: Tensor, block: int) -> Seq[Tensor]:
    return normalize(vectors_ND.detach().float(), dim=1).split(block)


def nearest(query_ND: Tensor, corpus_MD: Tensor, block: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Index int64 [N] of the corpus vector with the largest cosine to each query, and that cosine fp32 [N].

    Among cosines equal up to `TIE` the lowest index wins.
    """
    assert corpus_MD.shape[0] > 0, "nothing to search in"
    with _full_fp32():
        corpus = _units(corpus_MD, block)
        found = [_nearest(queries, corpus) for queries in _units(query_ND, block)]
    return torch.cat([index for index, _ in found]), torch.cat([cosine for _, cosine in found])


def _nearest(queries: Tensor, corpus: Seq[Tensor]) -> tuple[Tensor, Tensor]:
    """Two passes: the largest cosine over all blocks, then the first index that reaches it."""
    best = torch.full((queries.shape[0],), float("-inf"), device=queries.device)
    for part in corpus:
        best = torch.maximum(best, (queries @ part.T).amax(dim=1))
    index = torch.full_like(best, -1, dtype=torch.int64)
    start = 0
    for part in corpus:
        reached = (queries @ part.T) >= (best - TIE)[:, None]
        here = (index < 0) & reached.any(dim=1)
        index = torch.where(here, start + reached.int().argmax(dim=1), index)
        start += part.shape[0]
    return index, best


def top_k(query_ND: Tensor, corpus_MD: Tensor, k: int, block: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Indices int64 [N, k] of the corpus vectors with the largest cosines to each query, and those cosines fp32 [N, k].

    Largest first; k is lowered to the size of the corpus. Among equal cosines the lower index comes first; give each
    text once, as a repeated one's cosines may differ in their last bits.
    """
    best = _none(query_ND, min(k, corpus_MD.shape[0]))
    for row, column, cosine_NM in _blocks(query_ND, corpus_MD, block):
        _improve(best[row : row + cosine_NM.shape[0]], cosine_NM, column)
    return _index(best), _cosine(best)


def top_k_both_ways(
    left_ND: Tensor, right_MD: Tensor, k: int, block: int = BLOCK
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """`top_k` of the left among the right, and of the right among the left, from one pass over their cosines.

    The cosine of a pair is the same number in both.
    """
    rights, lefts = _none(left_ND, min(k, right_MD.shape[0])), _none(right_MD, min(k, left_ND.shape[0]))
    for row, column, cosine_NM in _blocks(left_ND, right_MD, block):
        _improve(rights[row : row + cosine_NM.shape[0]], cosine_NM, column)
        _improve(lefts[column : column + cosine_NM.shape[1]], cosine_NM, row, down=True)
    return (_index(rights), _cosine(rights)), (_index(lefts), _cosine(lefts))


def _blocks(left_ND: Tensor, right_MD: Tensor, block: int) -> Iterator[tuple[int, int, Tensor]]:
    """First row, first column and cosines of each block of the table, left to right, then down; each is overwritten by
    the next, as memory that is new each time costs half as much time as the product."""
    lefts, rights = _units(left_ND, block), _units(right_MD, block)
    memory = torch.empty(lefts[0].shape[0] * rights[0].shape[0], device=left_ND.device)
    for i, left in enumerate(lefts):
        for j, right in enumerate(rights):
            shape = left.shape[0], right.shape[0]
            with _full_fp32():
                cosine_NM = torch.mm(left, right.T, out=memory[: shape[0] * shape[1]].view(shape))
            yield i * block, j * block, cosine_NM


# The best so far of each vector are k int64 keys in falling order: the cosine's rank above, the index, counted
# backwards, below. `topk` leaves open which of equal values it takes; with the index inside there are no equal values.


def _none(vectors_ND: Tensor, k: int) -> Tensor:
    assert k > 0, "nothing to search in"
    return torch.full((vectors_ND.shape[0], k), torch.iinfo(torch.int64).min, device=vectors_ND.device)


def _improve(best_NK: Tensor, cosine_NM: Tensor, start: int, down: bool = False) -> None:
    """Take a block's columns, counted from `start`, into the best of its rows; or `down`: its rows into its columns'.

    The k best of a row lie in the k chunks of `CHUNK` columns with the largest maxima, the earlier of equals: each
    chunk that comes before another has a column that comes before all of that one's. So reading a block once leaves
    k * CHUNK columns to sort, and none in rows whose largest maximum is not among the k best.
    """
    k, dim = best_NK.shape[1], 0 if down else 1
    if surplus := -cosine_NM.shape[dim] % CHUNK:
        # below every cosine, so there are at least k before them in the end
        cosine_NM = pad(cosine_NM, (0, 0, 0, surplus) if down else (0, surplus), value=float("-inf"))
    places = torch.arange(cosine_NM.shape[dim], device=cosine_NM.device)
    maxima = cosine_NM.unflatten(dim, (-1, CHUNK)).amax(dim=dim + 1)
    if down:
        maxima, cosine_NM = maxima.T.contiguous(), cosine_NM.T
    keys = _key(maxima, start + places[::CHUNK])
    better = (keys.amax(dim=1) > best_NK[:, -1]).nonzero()
    firsts = _LOW - start - (keys[better[:, 0]].topk(min(k, keys.shape[1]), dim=1).values & _LOW)
    kept = (firsts[:, :, None] + places[:CHUNK]).flatten(1)
    found = _key(cosine_NM[better, kept], start + kept)
    best_NK[better[:, 0]] = torch.cat([best_NK[better[:, 0]], found], dim=1).topk(k, dim=1).values


def _key(cosine: Tensor, index: Tensor) -> Tensor:
    return (_rank(cosine).long() << 32) | (_LOW - index)


def _index(keys: Tensor) -> Tensor:
    return _LOW - (keys & _LOW)


def _rank(cosine: Tensor) -> Tensor:
    """int32 in the order of fp32 values: their bits, with those of negative numbers turned round."""
    bits = (cosine + 0.0).view(torch.int32)  # + 0.0 makes one zero of two
    return torch.where(bits >= 0, bits, bits ^ 0x7FFFFFFF)


def _cosine(keys: Tensor) -> Tensor:
    bits = (keys >> 32).int()
    return torch.where(bits >= 0, bits, bits ^ 0x7FFFFFFF).view(torch.float32)
