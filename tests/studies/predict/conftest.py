"""One small study with its start model, made once for each file of tests."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.synthetic.presets import PRESETS
from tests.studies.predict.places import CHANGES, make_start
from tests.studies.worlds import study


@pytest.fixture(scope="session")
def ranked() -> Study:
    return study(**CHANGES)


@pytest.fixture(scope="module")
def small_world() -> Iterator[None]:
    """The made-up languages of "tiny" with a twentieth of its sentences, which take a twentieth of the time."""
    tiny = PRESETS["tiny"]
    few = {name: count // 20 for name, count in vars(tiny.sets).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", replace(tiny, sets=type(tiny.sets)(**few)))
        yield


@pytest.fixture(scope="module")
def store(ranked: Study, small_world: None, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Not to be changed."""
    made = Store(root=tmp_path_factory.mktemp("store"))
    make_start(ranked, made)
    return made


@pytest.fixture(scope="module")
def start_model(ranked: Study, store: Store) -> Path:
    return make_start(ranked, store)
