"""What a rank says is one write a line, so that other ranks of the same launcher cannot come in between."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def test_a_sentence_and_the_end_of_its_line_are_one_write(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # a packet a write
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
    environment |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    command = [sys.executable, "-m", "ds_stilts.train", "--recipe", "none/such.yaml"]
    with ours, subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=theirs) as process:
        theirs.close()
        written = []
        while packet := ours.recv(65536):
            written.append(packet.decode())

    assert process.returncode == 2
    (said,) = written
    assert said.startswith("error: no recipe 'none/such.yaml'") and said.endswith("\n")


@pytest.mark.parametrize(
    ("variables", "recipe", "sentence"),
    [
        ({"RANK": "0"}, "quickstart", "error: RANK=0 is set, but WORLD_SIZE is not: start ranks with deepspeed"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "no_such", "error: no recipe 'no_such'"),
    ],
)
def test_a_launchers_variables_that_say_no_rank_are_told_in_a_sentence(
    tmp_path: Path, variables: dict[str, str], recipe: str, sentence: str
) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    command = [sys.executable, "-m", "ds_stilts.train", "--recipe", recipe]
    answer = subprocess.run(command, cwd=tmp_path, env={**kept, **variables}, capture_output=True, text=True)

    assert answer.returncode == 2
    assert answer.stderr.startswith(sentence) and len(answer.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
