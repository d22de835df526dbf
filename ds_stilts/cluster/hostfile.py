"""Names of the machines that a run is spread over: a list on the command line, or DeepSpeed's hostfile."""

import re
from pathlib import Path

from ds_stilts.errors import ClusterError

_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9_.:-]*")
"""A host's name, address or ssh alias, with the user if need be. None begins with a dash: ssh would take it for an
option, and options of ssh run programs."""
_LINE = re.compile(r"(\S+)\s+slots=(\d+)\s*")
"""As DeepSpeed reads a line (launcher/runner.py, _parse_hostfile)."""


def parse_hosts(text: str) -> list[str]:
    """Names that are separated by commas.

    Raises:
        ClusterError: none, a name that cannot be one, or the same twice.
    """
    return _checked([name.strip() for name in text.split(",") if name.strip()], "--hosts")


def read_hostfile(path: Path) -> list[str]:
    """Names of a hostfile, in its order; lines are `NAME slots=N`, `#` begins a comment line.

    Raises:
        ClusterError: there is no such file, or a line that DeepSpeed would not take.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ClusterError(
            f"hostfile {path} cannot be read ({why}); give a file with lines like `node1 slots=8`"
        ) from None
    names = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if not match:
            raise ClusterError(f"{path}, line {number}: '{text}' should be like `node1 slots=8`")
        names.append(match[1])
    return _checked(names, str(path))


def _checked(names: list[str], where: str) -> list[str]:
    if not names:
        raise ClusterError(f"{where} names no host; give at least one, e.g. node1,node2")
    for number, name in enumerate(names):
        if not _NAME.fullmatch(name):
            raise ClusterError(
                f"{where}: '{name}' is no host name; write names as ssh takes them, e.g. node1 or me@node1"
            )
        if name in names[:number]:
            raise ClusterError(f"{where}: host '{name}' is named twice; remove one")
    return names
