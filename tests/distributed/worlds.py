"""Runs a function in a world of real rank processes, each forked from one warm server that has everything imported.

Every scenario gets fresh processes and so one DeepSpeed engine a process at most in its first use: bit-exact tests must
not hold two. The server is started once per test run.
"""

import multiprocessing
import os
import queue
import time
import traceback
from collections.abc import Callable
from typing import Any

from ds_stilts.cluster.local import free_port

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["deepspeed", "transformers", "torch.utils.tensorboard", "ds_stilts.phases"])


def _rank(
    function: Callable[..., Any], rank: int, size: int, port: int, arguments: tuple[Any, ...], results: Any
) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(size), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    from ds_stilts.engine.world import World

    try:
        results.put((rank, "value", function(World.join(), *arguments)))
    except BaseException:
        results.put((rank, "error", traceback.format_exc()))
    results.close()
    results.join_thread()
    os._exit(0)


def run_world(size: int, function: Callable[..., Any], *arguments: Any, timeout_s: float = 150.0) -> list[Any]:
    """Call `function(world, *arguments)` in `size` ranks; returns their values in rank order.

    Raises:
        AssertionError: a rank failed (its traceback), died, or the world did not end in time.
    """
    results = _CONTEXT.Queue()
    port = free_port()
    ranks = [
        _CONTEXT.Process(target=_rank, args=(function, rank, size, port, arguments, results)) for rank in range(size)
    ]
    for process in ranks:
        process.start()
    values: dict[int, Any] = {}
    try:
        deadline = time.monotonic() + timeout_s
        while len(values) < size:
            try:
                rank, kind, value = results.get(timeout=1.0)
            except queue.Empty:
                assert time.monotonic() < deadline, f"{size} ranks did not end within {timeout_s} s"
                dead = [process.exitcode for process in ranks if process.exitcode not in (None, 0)]
                assert not dead, f"a rank died with exit code {dead[0]}"
                continue
            assert kind == "value", f"rank {rank}:\n{value}"
            values[rank] = value
    finally:
        for process in ranks:
            process.join(timeout=5)
            if process.is_alive():
                process.kill()
                process.join()
    return [values[rank] for rank in range(size)]
