"""A measurement of a tiny model on made-up languages, written and tokenised once for all tests here."""

import pytest

from ds_stilts.bench.job import Job
from ds_stilts.bench.model import parse_shape, write_shape
from ds_stilts.bench.sources import data_folder, make_tokenizer, prepare_source


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    root, shares, told = data_folder(None)
    shape = parse_shape("1x64")
    assert shape is not None
    tokenizer = make_tokenizer(root, shares, 16_000, 128)
    folder = tmp_path_factory.mktemp("shape")
    write_shape(folder, shape, tokenizer)
    return Job(
        source=prepare_source(root, shares, told, tokenizer, 128),
        model=folder,
        scratch=tmp_path_factory.mktemp("scratch"),
        batch=4,
        steps=3,
        rounds=2,
        dtype="fp32",
        dropout=0.0,
        clock="cpu",
        threads=1,
    )
