"""Starts the ranks of one stage on this machine by forking a parent that has everything imported.

A DeepSpeed import costs seconds and a run has many stages; forking pays it once, and still gives each engine a process
of its own. The parent must not have used torch's thread pools or a GPU before: it only imports, forks and waits.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from ds_stilts.errors import ClusterError, StoppedCleanly, UserError

_GRACE_S = 60.0
"""How long other ranks may take to end after one has failed."""
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)


class RankError(ClusterError):
    """A rank died of a fault or from outside: not bad input, so not its exit code either."""

    exit_code = 1


def stop_on_signals() -> None:
    """Make TERM, INT and USR2 a clean stop of this process, for the time in which nothing is half done.

    Ranks hand over to `ds_stilts.engine.stop`, which saves first; `run_ranks` passes the signals on while it waits.
    """

    def stop(number: int, _: Any) -> None:
        raise StoppedCleanly(f"stopped by {signal.Signals(number).name}; the same command goes on from there")

    for number in _STOPPING:
        signal.signal(number, stop)


def free_port() -> int:
    """A TCP port that was free a moment ago, for the ranks' rendezvous."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_ranks(work: Callable[[], Any], processes: int) -> None:
    """Run `work()` in `processes` forked ranks and wait for all of them.

    Signals TERM, INT and USR2 are passed on to the ranks, which stop cleanly together. If one rank fails, the others
    are given a minute and then ended.

    Args:
        work: called in each rank, with RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT set.

    Raises:
        UserError, StoppedCleanly: what a rank ended with.
        RankError: a rank died otherwise; its traceback is on standard error.
    """
    context = multiprocessing.get_context("fork")
    port = free_port()
    messages = context.SimpleQueue()
    ranks = [
        context.Process(target=_rank_main, args=(work, rank, processes, port, messages), name=f"rank {rank}")
        for rank in range(processes)
    ]
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal while ranks are being forked must neither miss one of them nor meet the handlers of before: it waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    for process in ranks:
        process.start()

    def forward(signum: int, _: Any) -> None:
        for process in ranks:
            if process.is_alive() and process.pid:
                os.kill(process.pid, signum)

    previous = {number: signal.signal(number, forward) for number in _STOPPING}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    try:
        _wait(ranks)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    words = []
    while not messages.empty():
        words.append(messages.get())
    codes = [process.exitcode for process in ranks]
    if all(code == 0 for code in codes):
        return
    for kind, text in words:
        if kind == "user":
            raise UserError(text)
    if all(code in (0, StoppedCleanly.exit_code) for code in codes):
        raise StoppedCleanly(words[0][1] if words else "stopped")
    failed = ", ".join(f"{process.name}: {_end(process.exitcode)}" for process in ranks if process.exitcode != 0)
    raise RankError(f"the run ended early ({failed}). What was saved is intact; the same command goes on from there.")


def _wait(ranks: list[Any]) -> None:
    deadline = None
    while any(process.is_alive() for process in ranks):
        for process in ranks:
            process.join(timeout=0.05)
        if deadline is None and any(process.exitcode not in (None, 0) for process in ranks):
            deadline = time.monotonic() + _GRACE_S
        if deadline is not None and time.monotonic() > deadline:
            for process in ranks:
                if process.is_alive():
                    process.kill()


def _end(code: int | None) -> str:
    return f"ended by signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


def _rank_main(work: Callable[[], Any], rank: int, processes: int, port: int, messages: Any) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(processes),
        LOCAL_WORLD_SIZE=str(processes),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    code = 1
    try:
        stop_on_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        work()
        code = 0
    except UserError as error:
        messages.put(("user", str(error)))
        code = error.exit_code
    except StoppedCleanly as stop:
        messages.put(("stopped", str(stop)))
        code = stop.exit_code
    except BaseException:
        import traceback

        print(f"rank {rank} failed:", file=sys.stderr)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # a plain exit would wait for collectives of ranks that are gone
