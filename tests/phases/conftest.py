"""A world of one rank, for phases that are collectives."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.phases.context import Ranks


class Alone(World):
    """A world of one rank without a process group."""

    def __init__(self) -> None:
        super().__init__(0, 1, torch.device("cpu"))

    def barrier(self) -> None: ...

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        return values.double()

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def meet(self, waiting: Callable[[], Any]) -> None: ...


@pytest.fixture
def ranks(tmp_path: Path) -> Iterator[Ranks]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)}
    yield Ranks(world=Alone(), stop=StopSource(Alone(), tmp_path))
    for number, handler in before.items():
        signal.signal(number, handler)
