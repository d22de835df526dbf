"""Mining 100,000 x 100,000 vectors of width 256 on one core, beside faiss-cpu's flat index, in one run.

    pip install faiss-cpu
    OMP_NUM_THREADS=1 python benchmarks/mining.py [--sentences 100000] [--width 256] [--rounds 1]

Vectors are made up with a seed: a shared mean (as encoders' vectors have), a direction of its own for each sentence,
and a counterpart with noise for half of the sentences of either side. Each side runs in a process of its own; its peak
memory is given with and without what the imports take. The peer is XTREME's `mine_bitext`
(third_party/utils_retrieve.py, 838c13b) in numpy around two searches of an `IndexFlatIP`. Prints one JSON object.
"""

import argparse
import importlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

NEIGHBOURS = 4


def write_vectors(folder: Path, sentences: int, width: int) -> None:
    """`source.npy` and `target.npy`, fp32 [sentences, width]."""
    generator = np.random.default_rng(1)
    mean = generator.normal(0, 0.5, width)
    own = generator.normal(0, 1, (sentences, width))
    other = generator.normal(0, 1, (sentences, width))
    is_pair = np.arange(sentences) % 2 == 0
    other[is_pair] = own[is_pair] + 0.8 * other[is_pair]
    np.save(folder / "source.npy", (mean + own).astype(np.float32))
    np.save(folder / "target.npy", (mean + other)[generator.permutation(sentences)].astype(np.float32))


def ours(source: np.ndarray, target: np.ndarray) -> dict[int, tuple[int, float]]:
    import torch

    from ds_stilts.formats.mining import mine

    return mine(torch.from_numpy(source), torch.from_numpy(target))


def peer(source: np.ndarray, target: np.ndarray) -> dict[int, tuple[int, float]]:
    import faiss

    for vectors in (source, target):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def search(queries: np.ndarray, corpus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index = faiss.IndexFlatIP(corpus.shape[1])
        index.add(corpus)
        cosine, found = index.search(queries, NEIGHBOURS)
        return found, cosine

    forward, forward_cosine = search(source, target)
    backward, backward_cosine = search(target, source)
    near_source, near_target = forward_cosine.mean(axis=1), backward_cosine.mean(axis=1)
    forward_margin = forward_cosine / ((near_source[:, None] + near_target[forward]) / 2)
    backward_margin = backward_cosine / ((near_target[:, None] + near_source[backward]) / 2)
    best_forward, best_backward = forward_margin.argmax(axis=1), backward_margin.argmax(axis=1)
    rows, columns = np.arange(len(source)), np.arange(len(target))
    sources = np.concatenate([rows, backward[columns, best_backward]])
    targets = np.concatenate([forward[rows, best_forward], columns])
    margins = np.concatenate([forward_margin[rows, best_forward], backward_margin[columns, best_backward]])
    mined: dict[int, tuple[int, float]] = {}
    taken: set[int] = set()
    for place in np.argsort(-margins, kind="stable"):
        i, j = int(sources[place]), int(targets[place])
        if margins[place] > 0 and i not in mined and j not in taken:
            mined[i] = j, float(margins[place])
            taken.add(j)
    return mined


def peak_kibibytes() -> int:
    """Peak resident memory of this program; getrusage's would begin with that of the process that started it."""
    return int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[0])


def one_side(side: str, folder: Path) -> None:
    """Mine, store the pairs, and print what it took."""
    if side == "ours":
        import torch

        importlib.import_module("ds_stilts.formats.mining")
        torch.set_num_threads(1)
    else:
        import faiss

        faiss.omp_set_num_threads(1)
    imported = peak_kibibytes()
    source, target = np.load(folder / "source.npy"), np.load(folder / "target.npy")
    start, cpu = time.perf_counter(), time.process_time()
    mined = {"ours": ours, "faiss": peer}[side](source, target)
    wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    peak = peak_kibibytes()
    (folder / f"{side}.json").write_text(json.dumps([[i, j, margin] for i, (j, margin) in sorted(mined.items())]))
    took = {"wall_s": round(wall_s, 1), "cpu_s": round(cpu_s, 1), "peak_mebibytes": peak // 1024}
    print(json.dumps({**took, "peak_without_imports_mebibytes": (peak - imported) // 1024}))


def compare(folder: Path) -> dict[str, Any]:
    """How far the two agree: pairs of one alone, and the largest difference of a pair's margin."""
    found = {
        side: {(i, j): margin for i, j, margin in json.loads((folder / f"{side}.json").read_text())}
        for side in ("ours", "faiss")
    }
    both = found["ours"].keys() & found["faiss"].keys()
    return {
        "pairs": len(found["ours"]),
        "pairs_of_one_alone": len(found["ours"].keys() ^ found["faiss"].keys()),
        "largest_difference_of_margins": max(abs(found["ours"][pair] - found["faiss"][pair]) for pair in both),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", choices=["ours", "faiss"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        one_side(options.side, options.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_vectors(folder, options.sentences, options.width)
        took: dict[str, list[Any]] = {"ours": [], "faiss": []}
        for _ in range(options.rounds):
            for side, runs in took.items():
                command = [sys.executable, __file__, "--side", side, "--folder", name]
                runs.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
        sizes = {"sentences": options.sentences, "width": options.width}
        print(json.dumps({**sizes, **took, **compare(folder)}, indent=1))


if __name__ == "__main__":
    main()
