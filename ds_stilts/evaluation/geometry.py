"""How the vectors of texts lie: alignment of gold pairs and uniformity of all (Wang and Isola 2020, arXiv:2005.10242).

Of unit vectors, alignment is the mean squared distance of a pair that means the same (equation 2 there with alpha 2),
uniformity the logarithm of the mean Gaussian potential exp(-2 |x - y|²) over all pairs of two texts (equation 3 with
t 2). Lower is better in both: 0 at best for pairs that coincide, -4 for vectors spread evenly in many dimensions. Kept
beside the rows they belong to, as vectors are not kept.
"""

import json
from collections.abc import Sequence as Seq
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

MOST_TEXTS = 16_384
"""Uniformity looks at all pairs of that many texts at most: every other, third, … one of a larger set."""
_BLOCK = 2048


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Figures of one language; None without pairs."""

    alignment: float | None
    uniformity: float | None
    pairs: int
    """Gold pairs that alignment is the mean of."""


def alignment(one_PD: Tensor, other_PD: Tensor) -> float:
    """Mean squared distance of the pairs [P, D] as unit vectors, fp64: 0 to 4."""
    difference = normalize(one_PD.double(), dim=1) - normalize(other_PD.double(), dim=1)
    return float(difference.square().sum(dim=1).mean())


def uniformity(vectors_ND: Tensor) -> float:
    """log of the mean of exp(-2 |x - y|²) over the pairs of two of N unit vectors; N is 2 or more.

    In fp64 and blocks: the product of two unit vectors x·y gives |x - y|² = 2 - 2 x·y.
    """
    step = -(-len(vectors_ND) // MOST_TEXTS)
    units = normalize(vectors_ND[::step].double(), dim=1)
    blocks = units.split(_BLOCK)
    total = torch.zeros((), dtype=torch.float64, device=units.device)
    for place, left in enumerate(blocks):
        for right in blocks[place:]:
            potential = (4 * (left @ right.T) - 4).exp()
            total += potential.sum() if right is not left else potential.triu(diagonal=1).sum()
    return float((total / (len(units) * (len(units) - 1) / 2)).log())


def geometry(vectors_ND: Tensor, own: range, pairs: Seq[tuple[int, int]]) -> Geometry:
    """The figures of one language.

    Args:
        vectors_ND: of all texts that are searched together.
        own: which of them are the language's.
        pairs: gold pairs of its queries, as places in `vectors_ND`.
    """
    places = torch.tensor(pairs, device=vectors_ND.device).reshape(-1, 2)
    return Geometry(
        alignment=alignment(vectors_ND[places[:, 0]], vectors_ND[places[:, 1]]) if pairs else None,
        uniformity=uniformity(vectors_ND[own.start : own.stop]) if len(own) > 1 else None,
        pairs=len(pairs),
    )


def write_geometry(folder: Path, language: str, found: Geometry) -> None:
    """Store them beside the rows of the language, before these: whole rows have theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{language}-geometry.tmp"
    temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")
    temporary.replace(folder / f"{language}-geometry.json")


def read_geometry(folder: Path, language: str) -> Geometry | None:
    """What `write_geometry` stored; None in folders of older versions."""
    path = folder / f"{language}-geometry.json"
    return Geometry(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
