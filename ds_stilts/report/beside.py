"""What was found in data files, kept in the folder of a run or a study for the report of its own recipes only."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ds_stilts.errors import UserError
from ds_stilts.whole_file import write_whole

OVERLAP = "overlap.json"
"""Lines of `ds_stilts.phases.overlap_scan`."""
_OF_A_LINE = {"target", "split", "language", "training", "phases", "examples", "same", "near"}
"""What readers rely on."""


def keep(folder: Path, name: str, fingerprints: Sequence[str], values: Mapping[str, Any]) -> None:
    """Write what was found into a folder, which is made if need be.

    Args:
        fingerprints: of the recipes that it was found for.

    Raises:
        UserError: the folder cannot be written to.
    """
    whole = {"recipes": list(fingerprints), **values}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror}); give another folder with --out") from None


def kept(folder: Path, name: str, fingerprints: Sequence[str]) -> dict[str, Any] | None:
    """What `keep` wrote for these very recipes; None where there is nothing of that sort."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        return dict(found) if found["recipes"] == list(fingerprints) else None
    except (OSError, ValueError, LookupError, TypeError):  # not there, or changed by hand
        return None


def kept_overlap(folder: Path, fingerprints: Sequence[str]) -> list[dict[str, Any]] | None:
    """The lines of a scan for scored examples in training data; None where nobody has looked for these recipes."""
    found = kept(folder, OVERLAP, fingerprints)
    lines: Any = found and found.get("lines")
    if isinstance(lines, list) and all(isinstance(line, dict) and line.keys() >= _OF_A_LINE for line in lines):
        return lines
    return None
