"""Trains every cell of the parity matrix and writes docs/parity.md.

    OMP_NUM_THREADS=1 python benchmarks/parity_matrix.py [--subject xlmr …] [--out docs/parity.md]

Cells, tolerances and the plain PyTorch that engines are held against are those of tests/distributed/matrix.py; this
script only runs all of them and writes down how far each is from it. About ten seconds a cell on two cores.
"""

import argparse
import os
import sys
import time
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DS_ACCELERATOR", "cpu")

HEAD = """# Engines against plain PyTorch

Written by `python benchmarks/parity_matrix.py`; the same cells are tests (`tests/distributed/test_matrix.py`, a part of
them in every run, all with `make test-full`).

Each cell is a fresh world of two ranks on a CPU that trains a tiny model for {steps} steps on a mixture of tasks, with
accumulation, warm-up, weight decay and clipping: every rank holds other tasks in its micro-batches, some of them lack
some tasks. Under ZeRO-3 each parameter is let go as soon as it was used, small as it is. The cell is compared with
plain PyTorch in fp32, in one process, on padded batches of the same examples with Hugging Face's own forward pass and
unfused AdamW.

- **loss**: the largest difference of a step's loss. The limits follow from what fp32 and bf16 round; the arithmetic
  stands in `tests/distributed/matrix.py`.
- **parameter**: the largest difference of any parameter after the last step.

Offloading is to the CPU's memory (`_params`: the parameters too), `hpz` keeps a second partition per node.
"""


def main() -> None:
    from tests.distributed import matrix, plain

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subject", nargs="*", default=list(matrix.SUBJECTS), choices=list(matrix.SUBJECTS))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "parity.md")
    options = parser.parse_args()
    lines = [HEAD.format(steps=plain.STEPS)]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "deepspeed", "transformers"))
    lines.append(f"Measured {time.strftime('%Y-%m-%d')} with {versions}.\n")
    for subject in options.subject:
        rows = []
        for cell in matrix.CELLS:
            outcome = matrix.run_cell(subject, cell)
            limit = matrix.tolerance(subject, cell)
            good = "yes" if outcome.losses <= limit else "**no**"
            figures = f"{outcome.losses:.1e} | {limit:g} | {good} | {outcome.parameters:.1e}"
            rows.append(f"| `{cell.config}` | {cell.dtype} | {figures} |")
            print(subject, rows[-1], flush=True)
        lines.append(f"## {matrix.SUBJECTS[subject].title}\n")
        lines.append(f"The training moves the losses by up to {outcome.moved:.2g}.\n")
        lines.append("| configuration | precision | loss | limit | within | parameter |")
        lines.append("| --- | --- | --- | --- | --- | --- |")
        lines += [*rows, ""]
    options.out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
