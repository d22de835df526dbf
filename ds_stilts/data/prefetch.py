"""Batches made ahead of the step that needs them, on a thread of their own.

What a step holds is a function of its number alone, so a run that is gone on with asks for the same steps again, and
nothing of what was made ahead has to be stored.
"""

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch

from ds_stilts.data.batch import Masking, PackedBatch, training_batch
from ds_stilts.data.steps import StepPlanner, StepShare, TaskData

_AHEAD = 2
"""Steps that may wait: one would do, the other evens out long ones."""
_LOOK_AGAIN_S = 0.005
"""Between two looks for a step that is not drawn yet: little beside a validation."""


class Step(NamedTuple):
    """One rank's part of a step, with its batches."""

    number: int
    share: StepShare
    batches: list[PackedBatch]
    """One for each micro-batch, in pinned memory where they go to a GPU."""


class Prefetch:
    """Steps in order, each made while those before it are trained on; to be closed.

    An error of the thread is raised where its step is asked for.

    Args:
        steps: which.
        device: where the batches will go.
    """

    def __init__(
        self,
        planner: StepPlanner,
        tasks: Mapping[str, TaskData],
        masking: Masking,
        *,
        rank: int,
        steps: range,
        device: torch.device,
    ) -> None:
        self._planner, self._tasks, self._masking = planner, tasks, masking
        self._rank, self._steps, self._pins = rank, steps, device.type == "cuda"
        self._ready: queue.Queue[Step | BaseException] = queue.Queue(_AHEAD)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Step]:
        for _ in self._steps:
            made = self._ready.get()
            if isinstance(made, BaseException):
                raise made
            yield made

    def close(self) -> None:
        """End the thread, wherever it is."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            for number in self._steps:
                while not self._planner.knows(number):  # its shares follow from a validation that is still to come
                    if self._over.wait(_LOOK_AGAIN_S):
                        return
                if not self._put(self._make(number)):
                    return
        except BaseException as error:
            self._put(error)

    def _make(self, number: int) -> Step:
        share = self._planner.share(number, self._rank)
        batches = [training_batch(slots, self._tasks, number, self._masking) for slots in share.micro_batches]
        return Step(number, share, [batch.pin_memory() for batch in batches] if self._pins else batches)

    def _put(self, made: Step | BaseException) -> bool:
        """Hand something over as soon as there is room; False if nobody wants it any more."""
        while not self._over.is_set():
            try:
                self._ready.put(made, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
