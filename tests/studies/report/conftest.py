"""A study that is quick to report: two seeds, and few items."""

import shutil
from pathlib import Path

import pytest

from tests.studies.planted import plant, planted_study


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    study = planted_study(seeds__intermediate=[1, 2], statistics__resamples=200)
    return plant(tmp_path_factory.mktemp("little") / "study", study, items=12)


@pytest.fixture
def small(little: Path, tmp_path: Path) -> Path:
    """A copy of its folder."""
    return Path(shutil.copytree(little, tmp_path / "small", symlinks=True))
