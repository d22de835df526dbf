"""Scored examples that are in a run's training data, as notes, where somebody has looked (`ds-stilts data overlap`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ds_stilts.report.beside import kept_overlap

Repeats = Mapping[tuple[str, str], tuple[str, ...]]
"""By target and language, a note for each training set that has some of its scored examples."""


def read_repeats(run_dir: Path, fingerprint: str) -> Repeats | None:
    """What is kept in a run's folder; None where nobody has looked, or for another recipe."""
    lines = kept_overlap(run_dir, [fingerprint])
    if lines is None:
        return None
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line["same"] + line["near"]:
            found.setdefault((line["target"], line["language"]), []).append(_note(line))
    return {key: tuple(notes) for key, notes in found.items()}


def _note(line: Mapping[str, Any]) -> str:
    phases = ", ".join(where.removeprefix("arms.") for where in line["phases"])
    training = line["training"]
    verb = "is" if line["same"] == 1 else "are"
    near = f", and {line['near']:,} more nearly so" if line["near"] else ""
    return (
        f"{line['same']:,} of the {line['examples']:,} scored examples {verb} in {training['task']} {training['split']}"
        f"{near}, whatever their labels ({phases})"
    )
