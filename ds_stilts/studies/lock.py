"""The hypotheses of a study, frozen: its declared part with a hash, kept in its folder. What changes later is shown.

A lock is made once and never rewritten. That it was made after runs had been finished stands in it too.
"""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from ds_stilts import __version__
from ds_stilts.errors import UserError
from ds_stilts.recipe_diff import differing_keys
from ds_stilts.studies.store import read_json, write_json
from ds_stilts.studies.study import Study

NAME = "lock.json"


def declared_hash(study: Study) -> str:
    """sha256 of a study's declared part, as 64 hexadecimal digits."""
    return _hash(study.declared())


def lock_study(study: Study, folder: Path, *, scored: int) -> dict[str, Any]:
    """Freeze a study in its folder; the same study again changes nothing.

    Args:
        scored: how many of its stages have scores already.

    Returns:
        The lock: "hash", "declared", "locked" (time), "scored_before" and "version".

    Raises:
        UserError: another plan is locked there, or the folder cannot be written to.
    """
    found = read_lock(folder)
    if found is not None:
        changed = changes_since(found, study)
        if changed:
            raise UserError(
                f"{folder / NAME} was locked on {found['locked']} with another plan ({changed}); what changed since is "
                "shown in the report, and a new plan needs a folder of its own (--out)"
            )
        return found
    lock = {
        "hash": declared_hash(study),
        "locked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "scored_before": scored,
        "version": __version__,
        "declared": study.declared(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / NAME, lock)
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror}); give another folder with --out") from None
    return lock


def read_lock(folder: Path) -> dict[str, Any] | None:
    """The lock of a study's folder; None: it has none.

    Raises:
        UserError: it was changed by hand: its hash is not that of what it declares.
    """
    found = read_json(folder / NAME)
    if not (folder / NAME).exists():
        return None
    if _hash(found.get("declared")) != found.get("hash"):
        raise UserError(
            f"{folder / NAME} was changed after it was written; restore it, or remove it and go on without a lock"
        )
    return found


def changes_since(lock: dict[str, Any], study: Study) -> str:
    """What a study declares otherwise than its lock, key by key; "" if nothing."""
    return differing_keys(lock["declared"], study.declared())


def _hash(declared: Any) -> str:
    return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()
