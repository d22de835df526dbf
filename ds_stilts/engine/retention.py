"""Which checkpoints lie in a phase's folder, how one becomes visible, and which are deleted. No torch here.

From the first save on there is a whole checkpoint at every instant: a new one becomes visible by one rename before any
old one goes, and an old one goes by being renamed first, so that a half deleted one is never seen.
"""

import logging
import re
import shutil
from pathlib import Path

from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.manifest import Damaged, looks_whole, read_manifest, sync_folder
from ds_stilts.errors import CheckpointError

logger = logging.getLogger(__name__)
_COMMITTED = re.compile(r"step-(\d+)(-any)?")


def step_of(checkpoint: Path) -> int:
    """Optimizer steps done at a checkpoint, from its name."""
    found = _COMMITTED.fullmatch(checkpoint.name)
    assert found, checkpoint
    return int(found[1])


def committed(folder: Path) -> list[Path]:
    """Committed checkpoints, newest first, of one step the one as saved before `-any`; unverified."""
    found = [path for path in folder.glob("step-*") if _COMMITTED.fullmatch(path.name)]
    return sorted(found, key=lambda path: (-step_of(path), path.name))


def commit(temporary: Path, final: Path) -> None:
    """Make a folder whose manifest is written the checkpoint `final`.

    A folder of that name was found damaged when the run started, or training would have gone on behind it.
    """
    if final.exists():
        discard(final)
    temporary.rename(final)
    sync_folder(final.parent)


def retain(folder: Path, *, keep: int, newest: Path) -> None:
    """Delete all checkpoints but `newest` and the `keep - 1` whole ones before it, and the best by a metric.

    The best is the newest that was saved as such, so that no second file has to say which it is. Of one step, the one
    as saved and its `-any` are kept alike: which of them fits, the ranks that load it decide. What cannot be deleted is
    told and stays.

    Args:
        keep: at least 1.
        newest: just saved, so good. What has a later step was found damaged when the run started.
    """
    older = [path for path in committed(folder) if step_of(path) <= step_of(newest)]
    whole = [path for path in older if path == newest or looks_whole(path)]
    steps = sorted({step_of(path) for path in whole}, reverse=True)[:keep]
    steps += [step_of(path) for path in whole if is_best(path)][:1]
    for path in committed(folder):
        if path in whole and step_of(path) in steps:
            continue
        try:
            discard(path)
        except OSError as error:
            logger.warning("%s is not needed any more and cannot be deleted (%s)", path, error.strerror)


def is_best(checkpoint: Path) -> bool:
    """Whether a checkpoint was saved as the best by a metric so far."""
    try:
        return bool(read_manifest(checkpoint).facts.get("best"))
    except (Damaged, CheckpointError):
        return False


def discard(checkpoint: Path) -> None:
    """Delete a checkpoint; it is invisible from the first instant on."""
    trash = checkpoint.with_name(checkpoint.name + ".old.tmp")
    shutil.rmtree(trash, ignore_errors=True)
    fail_at("retain.trash", step=step_of(checkpoint))
    checkpoint.rename(trash)
    fail_at("retain.remove", step=step_of(checkpoint))
    shutil.rmtree(trash)


def sweep(folder: Path) -> None:
    """Delete what interrupted saves and deletions have left."""
    for path in folder.glob("step-*.tmp"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
