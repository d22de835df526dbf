"""Preparation by several processes, in real ones: the same bytes, no collision, nothing half-made, flat memory."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ds_stilts.data.encode import CHUNK_EXAMPLES
from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import prepare
from ds_stilts.data.prepared import facts_path, open_prepared
from ds_stilts.errors import ClusterError, DataError
from tests.data.preparer import KEY, Broken
from tests.small import tokenizer

ROOT = Path(__file__).resolve().parents[2]
LINES = 3 * CHUNK_EXAMPLES + 7

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "text").mkdir(parents=True)
    text = "".join(f"{'abcdefghij'[n % 10] * (n % 9 + 1)} {'klm'[n % 3]}\n" for n in range(LINES))
    (tmp_path / "data" / "text" / "de.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return tmp_path / "data"


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(root: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a preparer, which waits after its first chunk until `tmp_path / "gate"` is there."""
    started = []

    def one(processes: int = 1) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.data.preparer", str(root), str(tmp_path / "prepared"), str(processes)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [*command, str(tmp_path / "gate")], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE
        )
        started.append(process)
        return process

    yield one
    for process in started:
        process.kill()
        process.communicate()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def rest(process: "subprocess.Popen[str]") -> list[str]:
    """All other lines. From the same stream as `line`: `communicate` would not see what that has read ahead."""
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    assert process.wait(timeout=60) == 0
    return lines


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_any_number_of_processes_makes_the_same_bytes(processes: int, root: Path, tmp_path: Path) -> None:
    alone = prepare(KEY, Encoder(tokenizer()), root, tmp_path / "1")
    with Encoder(tokenizer(), processes) as encoder:
        shared = prepare(KEY, encoder, root, tmp_path / "n")
    assert shared.name == alone.name
    assert shared.read_bytes() == alone.read_bytes()
    assert facts_path(shared).read_bytes() == facts_path(alone).read_bytes()
    assert open_prepared([shared]).num_items == LINES


def test_of_two_processes_one_works_and_the_other_finds_it(start: Start, tmp_path: Path) -> None:
    first, second = start(), start()
    assert line(first) == line(second) == "ready"
    time.sleep(3)  # whoever did not get the lock would have done a chunk by now
    (tmp_path / "gate").touch()
    said = [rest(process) for process in (first, second)]
    assert sorted(len(lines) for lines in said) == [1, 5]  # one has four chunks and the file, one only finds the file
    assert said[0][-1] == said[1][-1]
    assert open_prepared([Path(said[0][-1])]).num_items == LINES


@pytest.mark.parametrize("processes", [1, 2])
def test_a_kill_in_the_middle_leaves_nothing_half_made(
    processes: int, start: Start, root: Path, tmp_path: Path
) -> None:
    process = start(processes)
    assert line(process) == "ready"
    _, _, *workers = line(process).split()
    assert len(workers) == (processes if processes > 1 else 0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    folder = tmp_path / "prepared" / "text"
    assert not list(folder.glob("*.arrow"))
    assert len(list(folder.glob("*.tmp"))) == 1

    path = prepare(KEY, Encoder(tokenizer()), root, tmp_path / "prepared")
    assert sorted(found.suffix for found in folder.iterdir()) == [".arrow", ".json", ".lock"]
    assert path.read_bytes() == prepare(KEY, Encoder(tokenizer()), root, tmp_path / "other").read_bytes()
    deadline = time.monotonic() + 30
    while any(alive(int(pid)) for pid in workers):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_bad_line_is_told_as_without_workers(root: Path, tmp_path: Path) -> None:
    path = root / "text" / "de.txt.gz"
    good = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(good + b"\xff\n"))
    sentences = set()
    for processes in (1, 2):
        with Encoder(tokenizer(), processes) as encoder, pytest.raises(DataError) as raised:
            prepare(KEY, encoder, root, tmp_path / "prepared")
        sentences.add(str(raised.value))
    assert len(sentences) == 1 and f"line {LINES + 1}: byte 0xff is not UTF-8" in sentences.pop()
    assert not list((tmp_path / "prepared").rglob("*.arrow"))
    path.write_bytes(gzip.compress(good))
    with Encoder(tokenizer(), 2) as encoder:  # after an error the workers are as good as new
        path.write_bytes(gzip.compress(good + b"\xff\n"))
        with pytest.raises(DataError):
            prepare(KEY, encoder, root, tmp_path / "prepared")
        path.write_bytes(gzip.compress(good))
        assert open_prepared([prepare(KEY, encoder, root, tmp_path / "prepared")]).num_items == LINES


def test_a_worker_that_is_killed_is_a_sentence(root: Path, tmp_path: Path) -> None:
    with Encoder(tokenizer(), 2) as encoder:

        def kill(_: int) -> None:
            for process, _connection in encoder._workers:
                os.kill(process.pid, signal.SIGKILL)

        with pytest.raises(ClusterError, match="has ended before its time, most often for want of memory"):
            prepare(KEY, encoder, root, tmp_path / "prepared", kill)
    assert not list((tmp_path / "prepared").rglob("*.arrow"))


def test_an_error_of_ours_in_a_worker_keeps_its_traceback(root: Path, tmp_path: Path) -> None:
    with Encoder(Broken(tokenizer()), 2) as encoder, pytest.raises(RuntimeError, match="a worker failed:\nTraceback"):
        prepare(KEY, encoder, root, tmp_path / "prepared")


MEMORY = """
import resource, sys
from pathlib import Path
from tests.data.preparer import KEY
from tests.small import tokenizer
from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import prepare
prepare(KEY, Encoder(tokenizer()), Path(sys.argv[1]), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """60,000 lines more are 3.5 million token ids more: as Python lists 140 MB, had they been kept."""
    peaks = []
    for num_lines in (4_000, 64_000):
        root = tmp_path / str(num_lines)
        (root / "text").mkdir(parents=True)
        with gzip.open(root / "text" / "de.txt.gz", "wt", compresslevel=1) as file:
            file.writelines(f"{'abcdefghij' * 3}{n % 1000:03} xyz {n}\n" for n in range(num_lines))
        command = [sys.executable, "-c", MEMORY, str(root), str(tmp_path / f"prepared-{num_lines}")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] - peaks[0] < 25, f"peak of 4,000 and 64,000 lines in MiB: {peaks}"
