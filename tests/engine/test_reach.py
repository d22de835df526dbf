"""The tiny world that `ds-stilts doctor` starts on each host: it adds up, and it ends, whatever happens."""

import json
import os
import subprocess
import sys
import time
from typing import Any

from ds_stilts.cluster.local import free_port
from ds_stilts.engine.reach import MARK


def start(rank: int, size: int, port: int, come_s: float = 60.0, **variables: str) -> subprocess.Popen[str]:
    words = ["--rank", rank, "--size", size, "--address", "127.0.0.1", "--port", port, "--come-s", come_s]
    return subprocess.Popen(
        [sys.executable, "-m", "ds_stilts.engine.reach", *map(str, words), "--wait-s", "10"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", **variables},
    )


def word(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    lines = [line for line in process.stdout if line.startswith(MARK)]
    process.wait(timeout=60)
    return json.loads(lines[-1].removeprefix(MARK))


def test_two_ranks_add_up_and_say_how_long_it_took() -> None:
    port = free_port()
    ranks = [start(rank, 2, port) for rank in range(2)]
    said = [word(rank) for rank in ranks]
    assert all(0 < each["gloo"]["one_s"] < 5 and 0 < each["gloo"]["many_s"] < 10 for each in said)
    assert [rank.returncode for rank in ranks] == [0, 0]


def test_a_rank_that_waits_in_vain_says_so_in_time() -> None:
    began = time.monotonic()
    alone = start(0, 2, free_port(), come_s=2.0)
    assert word(alone) == {"error": "1 of 2 ranks came within 2 s"}
    assert alone.returncode == 1
    assert time.monotonic() - began < 60


def test_ranks_that_cannot_connect_end_in_time_with_where_they_tried() -> None:
    port = free_port()
    ranks = [start(0, 2, port), start(1, 2, port, GLOO_SOCKET_IFNAME="no-such-device")]
    began = time.monotonic()
    said = [word(rank) for rank in ranks]
    assert all("error" in each for each in said)
    assert "no-such-device" in said[1]["error"] and "/gloo/" not in said[1]["error"]
    assert time.monotonic() - began < 60


def test_a_rank_ends_when_its_input_does() -> None:
    alone = start(0, 2, free_port())
    assert alone.stdin
    time.sleep(1)
    alone.stdin.close()
    assert alone.wait(timeout=60) == 1
