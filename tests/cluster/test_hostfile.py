"""Names of hosts from a list or a hostfile; what is none is said in a sentence."""

from pathlib import Path

import pytest

from ds_stilts.cluster.hostfile import parse_hosts, read_hostfile
from ds_stilts.errors import ClusterError


def test_names_keep_their_order() -> None:
    assert parse_hosts("node2, me@node1,10.0.0.3,fe80::1") == ["node2", "me@node1", "10.0.0.3", "fe80::1"]


def test_a_hostfile_is_read_as_deepspeed_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("# two nodes\n\nnode1 slots=8\n  node2   slots=4  \n")
    assert read_hostfile(file) == ["node1", "node2"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "--hosts names no host"),
        ("node1,-oProxyCommand=x", "'-oProxyCommand=x' is no host name"),
        ("node1,$(x)", "is no host name"),
        ("node1,node1", "host 'node1' is named twice"),
    ],
)
def test_a_list_that_cannot_be_one_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ClusterError) as told:
        parse_hosts(text)
    assert sentence in str(told.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("node1 slots=8\nnode2 slot=8\n", "line 2: 'node2 slot=8' should be like `node1 slots=8`"),
        ("node1\n", "line 1"),
        ("# nothing\n", "names no host"),
        ("node1 slots=1\nnode1 slots=1\n", "named twice"),
    ],
)
def test_a_hostfile_that_deepspeed_would_not_take_is_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text(text)
    with pytest.raises(ClusterError) as told:
        read_hostfile(file)
    assert sentence in str(told.value) and str(file) in str(told.value)


def test_a_hostfile_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cannot be read \\(No such file or directory\\)"):
        read_hostfile(tmp_path / "none")
