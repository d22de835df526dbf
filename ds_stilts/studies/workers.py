"""Processes that work on stages side by side: forked from one that has imported everything, ended together.

Each worker forks the ranks of its stages itself (`ds_stilts.cluster.local`). Unlike the ranks of one stage they do not
wait for one another, so one that ends early takes nobody along.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

from ds_stilts.cluster.local import stop_on_signals
from ds_stilts.cluster.parent import end_with_parent
from ds_stilts.errors import StoppedCleanly

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)


def run_workers(work: Callable[[int], None], workers: int) -> None:
    """Run `work(number)` in so many forked processes and wait for all of them.

    TERM, INT and USR2 are passed on, once; the workers stop cleanly, each in its own time. If this process dies, the
    system kills them.

    Raises:
        StoppedCleanly: a worker stopped on request.
        RuntimeError: a worker died otherwise; what it said is on standard error.
    """
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_worker_main, args=(work, number, os.getpid()), name=f"worker {number}")
        for number in range(workers)
    ]
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal while workers are being forked must neither miss one of them nor meet the handlers of before: it waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    for process in processes:
        process.start()
    previous = {number: signal.signal(number, lambda number, _: _pass_on(processes, number)) for number in _STOPPING}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    try:
        while running := [process.sentinel for process in processes if process.exitcode is None]:
            connection.wait(running, timeout=1.0)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    failed = [process for process in processes if process.exitcode not in (0, StoppedCleanly.exit_code)]
    if failed:
        raise RuntimeError(f"{failed[0].name} ended with exit code {failed[0].exitcode}")
    if any(process.exitcode for process in processes):
        raise StoppedCleanly("stopped on request; the same command goes on from there")


def _pass_on(processes: list[Any], number: int) -> None:
    for process in processes:
        if process.is_alive() and process.pid:
            os.kill(process.pid, number)


def _worker_main(work: Callable[[int], None], number: int, parent: int) -> None:
    end_with_parent(parent)
    code = 1
    try:
        stop_on_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        work(number)
        code = 0
    except StoppedCleanly as stop:
        code = stop.exit_code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # a plain exit would run what belongs to the parent
