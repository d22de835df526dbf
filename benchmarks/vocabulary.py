"""What a vocabulary of 250,002 costs: the output layer and its loss, forward and backward, time and peak memory.

    OMP_NUM_THREADS=1 python benchmarks/vocabulary.py rows      needed rows only, against all rows
    OMP_NUM_THREADS=1 python benchmarks/vocabulary.py loss [--widths 256,768] [--rows 64,256,1024] [--dtypes fp32,bf16]
                                                              [--ways plain,recomputed,at_once,torch] [--rounds 3]

`rows`: masked language modelling on 15 % of 512 tokens against all of them; mT5's targets packed against filled up to
the longest, for 32 answers of 1 to 20 tokens.

`loss`: the same sum of cross entropies in four ways
  plain       all logits, `cross_entropy`: what training does
  recomputed  64 rows at a time, logits computed again going backward: gives a loss a row, as training needs it
  at_once     64 rows at a time, gradients taken in the forward pass: gives the sum only
  torch       `torch.nn.functional.linear_cross_entropy` with its default chunks: gives the sum only

CPU seconds of one thread, ways in turns; medians (quartiles) of ratios. Memory is what the process's resident set
gained at its peak, gradients of rows and weights included.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy, linear, linear_cross_entropy
from torch.utils.checkpoint import checkpoint

VOCABULARY = 250_002
CHUNK = 64
"""Rows."""
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
"""Of the loss of a row, and of gradients over their greatest value."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def plain(states_ND: torch.Tensor, weight_VD: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    return cross_entropy(linear(states_ND, weight_VD).float(), targets_N, reduction="sum")


