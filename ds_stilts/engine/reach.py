"""One rank of a tiny world, started on each host by `ds-stilts doctor`: can they compute a sum together, and how fast?

Gloo first, which every run needs; NCCL too where every rank has a GPU. It says one line of JSON after a mark and ends,
whatever happens, also when its standard input does.
"""

import argparse
import json
import os
import sys
import threading
import time
from datetime import timedelta
from typing import Any

MARK = "ds_stilts-reach:"
_LARGE = 2 * 2**20
"""fp32 numbers of the sum that is timed for its rate: 8 MiB."""


def main(arguments: list[str] | None = None) -> None:
    """Join, add, say, leave."""
    parser = argparse.ArgumentParser(prog="python -m ds_stilts.engine.reach", description=__doc__)
    for name in ("rank", "size", "port"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--address", required=True, help="where rank 0 is found")
    parser.add_argument("--wait-s", type=float, required=True, help="for others to come, and for each sum")
    given = parser.parse_args(arguments)
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        said = reach(given.rank, given.size, given.address, given.port, given.wait_s)
        code = 0
    except (RuntimeError, ValueError, OSError) as error:  # torch's DistError is a RuntimeError
        said, code = {"error": (str(error).strip().splitlines() or [type(error).__name__])[0]}, 1
    sys.stdout.write(f"{MARK}{json.dumps(said)}\n")
    sys.stdout.flush()
    os._exit(code)  # a plain exit would wait for others' collectives


def reach(rank: int, size: int, address: str, port: int, wait_s: float) -> dict[str, Any]:
    """Sums over all ranks with each backend that all of them have.

    Returns:
        backend → {"latency_s": of a sum of one number, "rate": bytes/s of a sum of 8 MiB}, and "gpus": how many ranks
        have one.

    Raises:
        RuntimeError: others did not come in time, or the sum is wrong.
    """
    import torch
    import torch.distributed as dist

    timeout = timedelta(seconds=wait_s)
    dist.init_process_group(
        "gloo", init_method=f"tcp://{_bracketed(address)}:{port}", rank=rank, world_size=size, timeout=timeout
    )
    try:
        has_gpu = torch.tensor([float(torch.cuda.is_available())])
        dist.all_reduce(has_gpu)
        found: dict[str, Any] = {"gpus": int(has_gpu.item()), "gloo": _time(torch.device("cpu"), None, size)}
        if found["gpus"] == size:
            group = dist.new_group(backend="nccl", timeout=timeout)
            found["nccl"] = _time(torch.device("cuda", 0), group, size)
        return found
    finally:
        dist.destroy_process_group()


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
    return {"latency_s": min(add(1) for _ in range(5)), "rate": _LARGE * 4 / min(add(_LARGE) for _ in range(3))}


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
