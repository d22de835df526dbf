"""A study that is killed at five random instants, and each time started again, ends where an undisturbed one ends."""

import json
import random
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.studies.ledger import read_ledger
from ds_stilts.studies.report.write import write_study_report
from tests.studies.killed import Place, kill_when, starts
from tests.studies.worlds import STUDY, values

pytestmark = [pytest.mark.timeout(1800), pytest.mark.spine, pytest.mark.slow]

KILLS, WORKERS, SEED = 5, 2, 0
STAGES = 1 + 3 * (1 + 2 * 2)
"""One start model; in each of three seeds an intermediate phase and two targets of two arms."""
SHAPE: dict[str, Any] = {
    "arms": {name: STUDY["arms"][name] for name in ("none", "qa")},
    "seeds": {"intermediate": [1, 2, 3]},
    "base__training__steps": 8,
    "base__training__checkpoint_every": 3,
}
MEASURED = ("device_s", "energy_j")
"""What `costs` holds of time; the rest of it counts."""


def finish(process: subprocess.Popen[str]) -> None:
    """Wait until a start is done."""
    _, said = process.communicate(timeout=900)
    assert process.returncode == 0, said[-3000:]


def works(place: Place, since_ns: int) -> bool:
    """Whether a stage was begun since then."""
    return any(path.stat().st_mtime_ns > since_ns for path in place.store.glob("*/entry.json"))


class Instant:
    """So many seconds after a start, made now, has begun its first stage; less than 0: so many before that, if it takes
    as long as an earlier one did."""

    def __init__(self, place: Place, seconds: float, boot_s: float) -> None:
        self._place, self._seconds, self._expected_s = place, seconds, boot_s
        self._began, self._began_ns = time.monotonic(), time.time_ns()
        self.boot_s = 0.0
        """What it took; 0: no stage was begun yet."""

    def is_reached(self) -> bool:
        passed_s = time.monotonic() - self._began
        if not self.boot_s and works(self._place, self._began_ns):
            self.boot_s = passed_s
        if self._seconds < 0:
            return passed_s >= self._expected_s + self._seconds
        return bool(self.boot_s) and passed_s >= self.boot_s + self._seconds


def reported(place: Place) -> dict[str, Any]:
    """report.json without what was measured in seconds and joules, and without learning curves: which steps are logged
    beside every `log_every`-th depends on how long they take."""
    write_study_report(place.folder)
    found: dict[str, Any] = json.loads((place.folder / "report" / "report.json").read_text())
    del found["learning"]
    for arm in found["costs"]["arms"].values():
        for key in MEASURED:
            del arm["sums"][key]
    return found


def test_killed_at_five_random_instants_it_repeats_nothing_finished_and_reports_the_same(tmp_path: Path) -> None:
    calm = Place(tmp_path, "calm", values(**SHAPE), tmp_path / "calm_store")
    began, began_ns = time.monotonic(), time.time_ns()
    process = calm.start("--workers", str(WORKERS))
    while not works(calm, began_ns) and process.poll() is None:
        time.sleep(0.02)
    boot_s = time.monotonic() - began
    finish(process)
    work_s = time.monotonic() - began - boot_s

    hurt = Place(tmp_path, "hurt", values(**SHAPE), tmp_path / "hurt_store")
    draw = random.Random(SEED)
    drawn_s = [draw.uniform(-0.15 * boot_s, 0.25 * work_s) for _ in range(KILLS)]
    told = (
        f"seed {SEED}: killed {', '.join(f'{one:+.2f}' for one in drawn_s)} s after the first stage was begun; "
        f"undisturbed, that took {boot_s:.2f} s and all stages {work_s:.2f} s"
    )
    print(told)
    finished: dict[Path, tuple[int, int]] = {}
    for seconds in drawn_s:
        instant = Instant(hurt, seconds, boot_s)
        kill_when(hurt.start("--workers", str(WORKERS)), instant.is_reached)
        boot_s = instant.boot_s or boot_s  # later ones find what the first has made
        now = {folder: (time_ns, starts(folder)) for folder, time_ns in hurt.done().items()}
        assert {folder: now[folder] for folder in finished} == finished, told
        print(f"{len(now)} of {STAGES} stages were done")
        finished = now
    finish(hurt.start("--workers", str(WORKERS)))

    done = {folder: (time_ns, starts(folder)) for folder, time_ns in hurt.done().items()}
    assert len(done) == STAGES, told
    assert {folder: done[folder] for folder in finished} == finished, told
    assert all(read_ledger(folder)["starts"] == begun for folder, (_, begun) in done.items())
    assert sum(begun for _, begun in done.values()) <= STAGES + KILLS * WORKERS, told
    assert reported(hurt) == reported(calm), told
