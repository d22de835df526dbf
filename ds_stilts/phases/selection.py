"""`selection.json` of a target's stage: which step each rule would have kept, and what that would have cost.

How a rule keeps a step lives in `ds_stilts.engine.choosing`.
"""

import json
from pathlib import Path

from ds_stilts.engine.choosing import selection
from ds_stilts.engine.watch import Watch
from ds_stilts.recipe import Training

NAME = "selection.json"


def write_selection(folder: Path, training: Training, watch: Watch, kept: int) -> None:
    """Write it in one rename; nothing where no text without labels was looked at.

    Args:
        folder: of the stage.
        kept: the step whose weights the phase ends with.
    """
    wanted = training.validation.unlabelled if training.validation else None
    if wanted is None or not watch.looks:
        return
    chosen = watch.rule if watch.keeps_best else "last"
    values = {"split": wanted.split, "kept": kept, **selection(watch.looks, chosen_by=chosen)}
    temporary = folder / f"{NAME}.tmp"
    temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")
    temporary.replace(folder / NAME)
