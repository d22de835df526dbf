"""How long `ds-stilts score` takes for a whole benchmark of official size, on one core: folders made up with a seed.

    OMP_NUM_THREADS=1 python benchmarks/score_speed.py [xtreme-r]

Sizes are those of the test sets: the numbers that the declarations know, and where they have none the greatest of the
range in table 11 of RemBERT (arXiv:2010.12821). Sentences and answers have random lengths. Prints one JSON object.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ds_stilts.evaluation.benchmarks import get_benchmark  # noqa: E402
from ds_stilts.tasks.task import Task  # noqa: E402
from tests.evaluation.folders import write_sized  # noqa: E402

LARGEST = {
    "udpos": 20_436, "panx": 10_000, "mlqa": 11_590, "tydiqa": 2_719, "bucc2018": 14_330, "tatoeba": 1_000,
    "lareqa": 1_190,
}  # fmt: skip
"""Examples of a language where its number is not declared."""


def size(task: Task, language: str) -> int:
    """Examples of one language."""
    return task.split(task.score_split).published_count(language) or LARGEST[task.name]


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "xtreme"
    benchmark = get_benchmark(name)
    with tempfile.TemporaryDirectory() as folder:
        predictions, labels = write_sized(Path(folder), name, 1, size)
        num_bytes = sum(path.stat().st_size for path in Path(folder).rglob("test-*"))
        command = [sys.executable, "-m", "ds_stilts", "score", str(predictions), "--labels", str(labels), "--json"]
        start = time.perf_counter()
        answer = subprocess.run([*command, "--benchmark", name], capture_output=True, text=True, check=True)
        wall_s = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    counts = {task.name: sum(size(task, code) for code in benchmark.languages(task)) for task in benchmark.tasks()}
    print(
        json.dumps(
            {
                "benchmark": name,
                "files": sum(2 * len(benchmark.languages(task)) for task in benchmark.tasks()),
                "mebibytes": round(num_bytes / 2**20),
                "examples": counts,
                "wall_s": round(wall_s, 1),
                "cpu_s": round(used.ru_utime + used.ru_stime, 1),
                "peak_mebibytes": used.ru_maxrss // 2**10,
                "score": json.loads(answer.stdout)["score"],
            }
        )
    )


if __name__ == "__main__":
    main()
