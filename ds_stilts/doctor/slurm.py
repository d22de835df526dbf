"""Whether Slurm's controller answers, and what it says of partitions, nodes and GPUs."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ds_stilts.doctor.finding import Finding, fail, ok, warn

_TIMEOUT_S = 15.0
"""Slurm itself waits ten seconds for its controller (MessageTimeout)."""
_SHOWN = 6
"""Partitions that are told of."""
_USABLE = ("idle", "mix", "alloc", "comp")
"""Beginnings of states in which a node takes jobs, now or after those that it has (sinfo(1), NODE STATE CODES)."""


def check_slurm() -> list[Finding]:
    """The controller and the nodes; nothing where Slurm's programs are not installed."""
    if not shutil.which("scontrol"):
        return []
    code, said = _ask("scontrol", "ping")
    controller = judge_ping(code, said, is_configured())
    if controller.verdict != "ok":
        return [controller]
    code, said = _ask("sinfo", "--noheader", "--format=%R|%D|%t|%G")
    return [controller, judge_nodes(code, said)]


def is_configured(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this machine is said to belong to a Slurm cluster: by a configuration, or by being in a job."""
    env = os.environ if environment is None else environment
    named = Path(env.get("SLURM_CONF", "/etc/slurm/slurm.conf"))
    return "SLURM_JOB_ID" in env or named.is_file() or Path("/run/slurm/conf/slurm.conf").is_file()


def judge_ping(code: int | None, said: str, configured: bool) -> Finding:
    """What `scontrol ping` tells.

    Args:
        code: exit code; None: it did not come back.
        configured: whether a Slurm cluster is to be expected.
    """
    lines = [line.removeprefix("scontrol: ") for line in said.strip().splitlines()]
    controllers = [line for line in lines if line.startswith("Slurmctld(")]
    if any(line.endswith(" is UP") for line in controllers):
        return ok("Slurm", "; ".join(controllers))
    told = "; ".join(controllers or lines[-1:]) or f"exit code {code}"
    found = f"no answer within {_TIMEOUT_S:.0f} s" if code is None else told
    if not configured:
        return warn(
            "Slurm",
            f"installed, without a configuration: {found}",
            "use another launcher, or see /etc/slurm/slurm.conf",
        )
    return fail(
        "Slurm", found, "ask for `systemctl status slurmctld` on the controller's machine, and munge on this one"
    )


def judge_nodes(code: int | None, said: str) -> Finding:
    """What `sinfo` tells: a line PARTITION|NODES|STATE|GRES for each group of nodes."""
    if code != 0:
        return warn("Slurm nodes", f"sinfo says: {said.strip() or code}", "run `sinfo` and see")
    groups = [line.split("|") for line in said.strip().splitlines() if line.count("|") == 3]
    told: dict[str, list[str]] = {}
    usable = gpus = False
    for partition, nodes, state, resources in groups:
        has = "" if resources in ("(null)", "") else f" with {resources}"
        told.setdefault(partition, []).append(f"{nodes} {state}{has}")
        if state.startswith(_USABLE) and not state.endswith("*"):  # a star: it does not answer
            usable = True
            gpus = gpus or "gpu" in resources
    shown = [f"{partition}: {', '.join(lines)}" for partition, lines in list(told.items())[:_SHOWN]]
    found = "; ".join(shown) + (f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else "")
    if not usable:
        return warn("Slurm nodes", found or "none", "see `sinfo -R` for why no node takes jobs")
    return ok("Slurm nodes", found if gpus else f"{found}; no GPUs")


def _ask(*command: str) -> tuple[int | None, str]:
    """Exit code and what a program said; None where it did not come back in time."""
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None, ""
    except OSError as error:
        return 127, str(error)
    return asked.returncode, asked.stdout.strip() or asked.stderr
