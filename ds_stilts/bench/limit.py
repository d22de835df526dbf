"""What the machine's matrix multiplication reaches: the limit that training is held against."""

import torch

from ds_stilts.bench.clock import Stopwatch
from ds_stilts.bench.job import Clock
from ds_stilts.bench.variants import Dtype

_SIZES = {"cpu": (1024, 2048), "cuda": (4096, 8192)}
_LEAST_S = 0.25
"""Each size is repeated for so long: multiplications of milliseconds are not timed one by one."""


def matmul_rate(dtype: Dtype, clock: Clock, device: torch.device) -> float:
    """Floating-point operations a second of square matrix products, of the best size."""
    torch_dtype = torch.bfloat16 if dtype == "bf16" else torch.float32
    best = 0.0
    for size in _SIZES[device.type]:
        best = max(best, _rate(size, torch_dtype, clock, device))
        if 2.0 * size**3 / best > _LEAST_S:  # bf16 without instructions for it: a larger product would take minutes
            break
    return best


def _rate(size: int, dtype: torch.dtype, clock: Clock, device: torch.device) -> float:
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    out = left @ right  # the first one prepares
    seconds, count, repeats = 0.0, 0, 1
    while seconds < _LEAST_S:
        watch = Stopwatch(clock, device)
        with watch.running():
            for _ in range(repeats):
                torch.matmul(left, right, out=out)
        seconds, count, repeats = seconds + watch.seconds, count + repeats, min(4, 2 * repeats)
    return 2.0 * size**3 * count / seconds
