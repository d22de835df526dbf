"""Targets of text-to-text sequences, packed beside their sources. What stands in a target is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ds_stilts.models.packing import Packing
from ds_stilts.models.pairing import Pairing, order_targets


@dataclass(frozen=True, kw_only=True)
class PackedTargets:
    """Tokens to be written for packed sources, no padding."""

    ids: torch.Tensor
    """int64 [U]."""
    pairing: Pairing
    order: tuple[int, ...]
    """Which of the targets given lies at each place."""
    among: tuple[int, ...] = ()
    """If not empty: wanted are the logits of these tokens in the place of each target's last one, not losses."""

    def to(self, device: torch.device | str) -> "PackedTargets":
        return replace(self, ids=self.ids.to(device))

    def per_target(self, values_U: torch.Tensor) -> torch.Tensor:
        """Sums [number of targets] of a value per token, in the order in which the targets were given."""
        place = torch.tensor(self.order, dtype=torch.long)
        owner = torch.repeat_interleave(place, torch.tensor(self.pairing.targets.lengths)).to(values_U.device)
        return torch.zeros(len(self.order), device=values_U.device, dtype=values_U.dtype).index_add(0, owner, values_U)

    def last_rows(self) -> torch.Tensor:
        """int64 [number of targets]: the place in `ids` of each target's last token, in the order given."""
        packing = self.pairing.targets
        ends = torch.tensor(packing.starts) + torch.tensor(packing.lengths) - 1
        return torch.empty_like(ends).index_copy(0, torch.tensor(self.order), ends)

    def rows_of(self, chosen: Sequence[int]) -> torch.Tensor:
        """int64: places in `ids` of the tokens of some targets, one target after the other."""
        starts = dict(zip(self.order, self.pairing.targets.starts, strict=True))
        lengths = dict(zip(self.order, self.pairing.targets.lengths, strict=True))
        parts = [torch.arange(starts[i], starts[i] + lengths[i]) for i in chosen]
        return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.long)


def pack_targets(targets: Sequence[np.ndarray], source_places: Sequence[int], sources: Packing) -> PackedTargets:
    """Pack targets.

    Args:
        targets: token ids of each, at least one.
        source_places: for each, its source's place in packed order.
        sources: the packed sources.
    """
    order = order_targets([len(ids) for ids in targets], [sources.lengths[place] for place in source_places])
    packing = Packing(lengths=tuple(len(targets[i]) for i in order))
    pairing = Pairing(sources=sources, targets=packing, source_of=tuple(source_places[i] for i in order))
    ids = np.concatenate([np.zeros(0, np.int64), *(targets[i] for i in order)]).astype(np.int64)
    return PackedTargets(ids=torch.from_numpy(ids), pairing=pairing, order=tuple(order))


def label_targets(labels: Sequence[Sequence[int]], sources: Packing) -> PackedTargets:
    """Every label for every source: target `place * len(labels) + label` in the order given."""
    count = len(sources.lengths)
    return pack_targets(
        [np.asarray(label, np.int64) for _ in range(count) for label in labels],
        [place for place in range(count) for _ in labels],
        sources,
    )
