"""Launchers on a PATH that holds some, none, or a broken one."""

import os
import sys
from pathlib import Path

import pytest

from ds_stilts.doctor.launchers import check_launchers, check_mpi


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)


def test_one_machine_needs_deepspeed_and_several_need_something_that_reaches_them(only: Path) -> None:
    nothing = check_launchers()
    put(only, "deepspeed")
    one = check_launchers()
    put(only, "pdsh")
    without_ssh = check_launchers()
    put(only, "ssh")
    several = check_launchers()

    assert nothing.verdict == "warn" and str(Path(sys.executable).parent) in nothing.remedy
    assert one.verdict == "warn" and "apt-get install pdsh" in one.remedy
    assert without_ssh.verdict == "warn" and "openssh-client" in without_ssh.remedy
    assert several.verdict == "ok" and several.found == "deepspeed, ssh, pdsh; not here: srun, mpirun"


def test_mpi_is_not_asked_for_where_there_is_no_mpirun(only: Path) -> None:
    assert check_mpi() is None


def test_an_mpi4py_that_does_not_load_is_a_warning(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(only, "mpirun")
    (only / "mpi4py").mkdir()
    (only / "mpi4py" / "__init__.py").write_text("raise ImportError('libmpi.so.12: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", f"{only}:{os.environ.get('PYTHONPATH', '')}")
    found = check_mpi()
    assert found and found.verdict == "warn"
    assert found.found == "does not load: ImportError: libmpi.so.12: cannot open shared object file"
