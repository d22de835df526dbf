"""Whether tasks pull in one direction: the cosine between their gradients of a matrix that they share.

Tasks are mixed in every micro-batch and ZeRO sums and cuts up the gradients of all of them, so none is there to be
compared. But packed sequences never look at one another, so at a linear layer y = W x every row belongs to one task,
and W's gradient of a task is the sum over its rows of (gradient of y) ⊗ x: the backward pass brings both by, on every
rank, at any ZeRO stage. What is kept of it is a sketch, S₁ᵀ G S₂ with random signs in S₁ and S₂ (Achlioptas 2003,
Database-friendly random projections), whose inner products are those of G in expectation; G itself where it is small.

Conflicts between tasks are looked at so by Yu et al. 2020 (Gradient surgery, arXiv:2001.06782) and, between languages,
by Wang et al. 2021 (Gradient vaccine, arXiv:2010.05874).
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

SKETCH = 256
"""Rows and columns of a sketch at most. A cosine is off by about sqrt(2) / 256 where gradients have many directions,
and by no more than 0.09 (one standard deviation) where they have only one (arithmetic; see its test)."""


class GradientSketches:
    """Sketches of each task's gradient of some matrices, of the backward passes since the last `take`.

    Args:
        names: the tasks.
        layers: by what they are to be called, the linear layers; they are watched from now on.
    """

    def __init__(self, names: Sequence[str], layers: Mapping[int, nn.Linear]) -> None:
        self._names, self.layers = list(names), list(layers)
        self._sides = {layer: _signs(linear, layer) for layer, linear in layers.items()}
        self._found: dict[int, torch.Tensor] = {}
        self._tasks_T: torch.Tensor | None = None
        for layer, linear in layers.items():
            linear.register_forward_hook(lambda _, given, output, layer=layer: self._watch(layer, given[0], output))

    def begin(self, tasks_T: torch.Tensor) -> None:
        """Say whose the tokens of the next forward pass are: int64 [T], places in `names`; -1: nobody's."""
        self._tasks_T = tasks_T

    def take(self, device: torch.device) -> torch.Tensor:
        """fp32 [layers, tasks, side, side] of all backward passes since the last call; sides that are shorter than
        the longest are filled up with zeros."""
        long = [max(sides[end].shape[1] for sides in self._sides.values()) for end in (0, 1)]
        taken = torch.zeros(len(self.layers), len(self._names), *long, device=device)
        for place, layer in enumerate(self.layers):
            if layer in self._found:
                found = self._found.pop(layer)
                taken[place, :, : found.shape[1], : found.shape[2]] = found
        return taken

    def _watch(self, layer: int, given: torch.Tensor, output: torch.Tensor) -> None:
        tasks_T = self._tasks_T
        if tasks_T is None or not output.requires_grad:
            return
        given = given.detach()

        def add(gradient: torch.Tensor) -> None:
            left, right = (side.to(gradient.device) for side in self._sides[layer])
            self._sides[layer] = (left, right)
            pulled = gradient.detach().flatten(0, -2).float() @ left
            read = given.flatten(0, -2).float() @ right
            # A task's rows are not picked out but the others set to 0: how many there are would be a wait for the GPU.
            found = torch.stack(
                [(pulled * (tasks_T == place).unsqueeze(1)).T @ read for place in range(len(self._names))]
            )
            self._found[layer] = self._found[layer] + found if layer in self._found else found

        output.register_hook(add)


def cosines(
    halves: torch.Tensor, names: Sequence[str], layers: Sequence[int]
) -> dict[str, dict[str, dict[str, float]]]:
    """Cosine of each pair of tasks: by layer, task, and each task that stands behind it in `names`.

    A task's with itself is that between the two halves: how much of what is compared is its direction, and not
    the noise of few examples. Noise of its own in each of two tasks brings their cosine nearer to 0, by about the
    geometric mean of these two. Pairs of which one has no gradient are left out.

    Args:
        halves: [2, layers, tasks, side, side], sums of sketches over every other step.
    """
    flat = halves.double().flatten(3).cpu()
    whole = flat.sum(0)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for number, layer in enumerate(layers):
        own = found.setdefault(str(layer), {})
        for i, first in enumerate(names):
            for j, second in enumerate(names[i:], start=i):
                pair = flat[:, number, i] if i == j else whole[number, [i, j]]
                norms = pair.norm(dim=1)
                value = float(pair[0] @ pair[1]) / max(float(norms[0] * norms[1]), 1e-300)
                if float(norms.min()) > 0 and math.isfinite(value):
                    own.setdefault(first, {})[second] = round(value, 4)
    return found


def _signs(linear: nn.Linear, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random signs fp32 [out, side] and [in, side], scaled so that inner products are kept; the identity where a side
    is no longer than a sketch. Every rank makes the same."""
    generator = torch.Generator().manual_seed(seed)
    sides = []
    for width in (linear.out_features, linear.in_features):
        if width <= SKETCH:
            sides.append(torch.eye(width))
        else:
            signs = torch.randint(0, 2, (width, SKETCH), generator=generator) * 2 - 1
            sides.append(signs.float() / math.sqrt(SKETCH))
    return sides[0], sides[1]
