"""Dropout and attention with dropout on one core of a CPU: torch's, and `ds_stilts.models`' in turns.

    OMP_NUM_THREADS=1 python benchmarks/dropout.py

Forward and backward, fp32; medians (quartiles) of the ratio of their times, in CPU seconds.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import dropout, scaled_dot_product_attention

from ds_stilts.models.attend import attend
from ds_stilts.models.dropout import drop

ROUNDS = 21
PROBABILITY = 0.1


def ratio(torchs: Callable[..., Any], ours: Callable[..., Any], *inputs: torch.Tensor) -> str:
    """Torch's time over ours."""

    def seconds(function: Callable[..., Any]) -> float:
        began = time.process_time()
        states = function(*inputs)
        torch.autograd.grad(states, inputs, torch.ones(()).expand(states.shape).contiguous())
        return time.process_time() - began

    for function in (torchs, ours):
        seconds(function)
    found = [seconds(torchs) / seconds(ours) for _ in range(ROUNDS)]
    low, median, high = statistics.quantiles(found, n=4)
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def main() -> None:
    torch.set_num_threads(1)
    for shape in ((1000, 256), (1000, 1024), (4000, 768)):
        states = torch.randn(shape, requires_grad=True)
        found = ratio(lambda own: dropout(own, PROBABILITY), lambda own: drop(own, PROBABILITY), states)
        print(f"dropout of {shape[0]} x {shape[1]}: torch's time over ours {found}")
    for count, heads, length in ((8, 4, 40), (4, 4, 128), (1, 4, 300), (8, 12, 40), (2, 12, 128), (1, 12, 384)):
        blocks = [torch.randn(count, heads, length, 64, requires_grad=True) for _ in range(3)]
        found = ratio(
            lambda *own: scaled_dot_product_attention(*own, dropout_p=PROBABILITY),
            lambda *own: attend(*own, dropout_p=PROBABILITY),
            *blocks,
        )
        print(f"attention of {count} x {length} tokens, {heads} heads of 64: torch's time over ours {found}")


if __name__ == "__main__":
    main()
