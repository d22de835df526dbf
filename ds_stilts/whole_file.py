"""Files that others read while they are written: there is the old text or the new one, never half of either."""

import os
import socket
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file (UTF-8) in one rename. Several processes, on several hosts, may write it: the last one wins.

    Raises:
        OSError: the folder is not there or cannot be written to; the old text stays.
    """
    temporary = path.with_name(f"{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
