"""Sums what several models have learned since they were one: start + sum of weight · (model - start).

Task arithmetic, Ilharco et al. 2022, arXiv:2212.04089, section 2. Computed as (1 - sum of weights) · start + sum of
weight · model, in fp64, rounded once: subtracting the start first would lose what a model has beside it. A term of
weight 0 is left out, so that one model of weight 1 comes out bit for bit. One parameter is in memory at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import reduce

import torch

from ds_stilts.models.weights import Weights

_CHUNK = 1 << 22
"""Elements of a model that are in memory beside the parameter that is being made."""

Part = tuple[Weights, Fraction]
"""A model's values, and its weight in the sum."""


def merged_parameters(
    start: Weights, parts: Sequence[Part], names: Iterable[str]
) -> Iterator[tuple[str, torch.Tensor]]:
    """The named parameters of the start model, merged, in fp32 on the CPU.

    Args:
        parts: models that were trained from it, summed in this order. A parameter that one of them lacks is as the
            start has it.
    """
    for name in names:
        yield name, _merged(name, start, [part for part in parts if part[0].has(name)])


def _merged(name: str, start: Weights, parts: Sequence[Part]) -> torch.Tensor:
    rest = 1 - sum((weight for _, weight in parts), Fraction())
    values = start.whole(name) if rest else torch.empty(start.shapes[name])
    flat = values.view(-1)
    for first in range(0, len(flat), _CHUNK):
        out = flat[first : first + _CHUNK]
        terms = [(out, rest)] if rest else []
        for model, weight in parts:
            if weight:
                own = torch.empty(len(out))
                model.copy_into(name, own, first)
                terms.append((own, weight))
        (term, weight), *others = terms
        total = float(weight) * term.double()
        for term, weight in others:
            total += float(weight) * term.double()
        out.copy_(total)
    return values


def mean_heads(parts: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The heads of all models, by "<head>.<parameter>"; of one that several have the mean, in fp64 rounded once.

    Heads begin at random values, not at the start model's, so there is nothing that a weight could be taken of.

    Raises:
        ValueError: two models have a head of one name in different shapes; its first argument is the name.
    """
    found: dict[str, list[torch.Tensor]] = {}
    for heads in parts:
        for name, values in heads.items():
            found.setdefault(name, []).append(values)
    for name, own in found.items():
        if len({tuple(values.shape) for values in own}) > 1:
            raise ValueError(name)
    return {
        name: (reduce(torch.add, [values.double() for values in own]) / len(own)).to(own[0].dtype)
        for name, own in found.items()
    }
