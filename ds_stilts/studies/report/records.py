"""What stages of a study recorded while they trained: whose folders count, and the lines of their `metrics.jsonl`.

Invariants: only stages that are done count, and one that runs share counts once. A line that a killed process left
unfinished is skipped, and of a step that was done twice the later line counts.
"""

import json
from pathlib import Path
from typing import Any

from ds_stilts.studies.cells import stage_folders
from ds_stilts.studies.report.collect import Evidence


def done_stages(evidence: Evidence) -> dict[str, list[Path]]:
    """Folders of each stage that are done, one for each seed; stages in the study's order."""
    found: dict[str, dict[Path, Path]] = {}
    for _, stage, folder in stage_folders(evidence.study, evidence.folder):
        if (folder / "DONE").is_file():
            found.setdefault(stage, {}).setdefault(folder.resolve(), folder)
    return {stage: list(folders.values()) for stage, folders in found.items()}


def logged(folder: Path, key: str) -> dict[int, Any]:
    """What the lines of a stage's `metrics.jsonl` hold under `key`, by step, ascending; of lines without it nothing."""
    path = folder / "metrics.jsonl"
    found = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict) and key in values and "step" in values:
            found[int(values["step"])] = values[key]
    return dict(sorted(found.items()))
