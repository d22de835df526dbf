"""One rank of a tiny world, started on each host by `ds-stilts doctor`: can they compute a sum together, and how fast?

Gloo first, which every run needs; NCCL too where every rank has a GPU. It says one line of JSON after a mark and ends,
whatever happens, also when its standard input does.
"""

import argparse
import json
import os
import re
import sys
import threading
import time
from datetime import timedelta
from typing import Any

MARK = "ds_stilts-reach:"
_LARGE = 2 * 2**20
"""fp32 numbers of the sum that is timed too: 8 MiB."""
_WHERE = re.compile(r"\[[^\]]*/\S+:\d+\] |\$\d+$")
"""Where in gloo's source an error was raised, and which pair of a port it was."""


def main(arguments: list[str] | None = None) -> None:
    """Join, add, say, leave."""
    parser = argparse.ArgumentParser(prog="python -m ds_stilts.engine.reach", description=__doc__)
    for name in ("rank", "size", "port"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--address", required=True, help="where rank 0 is found")
    parser.add_argument("--come-s", type=float, required=True, help="for all ranks to import PyTorch and come")
    parser.add_argument("--wait-s", type=float, required=True, help="for all that follows")
    given = parser.parse_args(arguments)
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        _leave(reach(given.rank, given.size, given.address, given.port, given.come_s, given.wait_s), 0)
    except (RuntimeError, ValueError, OSError) as error:  # torch's DistError is a RuntimeError
        line, *_ = str(error).strip().splitlines() or [type(error).__name__]
        _leave({"error": _WHERE.sub("", line)}, 1)


def reach(rank: int, size: int, address: str, port: int, come_s: float, wait_s: float) -> dict[str, Any]:
    """Sums over all ranks with each backend that all of them have. Ends the process where that takes too long: gloo
    waits for a call of another rank five times as long as it is told to (seen with torch 2.13).

    Returns:
        backend → {"one_s": for a sum of one number, "many_s": of 8 MiB of them}, and "gpus": how many ranks have one.

    Raises:
        RuntimeError: others did not come in time, cannot be reached, or the sum is wrong.
    """
    import torch
    import torch.distributed as dist

    store = dist.TCPStore(
        address, port, size, is_master=rank == 0, timeout=timedelta(seconds=come_s), wait_for_workers=False
    )
    store.add("come", 1)
    waited_since = time.monotonic()
    while (here := store.add("come", 0)) < size:
        if time.monotonic() - waited_since > come_s:
            raise RuntimeError(f"{here} of {size} ranks came within {come_s:.0f} s")
        time.sleep(0.05)
    late = threading.Timer(wait_s, _leave, [{"error": f"no sum within {wait_s:.0f} s"}, 1])
    late.daemon = True
    late.start()
    timeout = timedelta(seconds=wait_s)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=timeout)
    has_gpu = torch.tensor([float(torch.cuda.is_available())])
    dist.all_reduce(has_gpu)
    found: dict[str, Any] = {"gpus": int(has_gpu.item()), "gloo": _time(torch.device("cpu"), None, size)}
    if found["gpus"] == size:
        found["nccl"] = _time(torch.device("cuda", 0), dist.new_group(backend="nccl", timeout=timeout), size)
    dist.barrier()  # rank 0 holds the store
    return found


def _time(device: Any, group: Any, size: int) -> dict[str, float]:
    import torch
    import torch.distributed as dist

    def add(count: int) -> float:
        values = torch.ones(count, device=device)
        began = time.perf_counter()
        dist.all_reduce(values, group=group)
        total = values[-1].item()  # waits for a GPU
        if total != size:
            raise RuntimeError(f"{size} ranks that say 1 add up to {total:g}")
        return time.perf_counter() - began

    add(1)  # the first one connects
    return {"one_s": min(add(1) for _ in range(5)), "many_s": min(add(_LARGE) for _ in range(3))}


def _leave(said: dict[str, Any], code: int) -> None:
    sys.stdout.write(f"{MARK}{json.dumps(said)}\n")
    sys.stdout.flush()
    os._exit(code)  # a plain exit would wait for others' collectives


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
