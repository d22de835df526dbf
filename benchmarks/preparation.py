"""Preparation beside `datasets.map(batched=True)` and the bare tokenizer: examples per CPU second, bytes, reads, MiB.

    python benchmarks/preparation.py --data-root DIR --tokenizer MODEL_FOLDER --examples 100000 --rounds 5

MNLI and SQuAD rows of the data root are repeated, about half each. Both sides make the same token ids from the same
tokenizer, one thread a process; for SQuAD, `datasets` runs the windows and answer positions of transformers' run_qa.py.
Ours reads the official files while it works; theirs begins with rows that lie in Arrow already, and that is not timed.
"tokenizer" is the tokenizers library alone: `encode_batch_fast`, without offsets, on the same texts in memory, question
and context as a pair, nothing read before and nothing kept. Ours may be faster than that: questions about one text that
follow each other share its tokens.
Every measurement is a fresh process; kinds are interleaved over the rounds, and medians and ranges are printed.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

TASKS = ("mnli", "squad_v1")
NUM_READS = 20_000
BATCH = 1000
"""Texts in one call of the bare tokenizer, as in preparation."""


def write_rows(source: Path, root: Path, num_examples: int) -> None:
    """The two official files, their rows repeated until each has half of the examples."""
    lines = (source / "mnli/train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    squad = json.loads((source / "squad/train-v1.1.json").read_text(encoding="utf-8"))
    num_questions = sum(len(p["qas"]) for article in squad["data"] for p in article["paragraphs"])
    for folder in ("mnli", "squad"):
        (root / folder).mkdir(parents=True)
    with (root / "mnli/train.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(max(1, -(-num_examples // 2 // len(lines)))):
            file.writelines(lines)
    articles = []
    for copy in range(max(1, -(-num_examples // 2 // num_questions))):
        text = json.dumps(squad["data"])
        for article in json.loads(text):
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    question["id"] += f"-{copy}"
            articles.append(article)
    (root / "squad/train-v1.1.json").write_text(json.dumps({"data": articles}), encoding="utf-8")


def cpu_s() -> float:
    """CPU seconds of this process and all that it started, whether they still live or not."""
    import psutil

    here = psutil.Process()
    return float(sum(sum(process.cpu_times()[:4]) for process in [here, *here.children(recursive=True)]))


def peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def measure(kind: str, processes: int, root: Path, tokenizer_folder: str, folder: Path) -> dict[str, Any]:
    """One measurement in this process."""
    from ds_stilts.models.loading import load_tokenizer

    tokenizer = load_tokenizer(tokenizer_folder)
    ways = {"ds_stilts": ours, "datasets": theirs, "tokenizer": bare}
    return ways[kind](processes, root, tokenizer, folder)


def ours(processes: int, root: Path, tokenizer: Any, folder: Path) -> dict[str, Any]:
    import psutil

    from ds_stilts.data.encoder import Encoder
    from ds_stilts.data.prepare import SplitKey, prepare
    from ds_stilts.data.prepared import open_prepared, read_facts
    from ds_stilts.formats.base import Limits
    from ds_stilts.tasks import get_task

    def key(name: str, most: int | None = None) -> SplitKey:
        limits = Limits(max_tokens=get_task(name).max_tokens)
        return SplitKey(
            task=get_task(name), split="train", language="en", limits=limits, training=True, max_examples=most
        )

    with Encoder(tokenizer, processes) as encoder:
        for name in TASKS:  # starts the workers, and loads all code
            prepare(key(name, 10), encoder, root, folder)
        before_mib = peak_mib(os.getpid())
        began, cpu = time.perf_counter(), cpu_s()
        paths = [prepare(key(name), encoder, root, folder) for name in TASKS]
        wall, cpu = time.perf_counter() - began, cpu_s() - cpu
        workers = [peak_mib(child.pid) for child in psutil.Process().children(recursive=True)]
    facts = [read_facts(path) for path in paths]
    peak = peak_mib(os.getpid())
    opened = open_prepared(paths)
    places = random.Random(1).choices(range(len(opened.example)), k=NUM_READS)
    reading = time.perf_counter()
    read = sum(len(opened.ids[i]) + len(opened.rows[i]) + len(opened.targets[i]) for i in places)
    reads = NUM_READS / (time.perf_counter() - reading)
    assert read
    return {
        "examples": sum(fact.examples for fact in facts),
        "tokens": sum(fact.tokens for fact in facts),
        "bytes": sum(fact.bytes for fact in facts),
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_mib": peak,
        "grown_mib": peak - before_mib,
        "worker_peak_mib": max(workers, default=0.0),
        "reads_per_s": reads,
    }


def bare(processes: int, root: Path, tokenizer: Any, folder: Path) -> dict[str, Any]:
    """The tokenizer alone, in this process."""
    from ds_stilts.tasks import get_task

    examples = [example for name in TASKS for example in get_task(name).stream("train", "en", root)]
    texts = [(e.premise, e.hypothesis) if hasattr(e, "premise") else (e.question, e.context) for e in examples]
    backend = tokenizer._tokenizer
    backend.no_truncation()
    backend.encode_batch_fast(texts[:100])
    before_mib = peak_mib(os.getpid())
    began, cpu, tokens = time.perf_counter(), cpu_s(), 0
    for first in range(0, len(texts), BATCH):
        tokens += sum(len(made) for made in backend.encode_batch_fast(texts[first : first + BATCH]))
    wall, cpu = time.perf_counter() - began, cpu_s() - cpu
    peak = peak_mib(os.getpid())
    return {
        "examples": len(texts),
        "tokens": tokens,
        "bytes": 0,
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_mib": peak,
        "grown_mib": peak - before_mib,
        "worker_peak_mib": 0.0,
        "reads_per_s": 0.0,
    }


def theirs(processes: int, root: Path, tokenizer: Any, folder: Path) -> dict[str, Any]:
    import datasets

    from ds_stilts.tasks import get_task

    datasets.disable_progress_bars()
    tasks = [get_task(name) for name in TASKS]
    raw = []
    for task in tasks:
        examples: list[Any] = task.examples("train", "en", root)
        if task.name == "mnli":
            columns = {
                "premise": [e.premise for e in examples],
                "hypothesis": [e.hypothesis for e in examples],
                "label": [task.labels.index(e.label) for e in examples],
            }
        else:
            columns = {
                "question": [e.question for e in examples],
                "context": [e.context for e in examples],
                "start": [e.answers[0].start for e in examples],
                "text": [e.answers[0].text for e in examples],
            }
        path = folder / f"raw-{task.name}"
        datasets.Dataset.from_dict(columns).save_to_disk(str(path))
        raw.append(datasets.load_from_disk(str(path)))
    num_examples = sum(len(rows) for rows in raw)
    del examples, columns
    before_mib = peak_mib(os.getpid())

    def pairs(batch: dict[str, Any]) -> dict[str, Any]:
        made = tokenizer(batch["premise"], batch["hypothesis"], truncation=True, max_length=tasks[0].max_tokens)
        return {"input_ids": made["input_ids"], "label": batch["label"]}

    def windows(batch: dict[str, Any]) -> dict[str, Any]:
        return _windows(batch, tokenizer, tasks[1].max_tokens)

    began, cpu = time.perf_counter(), cpu_s()
    made = [
        rows.map(
            work,
            batched=True,
            remove_columns=rows.column_names,
            num_proc=processes if processes > 1 else None,
            load_from_cache_file=False,
            cache_file_name=str(folder / f"made-{task.name}.arrow"),
        )
        for rows, work, task in zip(raw, (pairs, windows), tasks, strict=True)
    ]
    wall, cpu = time.perf_counter() - began, cpu_s() - cpu
    peak = peak_mib(os.getpid())
    places = random.Random(1).choices([(n, i) for n, rows in enumerate(made) for i in range(len(rows))], k=NUM_READS)
    formatted = [rows.with_format("numpy") for rows in made]
    reading = time.perf_counter()
    read = sum(len(formatted[n][i]["input_ids"]) for n, i in places)
    reads = NUM_READS / (time.perf_counter() - reading)
    assert read
    return {
        "examples": num_examples,
        "tokens": sum(len(ids) for rows in made for batch in rows.iter(1000) for ids in batch["input_ids"]),
        "bytes": sum(path.stat().st_size for path in folder.glob("made-*.arrow")),
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_mib": peak,
        "grown_mib": peak - before_mib,
        "worker_peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "reads_per_s": reads,
    }


def _windows(batch: dict[str, Any], tokenizer: Any, max_tokens: int) -> dict[str, Any]:
    """Windows and answer positions as transformers' examples/pytorch/question-answering/run_qa.py makes them."""
    made = tokenizer(
        [question.lstrip() for question in batch["question"]],
        batch["context"],
        truncation="only_second",
        max_length=max_tokens,
        stride=128,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    starts, ends = [], []
    for window, sample in enumerate(made["overflow_to_sample_mapping"]):
        offsets, segments = made["offset_mapping"][window], made.sequence_ids(window)
        first, last = segments.index(1), len(segments) - 1 - segments[::-1].index(1)
        begin = batch["start"][sample]
        end = begin + len(batch["text"][sample])
        if offsets[first][0] > begin or offsets[last][1] < end:
            starts.append(0)
            ends.append(0)
            continue
        start, stop = first, last
        while start <= last and offsets[start][0] <= begin:
            start += 1
        while stop >= first and offsets[stop][1] >= end:
            stop -= 1
        starts.append(start - 1)
        ends.append(stop + 1)
    return {"input_ids": made["input_ids"], "start_positions": starts, "end_positions": ends}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--tokenizer", required=True, help="a model folder")
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", default=["ds_stilts", "datasets", "tokenizer"])
    parser.add_argument("--one", nargs=2, metavar=("KIND", "PROCESSES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            kind, processes = options.one
            found = measure(kind, int(processes), options.data_root, options.tokenizer, Path(folder))
        print(json.dumps(found))
        return
    scratch = Path(tempfile.mkdtemp(prefix="preparation-"))
    try:
        write_rows(options.data_root, scratch / "root", options.examples)
        found: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for round in range(options.rounds):
            for processes in options.processes:
                kinds = [kind for kind in options.kinds if kind != "tokenizer" or processes == 1]
                for kind in kinds if round % 2 == 0 else kinds[::-1]:
                    command = [sys.executable, __file__, "--data-root", str(scratch / "root")]
                    command += ["--tokenizer", options.tokenizer, "--one", kind, str(processes)]
                    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                    one = json.loads(done.stdout.splitlines()[-1])
                    found.setdefault((kind, processes), []).append(one)
                    print(json.dumps({"round": round, "kind": kind, "processes": processes, **one}), flush=True)
        show(found)
    finally:
        shutil.rmtree(scratch)


def show(found: dict[tuple[str, int], list[dict[str, Any]]]) -> None:
    """Medians, and the range of what is compared."""
    print(
        f"\n{'':12}processes  examples/CPU s (range)      examples/s  bytes/example  reads/s  peak MiB (grown, worker)"
    )
    for (kind, processes), runs in sorted(found.items(), key=lambda item: (item[0][1], item[0][0])):
        rates = [run["examples"] / run["cpu_s"] for run in runs]
        middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        print(
            f"{kind:12}{processes:9}  {statistics.median(rates):7,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
            f"  {middle['examples'] / middle['wall_s']:12,.0f}  {middle['bytes'] / middle['examples']:13,.0f}"
            f"  {middle['reads_per_s']:9,.0f}  {middle['peak_mib']:.0f} ({middle['grown_mib']:.0f}, "
            f"{middle['worker_peak_mib']:.0f})"
        )


if __name__ == "__main__":
    main()
