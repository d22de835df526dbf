"""What a round took, and what the encoder was given in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from ds_stilts.bench.job import Clock


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One variant's round."""

    steps: int
    tokens: int
    """Real tokens that the encoder was given."""
    slots: int
    """The same with padding."""
    seconds: float
    """By the clock of the measurement."""
    wall_s: float
    wait_s: float
    """Of `wall_s`, what steps waited for their batches."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Stopwatch:
    """Time of this process, on a device that works on its own until that is done.

    Args:
        clock: "cpu": seconds that all its threads have computed; "wall": seconds.
    """

    def __init__(self, clock: Clock, device: torch.device) -> None:
        self._read = time.process_time if clock == "cpu" else time.perf_counter
        self._device = device
        self.seconds = self.wall_s = self.wait_s = 0.0

    def start(self) -> None:
        self._settle()
        self.seconds, self.wall_s = -self._read(), -time.perf_counter()

    def stop(self) -> None:
        self._settle()
        self.seconds += self._read()
        self.wall_s += time.perf_counter()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time what happens inside."""
        self.start()
        yield
        self.stop()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what happens inside as waiting for data."""
        began = time.perf_counter()
        yield
        self.wait_s += time.perf_counter() - began

    def _settle(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


class Meter:
    """Counts what a Hugging Face encoder is given: the truth about padding, whatever the batches were meant to be."""

    def __init__(self, encoder: nn.Module) -> None:
        self._slots = 0
        self._real: list[torch.Tensor] = []
        encoder.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _module: nn.Module, _arguments: tuple[Any, ...], given: dict[str, Any]) -> None:
        self._slots += given["input_ids"].numel()
        mask = given.get("attention_mask")
        # On the device, so that no step waits for a number.
        self._real.append(torch.tensor(given["input_ids"].numel()) if mask is None else mask.sum())

    def take(self) -> tuple[int, int]:
        """Real tokens and slots since the last call."""
        counted = sum(int(real) for real in self._real), self._slots
        self._slots, self._real = 0, []
        return counted
