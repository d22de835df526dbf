"""One encoder and several heads over one packed batch.

Every head runs in every forward pass, in one fixed order, with zero rows if the batch has none for it. DeepSpeed's
ZeRO-3 (and ZeRO-2 with offload) would otherwise re-apply the last gradient of an unused head, and ranks that hold
different tasks would reduce different buckets.
"""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from ds_stilts.models.encoder import Layer, PackedEncoder
from ds_stilts.models.packing import Packing


class MultiTaskModel(nn.Module):
    """Args:
    encoder: the shared encoder.
    heads: by name; run in sorted order.
    """

    def __init__(self, encoder: PackedEncoder, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict({name: heads[name] for name in sorted(heads)})

    def forward(
        self,
        ids_T: torch.Tensor,
        packing: Packing,
        rows: Mapping[str, torch.Tensor],
        types_T: torch.Tensor | None = None,
        layer: Layer = None,
        watch: Callable[[torch.Tensor], None] | None = None,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Encode once, then run every head.

        Args:
            ids_T, packing, types_T, layer: see `PackedEncoder`.
            rows: for each head, int64 [N] indices into the T tokens; a head that is not named reads none.
            watch: is shown the very states that heads read. Those returned may be a copy, which gets no gradient:
                ZeRO-3's hooks wrap what a module returns.

        Returns:
            The states [T, D] (at `layer` if given; [K, T, D] of several) and each head's logits [N, C], which are
            none where several layers are asked for.
        """
        states_TD = self.encoder(ids_T, packing, types_T, layer)
        if watch is not None:
            watch(states_TD)
        if isinstance(layer, tuple):
            return states_TD, {}
        none = torch.zeros(0, dtype=torch.long, device=states_TD.device)
        return states_TD, {name: head(states_TD[rows.get(name, none)]) for name, head in self.heads.items()}
