"""Slurm's commands, replaced."""

from pathlib import Path

import pytest

from tests.jobs.stand_ins import Slurm


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    return Slurm(tmp_path / "slurm", monkeypatch)
