"""Which variables reach ranks on other hosts when DeepSpeed's launcher starts them over ssh (launcher/runner.py).

It hands on variables with a few beginnings, and the lines of `.deepspeed_env`; everything else, DS_STILTS_CACHE and
GLOO_SOCKET_IFNAME among it, stays behind. The doctor gives its agents the same, so that it sees what a run would.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ds_stilts.doctor.finding import Finding, fail, ok

_HANDED_ON = ("PYTHON", "NCCL", "MLFLOW", "MV2", "UCX")
_LINE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")


def files() -> list[Path]:
    """The files of variables that are there, in the order in which they are read: home folder, this folder."""
    name = os.environ.get("DS_ENV_FILE", ".deepspeed_env")
    places = [Path.home() / name, Path(name)]
    return [path for number, path in enumerate(places) if path.is_file() and path.absolute() not in
            [other.absolute() for other in places[:number]]]  # fmt: skip


def handed_on(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a rank on another host is given; lines that cannot be read are left out."""
    env = os.environ if environment is None else environment
    given = {name: value for name, value in env.items() if name.startswith(_HANDED_ON) and _LINE.fullmatch(f"{name}=")}
    for path in files():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if match := _LINE.fullmatch(line):
                given[match[1]] = match[2].strip()
    return given


def check_variables() -> Finding | None:
    """Whether the launcher can read its files of variables; None where there are none.

    A line without `=`, also a blank one or a comment, ends the launcher with a ValueError; a value is put into a shell
    line as it stands, so that blanks, quotes and dollar signs are read by that shell.
    """
    told = []
    for path in files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            match = _LINE.fullmatch(line)
            if not match:
                found = f"{path}, line {number}: '{line}' is not NAME=VALUE, and ends DeepSpeed's launcher"
                return fail("variables", found, "remove the line: comments and blank lines are not allowed there")
            if re.search(r"[\s;&|<>$`'\"\\()]", match[2].strip()):
                found = f"{path}, line {number}: the value of {match[1]} is read by a shell as it stands"
                return fail("variables", found, "write a value without blanks, quotes and signs of the shell")
            told.append(match[1])
    return ok("variables", f"{', '.join(told) or 'none'} in {' and '.join(map(str, files()))}") if files() else None
