"""What the ranks of a phase sent each other, as DeepSpeed's communication log has it (`comms_logger` in its JSON).

The log counts messages in full size: a sum over ranks or a gathering of Ψ elements is one message of Ψ, whatever the
network makes of it. It makes every operation wait for its end, so a run that is logged is slower than others; and the
times that it notes add up from one operation to the next (`timed_op` in deepspeed/comm/comm.py, 0.19), so they are left
out here.
"""

import json
from pathlib import Path
from typing import Any

from ds_stilts.engine.world import World

NAME = "communication.json"
_OF_A_SHARD = ("all_gather_into_tensor", "all_gather", "all_gather_coalesced")
"""Logged with the size of one rank's part (`get_msg_size_from_args` in deepspeed/comm/utils.py takes the input)."""


class CommunicationLog:
    """Begins with the phase, so that spreading the weights at the start is not in it; does nothing where it is off."""

    def __init__(self, world: World) -> None:
        from deepspeed.comm import comm

        self._world, self._log = world, comm.comms_logger
        self._log.comms_dict.clear()

    def write(self, folder: Path, steps: int) -> None:
        """Leave `communication.json` in a phase's folder: bytes and messages of each kind of operation, in a step of
        rank 0."""
        if not (self._log.enabled and self._world.is_main and steps):
            return
        kinds = {name: self._kind(name, sizes, steps) for name, sizes in sorted(self._log.comms_dict.items())}
        text = json.dumps({"world_size": self._world.size, "steps": steps, "of_a_step": kinds}, indent=1)
        (folder / NAME).write_text(text, encoding="utf-8")

    def _kind(self, name: str, sizes: dict[int, list[Any]], steps: int) -> dict[str, float]:
        times = self._world.size if name in _OF_A_SHARD else 1
        return {
            "messages": sum(found[0] for found in sizes.values()) / steps,
            "bytes": times * sum(size * found[0] for size, found in sizes.items()) / steps,
        }
