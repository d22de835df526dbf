"""Ranks of mpirun agree on where to meet, or are told in a sentence why they cannot."""

import os
import shutil
import subprocess
import sys

from tests.ci import skip_unless_ci

ASK = r"""
import sys
from ds_stilts.cluster.mpi import meeting_point
from ds_stilts.errors import ClusterError
try:
    said = " ".join(("meet at", *map(str, meeting_point(2))))
except ClusterError as error:
    said = f"error: {error}"
sys.stdout.write(f"{said}\n")  # in one piece: mpirun puts the ranks' writes one after the other as they come
"""


def ask(*launcher: str) -> list[str]:
    if shutil.which("mpirun") is None:
        skip_unless_ci("there is no mpirun (apt-get install openmpi-bin)")
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    command = [*launcher, sys.executable, "-c", ASK]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def test_all_ranks_get_the_same_place() -> None:
    here, there = ask("mpirun", "--oversubscribe", "-np", "2")
    assert here == there and here.startswith("meet at ")


def test_an_mpi_library_that_sees_other_ranks_than_mpirun_started_is_a_sentence() -> None:
    (said,) = ask()
    assert said.startswith(
        "error: mpirun started 2 ranks, of which mpi4py sees 1: it found another MPI library (Open MPI"
    )
