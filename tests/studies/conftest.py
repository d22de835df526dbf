"""One study with planted effects, written once; tests that change a study's folder get a copy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ds_stilts.studies.cells import STUDY, Cell, all_cells
from ds_stilts.studies.study import Study
from tests.jobs.stand_ins import Slurm
from tests.studies.planted import plant, planted_study, qa_gains_harm_loses

CONTRASTS = {
    "qa_helps": {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}, "confirmatory": True},
    "shuffled_is_null": {
        "arm": "shuffled", "against": "none", "predicted": {"equal_within": 3.0}, "confirmatory": True,
    },
    "far_gain_less": {"arm": "qa", "against": "none", "slope": "distance", "predicted": {"sign": "negative"}},
    "size": {"arm": "qa", "against": "none", "predicted": {"number": 4.0, "within": 1.5}},
    "wrong_size": {"arm": "qa", "against": "none", "predicted": {"number": 9.0, "within": 1.0}},
    "harm_helps": {"arm": "harm", "against": "none", "predicted": {"sign": "positive"}},
    "shuffled_helps": {"arm": "shuffled", "against": "none", "predicted": {"sign": "positive"}},
    "shuffled_not_worse": {"arm": "shuffled", "against": "none", "predicted": {"not_below": -3.0}},
    "harm_not_worse": {"arm": "harm", "against": "none", "predicted": {"not_below": -1.0}},
    "best": {"best_of": ["harm", "shuffled", "qa"], "against": "none", "predicted": {"sign": "positive"}},
    "worst_language": {"arm": "qa", "against": "none", "aggregate": "worst_language"},
}  # fmt: skip


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    study = planted_study(contrasts=CONTRASTS)
    return plant(tmp_path_factory.mktemp("study") / "planted", study, qa_gains_harm_loses, items=150)


@pytest.fixture
def copied(planted: Path, tmp_path: Path) -> Callable[[Callable[[Cell], bool]], tuple[Path, Study]]:
    """A copy of the planted study without the cells for which the given function says so."""

    def copy(without: Callable[[Cell], bool] = lambda cell: False) -> tuple[Path, Study]:
        folder = tmp_path / "copy"
        shutil.copytree(planted, folder)
        study = Study.model_validate(yaml.safe_load((folder / STUDY).read_text()))
        for cell in all_cells(study, folder):
            if without(cell):
                shutil.rmtree(cell.folder)
        return folder, study

    return copy


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Slurm's commands, replaced."""
    return Slurm(tmp_path_factory.mktemp("slurm") / "bin", monkeypatch)
