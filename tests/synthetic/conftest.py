"""One tiny world for all tests of the made-up languages, and its files once written."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ds_stilts.synthetic.lexicon import Lexicon, build_lexicons
from ds_stilts.synthetic.presets import PRESETS, Preset, SetSizes
from ds_stilts.synthetic.world import World
from ds_stilts.synthetic.write import write_sets

SEED = 7

FEW = Preset(
    world=PRESETS["tiny"].world,
    sets=SetSizes(
        text=100, nli=60, paraphrase=40, qa=40, qa_low=20, tagging=40, choice=20, dev=12, test=20, retrieval=60
    ),
)
"""The tiny world with sets that are written in half a second."""


@pytest.fixture(scope="session")
def world() -> World:
    return World(PRESETS["tiny"].world, SEED)


@pytest.fixture(scope="session")
def lexicons(world: World) -> Mapping[str, Lexicon]:
    return build_lexicons(world, SEED)


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with all files of `FEW`."""
    folder = tmp_path_factory.mktemp("world") / "data"
    write_sets(folder, FEW, SEED)
    return folder
