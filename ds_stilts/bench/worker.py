"""A process for each variant, which builds its model once and then trains one round whenever it is asked.

Starting is not timed, no variant warms another's caches, and what DeepSpeed tells a process about its world does not
turn the Trainer's into a distributed one. While one computes, the others wait at their pipes.
"""

import os
import signal
import traceback
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ds_stilts.bench.clock import Measured
from ds_stilts.bench.job import Job
from ds_stilts.bench.variants import Dtype, Variant, dtype_of
from ds_stilts.errors import ClusterError, UserError

if TYPE_CHECKING:
    from ds_stilts.bench.model import Rig

Asked = tuple[Any, ...]
"""("loss",), ("warm",), ("round", number) or ("limit", dtype)."""


class Worker:
    """One variant's process, or without a variant the one that measures the machine; use it in a `with`."""

    def __init__(self, job: Job, variant: Variant | None) -> None:
        self._name = variant.name if variant else "the limit"
        context = get_context("forkserver")
        context.set_forkserver_preload([__name__, "torch", "transformers", "ds_stilts.bench.model"])
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, job, variant), daemon=True)
        self._process.start()
        theirs.close()  # so that the worker's end of the pipe is its own, and its end is told

    def loss(self) -> float:
        """Of the first batch of the first round, before any training, in fp32 and without dropout."""
        return float(self._ask("loss"))

    def warm(self) -> None:
        """Two steps that are not measured: first steps load code and take memory."""
        self._ask("warm")

    def round(self, number: int) -> Measured:
        """Train a round."""
        measured: Measured = self._ask("round", number)
        return measured

    def limit(self, dtype: Dtype) -> float:
        """See `ds_stilts.bench.limit.matmul_rate`."""
        return float(self._ask("limit", dtype))

    def _ask(self, *asked: Any) -> Any:
        try:
            self._connection.send(asked)
            kind, answer = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise ClusterError(
                f"the process of {self._name} has ended before its time, most often for want of memory; take a smaller "
                "--model or --batch, or fewer --variants"
            ) from None
        if kind == "value":
            return answer
        if isinstance(answer, UserError):
            raise answer
        raise RuntimeError(f"the process of {self._name} failed:\n{answer}")

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()
        self._process.join(timeout=10 if kind is None else 0.1)
        if self._process.is_alive():
            self._process.kill()  # in the middle of a round that nobody waits for any more
            self._process.join()


def _serve(connection: Connection, job: Job, variant: Variant | None) -> None:
    """Answer until the parent closes the pipe, or is gone."""
    _quiet()
    way: _Limit | _Training | None = None
    while True:
        try:
            asked: Asked = connection.recv()
        except (EOFError, ConnectionResetError):
            return
        try:
            way = way or (_Limit(job) if variant is None else _Training(job, variant))
            connection.send(("value", way.answer(asked)))
        except UserError as error:
            connection.send(("error", error))
        except Exception:
            connection.send(("error", traceback.format_exc()))


def _quiet() -> None:
    """Nothing is said but through the pipe, and Ctrl-C, which reaches the whole group, is the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    # One GPU is measured, and the Trainer would spread over all that it sees.
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def _device(job: Job) -> Any:
    import torch

    torch.set_num_threads(job.threads)
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


class _Limit:
    def __init__(self, job: Job) -> None:
        self._clock, self._device = job.clock, _device(job)

    def answer(self, asked: Asked) -> float:
        from ds_stilts.bench.limit import matmul_rate

        return matmul_rate(asked[1], self._clock, self._device)


class _Training:
    def __init__(self, job: Job, variant: Variant) -> None:
        from ds_stilts.bench.model import Rig
        from ds_stilts.bench.slices import Slices

        self._variant = variant
        rig = Rig(job, _device(job))
        self._slices = Slices(job, rig.data)
        self._way = _way(variant, job, rig)

    def answer(self, asked: Asked) -> Any:
        word, *rest = asked
        if word == "loss":
            return self._way.loss(self._slices.batches("mixed", 0)[0])
        if word == "warm":
            return self._way.round(self._slices.batches(self._variant.order, 0)[:2])
        batches = self._slices.batches(self._variant.order, *rest)
        measured = self._way.round(batches)
        expected = self._slices.tokens(batches)
        assert measured.tokens == expected, f"{measured.tokens} real tokens were trained on instead of {expected}"
        return measured


def _way(variant: Variant, job: Job, rig: "Rig") -> Any:
    """The variant's way of training; its libraries are loaded only in the process that needs them."""
    if variant.way == "trainer":
        from ds_stilts.bench.peers import TrainerWay

        return TrainerWay(job, rig, dtype_of(variant, job.dtype))
    from ds_stilts.bench.ours import EngineWay, PlainWay

    return (PlainWay if variant.way == "plain" else EngineWay)(job, rig, variant)
