"""What a folder lies on, from /proc/self/mountinfo (proc_pid_mountinfo(5))."""

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")


def mount_of(folder: Path, table: Path = _MOUNTS) -> str:
    """Kind and source of the file system that a folder is on, e.g. "nfs4 server:/home"; empty where nobody says."""
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real, best, found = os.path.realpath(folder), "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, source = before.split(), after.split()
        if len(fields) < 5 or len(source) < 2:
            continue
        place = _plain(fields[4])
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):  # of several on one place the last one is seen
            best, found = place, f"{source[0]} {_plain(source[1])}"
    return found


def _plain(text: str) -> str:
    """Blanks and the like are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
