"""A site to run batch scripts on without Slurm: bash starts them, with stand-ins for the programs that they call."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

SLURM = Path(__file__).resolve().parents[2] / "slurm"

_PROGRAMS = {
    # What matters of srun: it runs the words after its options and ends with their status.
    "srun": 'echo "${*//[[:cntrl:]]/ }" >>"$SITE/srun"; while [[ $1 == -* ]]; do shift; done; exec "$@"',
    "scontrol": 'case "$1 $2" in "show hostnames") echo node7; echo node8 ;;\n'
    '"show job") echo "JobId=7 JobState=${STATE:-RUNNING} Reason=${REASON:-None} PreemptTime=${PREEMPTED:-None}"\n'
    'echo "   Command=${LAY:-/nowhere}/evaluate.sbatch r.yaml" ;;\n'
    '*) kill -TERM $$; echo "$@" >>"$SITE/scontrol" ;; esac',  # a requeue ends every process of the job, and itself
    # A rank: notes its words and does what $BEHAVE says.
    "python": '[[ $1 == -c ]] && { echo software; exit; }\nprintf "<%s>" "$@" >>"$SITE/ranks"; echo >>"$SITE/ranks"\n'
    'env >"$SITE/environment"; touch "$SITE/started"; eval "$BEHAVE"',
    "apptainer": 'echo "${*//[[:cntrl:]]/ }" >>"$SITE/apptainer"\n'
    'while [[ $1 != python && $1 != bash ]]; do shift; done; exec "$@"',
}
WAIT = "trap 'sleep 0.3; exit 85' USR2 TERM; for i in {1..300}; do sleep 0.1; done"
"""A rank that trains until it is told to leave."""
FINISH = 'mkdir -p "$RUN/$STAGE"; echo >"$RUN/$STAGE/DONE"'
"""A rank that finishes the stage in $STAGE."""


class Site:
    """Args:
    folder: empty; gets the programs, what they note, and the run folder `run`.
    script: of `slurm/`.
    """

    def __init__(self, folder: Path, script: str = "train") -> None:
        self.folder, self.run, self._script = folder, folder / "run", SLURM / f"{script}.sbatch"
        for name, body in _PROGRAMS.items():
            path = folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/bash\n{body}\n")
            path.chmod(0o755)

    def start(self, *words: str, behave: str = "exit 0", **variables: str) -> subprocess.Popen[str]:
        """Start the batch script as job 7 on two nodes, with words after it."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "DS_STILTS_"))}
        environment = {
            **kept,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "SITE": str(self.folder),
            "RUN": str(self.run),
            "OUT": str(self.run),
            "HOME": str(self.folder / "home"),
            "SCRATCH": str(self.folder / "scratch"),
            "BEHAVE": behave,
            "SLURM_JOB_ID": "7",
            "SLURM_JOB_NUM_NODES": "2",
            "SLURM_JOB_NODELIST": "node[7-8]",
            "SLURM_JOB_CPUS_PER_NODE": "8(x2)",
        }
        return subprocess.Popen(
            ["bash", str(self._script), *words],
            env=environment | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def end(self, *words: str, **variables: str) -> tuple[int, str]:
        """Run the script to its end; returns its exit code and what it said."""
        job = self.start(*words, **variables)
        output, _ = job.communicate(timeout=60)
        return job.returncode, output

    def noted(self, program: str) -> str:
        """What a program has noted so far."""
        path = self.folder / program
        return path.read_text() if path.exists() else ""

    @property
    def requeued(self) -> list[str]:
        """Jobs that were put back into the queue."""
        return [line.split()[1] for line in self.noted("scontrol").splitlines() if line.startswith("requeue")]

    def wait_for_ranks(self) -> None:
        """Until a rank has started."""
        _until((self.folder / "started").exists)

    def signal_ranks(self, number: signal.Signals) -> None:
        """Send what Slurm sends to the ranks of a job."""
        _until(lambda: subprocess.run(["pkill", f"-{number.value}", "-f", f"{self.folder}/bin/python"]).returncode == 0)


def _until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)
