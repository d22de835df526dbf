"""Site files: found, read, and told apart from mistakes."""

import math
from pathlib import Path

import pytest

from ds_stilts.errors import ClusterError
from ds_stilts.jobs.site import Site, find_site, limit_s, load_site


def site(folder: Path, text: str) -> Site:
    path = folder / "site.yaml"
    path.write_text(text)
    return load_site(path)


def test_every_key_may_be_left_away() -> None:
    assert load_site(None) == Site()


def test_the_file_named_wins_over_the_variable_and_that_over_the_users_own(tmp_path: Path) -> None:
    own = tmp_path / "config" / "ds_stilts" / "site.yaml"
    own.parent.mkdir(parents=True)
    named, variable = tmp_path / "named.yaml", tmp_path / "variable.yaml"
    for path in (own, named, variable):
        path.write_text("partition: gpu\n")
    environment = {"DS_STILTS_SITE": str(variable), "XDG_CONFIG_HOME": str(tmp_path / "config")}

    assert find_site(named, environment) == named
    assert find_site(None, environment) == variable
    assert find_site(None, {"XDG_CONFIG_HOME": str(tmp_path / "config")}) == own
    assert find_site(None, {"XDG_CONFIG_HOME": str(tmp_path / "none")}) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("partitoin: gpu", "partitoin: unknown key (did you mean 'partition'?)"),
        ("container: {image: x, tol: y}", "container.tol: unknown key (did you mean 'tool'?)"),
        ("time: {train: 12:00:00}", 'write a time limit in quotes, e.g. "12:00:00"'),
        ('time: {train: "12 hours"}', "'12 hours' is no time limit"),
        ("environment: ['A B']", "'A B' is no name of a variable"),
        ("sbatch: ['--mem 64G', exclusive]", "'exclusive' is no option"),
        ("container: {image: x, options: ['--bind /data']}", "give each word by itself"),
        ("container: {image: x, tool: docker}", "'apptainer' or 'pyxis'"),
        ("warning_s: 5", "greater than or equal to 60"),
        ("- a", "a site file is a YAML mapping"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_a_mistake_is_told_by_file_and_key(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ClusterError) as error:
        site(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "site.yaml"))
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 5400), ("5:30", 330), ("12:00:00", 43200), ("2-0", 172800), ("1-12", 129600), ("1-0:30", 88200),
     ("0-00:00:45", 45), ("0", math.inf)],
)  # fmt: skip
def test_time_limits_are_read_as_slurm_reads_them(text: str, seconds: float) -> None:
    assert limit_s(text) == seconds


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="there is no site file"):
        find_site(tmp_path / "none.yaml", {})
    with pytest.raises(ClusterError, match="there is no site file"):
        find_site(None, {"DS_STILTS_SITE": str(tmp_path / "none.yaml")})