def recomputed(states_ND: torch.Tensor, weight_VD: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    parts = zip(states_ND.split(CHUNK), targets_N.split(CHUNK), strict=True)
    return torch.stack([checkpoint(plain, own, weight_VD, to, use_reentrant=False) for own, to in parts]).sum()


class _AtOnce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states_ND: torch.Tensor, weight_VD: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
        total, states_grad, weight_grad = torch.zeros(()), torch.empty_like(states_ND), torch.zeros_like(weight_VD)
        for first in range(0, len(states_ND), CHUNK):
            own, to = states_ND[first : first + CHUNK], targets_N[first : first + CHUNK]
            logits = linear(own, weight_VD).float()
            shares = logits.log_softmax(1)
            total -= shares.gather(1, to[:, None]).sum()
            grad = shares.exp_()
            grad[torch.arange(len(to)), to] -= 1
            grad = grad.to(own.dtype)
            torch.mm(grad, weight_VD, out=states_grad[first : first + CHUNK])
            weight_grad.addmm_(grad.T, own)
        ctx.save_for_backward(states_grad, weight_grad)
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> Any:
        states_grad, weight_grad = ctx.saved_tensors
        return states_grad.mul_(upstream[0]), weight_grad.mul_(upstream[0]), None


def at_once(states_ND: torch.Tensor, weight_VD: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = _AtOnce.apply(states_ND, weight_VD, targets_N)
    return total


def of_torch(states_ND: torch.Tensor, weight_VD: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    options = torch.nn.LinearCrossEntropyOptions()
    return linear_cross_entropy(states_ND, weight_VD, targets_N, reduction="sum", options=options)


WAYS: dict[str, Loss] = {"plain": plain, "recomputed": recomputed, "at_once": at_once, "torch": of_torch}


def resident(field: str) -> float:
    """Bytes, by a field of /proc/self/status: "VmRSS" now, "VmHWM" at its peak."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return float(line.split()[1]) * 1024


def once(way: Loss, rows: int, width: int, dtype: torch.dtype) -> tuple[float, float, torch.Tensor, torch.Tensor]:
    """CPU seconds, bytes gained at the peak, the mean loss, and the gradient of the rows."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(rows, width, generator=generator).to(dtype).requires_grad_()
    targets = torch.randint(VOCABULARY, (rows,), generator=generator)
    weight = _weight(width, dtype)
    weight.grad = None
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, began = resident("VmRSS"), time.process_time()
    loss = way(states, weight, targets)
    loss.backward()
    seconds, gained = time.process_time() - began, resident("VmHWM") - before
    assert states.grad is not None
    weight.grad = None
    return seconds, gained, loss.detach().float() / rows, states.grad.float()


_weights: dict[tuple[int, torch.dtype], torch.Tensor] = {}


def _weight(width: int, dtype: torch.dtype) -> torch.Tensor:
    if (width, dtype) not in _weights:
        _weights.clear()
        drawn = torch.randn(VOCABULARY, width, generator=torch.Generator().manual_seed(1)) * width**-0.5
        _weights[width, dtype] = drawn.to(dtype).requires_grad_()
    return _weights[width, dtype]


def quartiles(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.2f}"
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def rows(rounds: int) -> None:
    """Needed rows against all."""
    lengths = torch.randint(1, 21, (32,), generator=torch.Generator().manual_seed(2)).tolist()
    cases = {
        "masked tokens of 512": (77, 512),
        "targets of mT5": (sum(lengths), len(lengths) * max(lengths)),
    }
    for name, (needed, all_rows) in cases.items():
        for width in (256, 768):
            once(plain, needed, width, torch.float32)
            found = [
                [once(plain, count, width, torch.float32)[:2] for count in (needed, all_rows)] for _ in range(rounds)
            ]
            ratio = quartiles([few_all[1][0] / few_all[0][0] for few_all in found])
            seconds = [statistics.median(few_all[i][0] for few_all in found) for i in (0, 1)]
            memory = [statistics.median(few_all[i][1] for few_all in found) / 1e9 for i in (0, 1)]
            print(
                f"{name}, width {width}: {needed} rows {seconds[0]:.2f} s, {memory[0]:.2f} GB; "
                f"{all_rows} rows {seconds[1]:.2f} s, {memory[1]:.2f} GB; {ratio} times the time",
                flush=True,
            )


def losses(ways: dict[str, Loss], widths: list[int], counts: list[int], dtypes: list[str], rounds: int) -> None:
    """Plain and chunked."""
    for dtype in dtypes:
        for width in widths:
            for count in counts:
                first = {name: once(way, count, width, DTYPES[dtype]) for name, way in ways.items()}
                _, _, loss, grad = first["plain"]
                for name, (_, _, other, other_grad) in first.items():
                    far = max(float((other - loss).abs()), float((other_grad - grad).abs().max() / grad.abs().max()))
                    if not far <= TOLERANCE[DTYPES[dtype]]:
                        print(f"  {name}: loss or gradients of rows differ from plain's by {far:.1e}")
                found = [{n: once(w, count, width, DTYPES[dtype])[:2] for n, w in ways.items()} for _ in range(rounds)]
                told = []
                for name in ways:
                    memory = statistics.median(each[name][1] for each in found) / 1e9
                    ratio = quartiles([each["plain"][0] / each[name][0] for each in found])
                    told.append(f"{name} {ratio}, {memory:.2f} GB")
                seconds = statistics.median(each["plain"][0] for each in found)
                print(f"{dtype} width {width} rows {count}: plain {seconds:.2f} s; {'; '.join(told)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("rows", "loss"))
    parser.add_argument("--widths", default="256,768")
    parser.add_argument("--rows", default="64,256,1024")
    parser.add_argument("--dtypes", default="fp32,bf16")
    parser.add_argument("--ways", default=",".join(WAYS), help="plain is always measured")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "rows":
        rows(options.rounds)
    else:
        widths, counts = ([int(part) for part in text.split(",")] for text in (options.widths, options.rows))
        ways = {"plain": plain} | {name: WAYS[name] for name in options.ways.split(",")}
        losses(ways, widths, counts, options.dtypes.split(","), options.rounds)


if __name__ == "__main__":
    main()
