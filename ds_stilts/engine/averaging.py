"""The mean of a phase's last weights (Izmailov et al. 2018, arXiv:1803.05407; Vaswani et al. 2017 average their last
checkpoints), taken while it trains.

Every rank sums what it keeps of the fp32 masters, so nothing is gathered and nothing is rounded to bf16. The sums are
saved with each checkpoint, in a file of each rank, and a run that is gone on with ends with the same bits.
"""

from pathlib import Path
from typing import Any

import torch

from ds_stilts.errors import CheckpointError, in_common


class Averaging:
    """Sums up an engine's weights.

    Args:
        engine: of any ZeRO stage, with its states in memory.
        steps: those after which weights count.
        rank: names this rank's file in a checkpoint.
    """

    def __init__(self, engine: Any, steps: list[int], rank: int) -> None:
        self._engine, self._steps, self._file = engine, steps, f"average-{rank}.pt"
        self._sums: list[torch.Tensor] = []

    def look(self, step: int) -> None:
        """Take the weights after a step along if they count."""
        if step not in self._steps:
            return
        own = own_masters(self._engine)
        if not self._sums:
            self._sums = [master.detach().clone() for master in own]
        else:
            for total, master in zip(self._sums, own, strict=True):
                total += master.detach()

    def save(self, folder: Path) -> list[Path]:
        """Write what was summed into a checkpoint that is being made; returns the files.

        Raises:
            OSError, RuntimeError: the disk is full.
        """
        if not self._sums:
            return []
        torch.save(self._sums, folder / self._file)
        return [folder / self._file]

    def restore(self, checkpoint: Path, step: int) -> None:
        """Go on from a verified checkpoint of that step.

        Raises:
            CheckpointError: another number of ranks has summed it.
        """
        if not any(own <= step for own in self._steps):
            return
        path = checkpoint / self._file
        own = own_masters(self._engine)
        sums = torch.load(path, weights_only=True, map_location="cpu") if path.exists() else []
        if [part.shape for part in sums] != [master.shape for master in own]:
            raise in_common(
                CheckpointError(
                    f"{checkpoint} holds a part of the phase's average, cut for another number of ranks, which cannot "
                    "be cut anew; go on with the number of ranks that saved it"
                )
            )
        self._sums = [part.to(master.device) for part, master in zip(sums, own, strict=True)]

    def finish(self) -> None:
        """Make the mean the engine's weights; a collective, after the last step."""
        with torch.no_grad():
            for total, master in zip(self._sums, own_masters(self._engine), strict=True):
                master.copy_(total / len(self._steps))
        self._sums = []
        _spread(self._engine)


def own_masters(engine: Any) -> list[torch.Tensor]:
    """The fp32 values that this rank's optimizer steps; writing into them changes the model only after `_spread`."""
    optimizer = engine.optimizer
    for name in ("fp32_partitioned_groups_flat", "single_partition_of_fp32_groups"):  # ZeRO-3; ZeRO-1 and 2
        if hasattr(optimizer, name):
            return list(getattr(optimizer, name))
    trained = [parameter for parameter in engine.module.parameters() if parameter.requires_grad]
    return [getattr(parameter, "fp32_master", parameter) for parameter in trained]  # stage 0: bf16, fp32


def _spread(engine: Any) -> None:
    """Bring the weights that forward passes read in line with the masters, as DeepSpeed does at the end of a step
    (runtime/zero/stage3.py, `_reassign_or_swap_out_partitioned_parameters` and `_post_step`; stage_1_and_2.py,
    `update_lp_params`)."""
    optimizer = engine.optimizer
    if hasattr(optimizer, "fp32_partitioned_groups_flat"):
        for number in range(len(optimizer.fp32_partitioned_groups_flat)):
            optimizer._reassign_or_swap_out_partitioned_parameters(number)
        if optimizer.persistent_parameters:
            optimizer.persistent_parameters[0].partition(optimizer.persistent_parameters)
            optimizer.persistent_parameters[0].all_gather(optimizer.persistent_parameters)
    elif hasattr(optimizer, "update_lp_params"):
        optimizer.update_lp_params()
    else:
        for parameter in engine.module.parameters():
            if hasattr(parameter, "fp32_master"):
                parameter.data.copy_(parameter.fp32_master.data)
