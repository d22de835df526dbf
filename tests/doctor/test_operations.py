"""Compilers that are not on PATH, and the lock of a build that was really killed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ds_stilts.doctor.operations import (
    check_build_locks,
    check_build_tools,
    check_operations,
    extensions_folder,
    judge_nvcc,
)

BUILD = """
import sys, time
from torch.utils.file_baton import FileBaton
assert FileBaton(sys.argv[1]).try_acquire()
print("building", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_killed_build_is_named_once_it_can_only_be_stale(tmp_path: Path) -> None:
    lock = tmp_path / "py311_cpu" / "async_io" / "lock"
    lock.parent.mkdir(parents=True)
    build = subprocess.Popen([sys.executable, "-c", BUILD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert build.stdout and build.stdout.readline() == "building\n"
    going_on = check_build_locks(tmp_path, now=time.time() + 3600)
    build.kill()
    build.wait()
    young, old = check_build_locks(tmp_path), check_build_locks(tmp_path, now=time.time() + 3600)
    lock.unlink()

    assert going_on.verdict == "ok" and going_on.found == f"being built: async_io by process {build.pid}"
    assert young.verdict == "warn" and str(lock) in young.found
    assert old.verdict == "fail" and old.remedy.startswith(f"run `rm {lock}`")
    assert check_build_locks(tmp_path).verdict == "ok"
    assert check_build_locks(tmp_path / "none").verdict == "ok"


def test_a_folder_of_ones_own_for_builds_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu_adam").mkdir()
    (tmp_path / "cpu_adam" / "lock").touch()
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    assert extensions_folder() == tmp_path
    assert check_build_locks(extensions_folder(), now=time.time() + 3600).verdict == "fail"


def test_what_builds_is_missing_where_path_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    compiler, ninja, *_ = check_build_tools()
    assert (compiler.verdict, ninja.verdict) == ("warn", "warn")
    assert "apt-get install g++" in compiler.remedy
    if Path(sys.executable).with_name("ninja").exists():
        assert ninja.remedy == f"put {Path(sys.executable).parent} on PATH"
    monkeypatch.setenv("CXX", "c++-of-mine")
    assert "there is no 'c++-of-mine'" in check_build_tools()[0].found


def test_operations_are_counted_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    found = check_operations()
    out, _ = capfd.readouterr()
    assert out == ""
    assert found.name == "DeepSpeed operations" and " can be built" in found.found
    assert (found.verdict == "warn") == ("not async_io" in found.found)
    if found.verdict == "warn":
        assert "libaio-dev" in found.remedy and "zero3_nvme_bf16" in found.remedy


@pytest.mark.parametrize(("cuda", "verdict"), [("12.8", "ok"), ("12.1", "ok"), ("13.0", "warn")])
def test_an_nvcc_of_another_major_release_is_a_warning(cuda: str, verdict: str) -> None:
    said = "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release 12.6, V12.6.77\n"
    found = judge_nvcc(said, cuda, "install another")
    assert (found.verdict, found.found) == (verdict, f"12.6, PyTorch is built for CUDA {cuda}")
