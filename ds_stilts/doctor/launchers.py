"""Programs that start ranks: which are here, and whether they work together."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ds_stilts.doctor.finding import Finding, ok, warn

_SEVERAL = ("pdsh", "srun", "mpirun")
"""Each can start ranks on several machines."""
_TIMEOUT_S = 30.0


def check_launchers() -> Finding:
    """What can start ranks on one machine and on several."""
    here = [name for name in ("deepspeed", "ssh", *_SEVERAL) if _where(name)]
    missing = [name for name in ("ssh", *_SEVERAL) if name not in here]
    found = f"{', '.join(here) or 'none'}" + (f"; not here: {', '.join(missing)}" if missing else "")
    if "deepspeed" not in here:
        remedy = f"put {Path(sys.executable).parent} on PATH, or start with `ds-stilts run`, which needs none"
        return warn("launchers", f"{found}; deepspeed is not on PATH", remedy)
    if not any(name in here for name in _SEVERAL):
        remedy = "for several machines install pdsh (Debian, Ubuntu: apt-get install pdsh); one needs nothing"
        return warn("launchers", found, remedy)
    if "pdsh" in here and "ssh" not in here and "srun" not in here:
        return warn("launchers", found, "install ssh (Debian, Ubuntu: apt-get install openssh-client) for pdsh")
    return ok("launchers", found)


def _where(name: str) -> str | None:
    return shutil.which(name)


def check_mpi() -> Finding | None:
    """Whether mpi4py loads the MPI that `mpirun` is of; None where there is no mpirun."""
    if not _where("mpirun"):
        return None
    # In a process of its own: a library that does not fit may end it, and this one must not become an MPI rank.
    code = (
        "import mpi4py; mpi4py.rc.initialize = False; from mpi4py import MPI; "
        "print(mpi4py.__version__, MPI.Get_library_version().splitlines()[0].split(',')[0].strip(chr(0)), sep=' with ')"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PMI"))}
    try:
        asked = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_TIMEOUT_S, env=environment
        )
    except subprocess.TimeoutExpired:
        return warn("mpi4py", f"did not load within {_TIMEOUT_S:.0f} s", "use another launcher than mpirun")
    if asked.returncode:
        line = (asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"])[-1]
        return warn("mpi4py", f"does not load: {line}", "install an MPI library, or use another launcher than mpirun")
    return ok("mpi4py", asked.stdout.strip())
