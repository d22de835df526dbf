"""Saving, deleting, crashing and damage in any order: at every instant there is a whole checkpoint. Without torch."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ds_stilts.engine.manifest import (
    Damaged,
    Manifest,
    check_files,
    check_foreign,
    read_manifest,
    rewrite_manifest,
    seal,
    write_manifest,
)
from ds_stilts.engine.retention import commit, committed, is_best, retain, step_of, sweep

CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}


class Killed(BaseException):
    """Stands for kill -9: no handler of ours catches it."""


class FileSystem:
    """Sees every change of files just before it happens (as an audit hook), looks around, and may kill there."""

    def __init__(self) -> None:
        self.machine: Checkpoints | None = None
        self.left = -1

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.machine is None or event not in CHANGES or (event == "open" and "r" in str(arguments[1])):
            return
        machine, self.machine = self.machine, None  # looking opens files too
        try:
            machine.something_is_whole()
        finally:
            self.machine = machine
        self.left -= 1
        if self.left == 0:
            raise Killed

    @contextmanager
    def watched_by(self, machine: "Checkpoints", kill_at: int) -> Iterator[None]:
        self.machine, self.left = machine, kill_at
        try:
            yield
        finally:
            self.machine = None


files = FileSystem()
sys.addaudithook(files)


def is_whole(checkpoint: Path) -> bool:
    try:
        manifest = read_manifest(checkpoint)
        check_foreign(checkpoint, manifest)
        check_files(checkpoint, manifest)
    except Damaged:
        return False
    return True


class Checkpoints(RuleBasedStateMachine):
    """One phase's folder. A run saves; it may be killed at any change of a file; then the next run goes on."""

    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a place: fsync is called, and nothing here can tell whether it did anything.
        self.keeper = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.folder = Path(self.keeper.name) / "checkpoints"
        self.step = 0
        self.saved: set[int] = set()
        """Steps that were whole when last looked at and that nobody has damaged since."""
        self.damaged: set[int] = set()
        self.best: int | None = None
        """The last step that was saved as the best, unless damaged."""

    def teardown(self) -> None:
        self.keeper.cleanup()

    def whole(self) -> list[int]:
        return [step_of(path) for path in committed(self.folder) if is_whole(path)]

    def write(self, step: int, keep: int, best: bool) -> None:
        """The order of `ds_stilts.engine.checkpoint.save`."""
        final, temporary = self.folder / f"step-{step}", self.folder / f"step-{step}.tmp"
        sweep(self.folder)
        assert not list(self.folder.glob("*.tmp"))
        (temporary / "engine").mkdir(parents=True)
        sealed = {}
        for rank, name in enumerate(["engine/a.pt", "engine/b.pt", "rng-0.pt"]):
            (temporary / name).write_bytes(f"{step} {name} ".encode() * 20)
            sealed[name] = seal(temporary / name, rank)
        write_manifest(temporary, Manifest({"best": best}, sealed))
        commit(temporary, final)
        retain(self.folder, keep=keep, newest=final)

    @rule(ahead=st.integers(1, 3), keep=st.integers(1, 3), best=st.booleans())
    def save(self, ahead: int, keep: int, best: bool) -> None:
        self.step += ahead
        with files.watched_by(self, kill_at=-1):
            self.write(self.step, keep, best)
        self.best = self.step if best else self.best
        steps = self.whole()
        assert steps[0] == self.step
        self.saved = set(steps)
        self.damaged.discard(self.step)
        assert sum(not is_best(self.folder / f"step-{step}") for step in steps) <= keep

    @rule(ahead=st.integers(1, 3), keep=st.integers(1, 3), best=st.booleans(), kill_at=st.integers(1, 40))
    def save_and_be_killed(self, ahead: int, keep: int, best: bool, kill_at: int) -> None:
        step = self.step + ahead
        try:
            with files.watched_by(self, kill_at):
                self.write(step, keep, best)
        except Killed:
            pass
        if best and step in self.whole():
            self.best = step
        self.go_on()

    @precondition(lambda self: self.whole())
    @rule(kill_at=st.integers(-1, 4), best=st.booleans())
    def amend(self, kill_at: int, best: bool) -> None:
        """The order of `ds_stilts.engine.checkpoint.amend`, for the newest."""
        checkpoint = self.folder / f"step-{self.whole()[0]}"
        temporary, manifest = checkpoint.with_name(f"{checkpoint.name}.manifest.tmp"), read_manifest(checkpoint)
        told = Manifest({"best": best or is_best(checkpoint)}, manifest.files)
        try:
            with files.watched_by(self, kill_at):
                rewrite_manifest(checkpoint, told, temporary)
        except Killed:
            assert read_manifest(checkpoint) in (manifest, told)
        else:
            assert read_manifest(checkpoint) == told
        if is_best(checkpoint):
            self.best = step_of(checkpoint)
        self.go_on()

    @rule()
    def go_on(self) -> None:
        """The next start: from the newest whole one, which is no older than it would have been before."""
        steps = self.whole()
        self.step = steps[0] if steps else 0
        assert self.step >= max(self.saved, default=0)
        seen = {step_of(path) for path in committed(self.folder)}
        self.saved = set(steps)
        assert seen - self.saved <= self.damaged, "what is half written or half deleted must not be seen"

    @precondition(lambda self: len(self.whole()) >= 2)
    @rule(data=st.data(), truncated=st.booleans(), of_manifest=st.booleans())
    def damage_one_of_several(self, data: st.DataObject, truncated: bool, of_manifest: bool) -> None:
        step = data.draw(st.sampled_from(self.whole()))
        path = self.folder / f"step-{step}" / ("MANIFEST.json" if of_manifest else "engine/b.pt")
        content = path.read_bytes()
        path.write_bytes(
            content[: len(content) // 2]
            + (b"" if truncated else bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :])
        )
        self.saved.discard(step)
        self.damaged.add(step)
        self.best = None if self.best == step else self.best

    @invariant()
    def something_is_whole(self) -> None:
        there_is_one = any(map(is_whole, committed(self.folder)))
        assert there_is_one or not self.saved, "there was a whole checkpoint, and now there is none"

    @invariant()
    def the_best_is_there(self) -> None:
        if self.best is not None:
            assert self.best in self.whole() and is_best(self.folder / f"step-{self.best}")


Checkpoints.TestCase.settings = settings(
    max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.timeout(300)
class TestCheckpoints(Checkpoints.TestCase):
    """At every instant, and after every kill, there is a whole checkpoint, and the best one."""


def test_what_guards_pickles_needs_no_torch() -> None:
    code = "import sys, ds_stilts.engine.retention; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
