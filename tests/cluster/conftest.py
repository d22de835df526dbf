"""Racks that tests of this folder share: virtual hosts with ssh, and with Slurm on them."""

from collections.abc import Iterator

import pytest

from tests.cluster.racks import Rack


@pytest.fixture(scope="session")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """Two hosts with ssh; leave them as they were."""
    made = Rack(tmp_path_factory.mktemp("rack") / "rack")
    yield made
    made.down()


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """Two hosts under Slurm; leave them idle."""
    made = Rack(tmp_path_factory.mktemp("slurm") / "rack", slurm=True)
    yield made
    made.down()


@pytest.fixture
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """Two hosts under Slurm of a test's own, to break."""
    made = Rack(tmp_path_factory.mktemp("fragile") / "rack", slurm=True)
    yield made
    made.down()
