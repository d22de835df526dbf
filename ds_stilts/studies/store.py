"""Where stages lie that runs share: a folder for each key, linked into the folders of all runs that have that stage.

    STORE/<key>/            the stage's folder as a run leaves it: model/, predictions/, scores.json, DONE, …
    STORE/<key>/entry.json  what the key was made of, whose run is, or was last, at work here, whether the model is gone
    RUN/arms/<arm>          a link to it

A folder without DONE that another recipe's run left is begun again: its checkpoints carry that recipe's fingerprint.
"""

import json
import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds_stilts.cluster.lock import NAME as LOCK
from ds_stilts.errors import UserError
from ds_stilts.whole_file import write_whole

ENTRY = "entry.json"
PHASE = "phase.json"
"""In a model's folder, what its training recorded; beside it, once the model was removed."""
_REMOVED = "model.removed.tmp"


@dataclass(frozen=True, kw_only=True)
class Store:
    """A folder of stages by key."""

    root: Path

    def folder(self, key: str) -> Path:
        return self.root / key

    def is_done(self, key: str) -> bool:
        return (self.folder(key) / "DONE").is_file()

    def has_model(self, key: str) -> bool:
        return (self.folder(key) / "model").is_dir()

    def model_folders(self, key: str) -> list[Path]:
        """A stage's model, and what is left of one that was being removed."""
        return [path for name in ("model", _REMOVED) if (path := self.folder(key) / name).is_dir()]

    def drop_model(self, key: str) -> None:
        """Remove the model of a stage that is done, whose lock is held. Its entry and marker say so before it goes, and
        what its training recorded (`phase.json`) stays.

        Raises:
            UserError: the folder cannot be written to.
        """
        folder = self.folder(key)
        model, aside = folder / "model", folder / _REMOVED
        shutil.rmtree(aside, ignore_errors=True)
        if not model.is_dir():
            return
        try:
            write_json(folder / PHASE, read_json(model / PHASE))
            for name in (ENTRY, "DONE"):
                write_json(folder / name, {**read_json(folder / name), "model": "removed once it was scored"})
            model.rename(aside)  # at once: half a model would count as one
        except OSError as error:
            raise UserError(f"{error.filename or folder} cannot be written to ({error.strerror})") from None
        shutil.rmtree(aside, ignore_errors=True)

    def link(self, key: str, stage_dir: Path) -> None:
        """Make a run's stage folder a link to the stored one, which is made if need be.

        Raises:
            UserError: a folder lies in the link's place, or one of the two cannot be written to.
        """
        folder = self.folder(key)
        target = os.path.relpath(folder, stage_dir.parent)  # so that a study and its store can be moved together
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if stage_dir.is_symlink() and os.readlink(stage_dir) == target:
                return
            if stage_dir.exists() and not stage_dir.is_symlink():
                raise UserError(
                    f"{stage_dir} is a folder of its own, not a link into the store {self.root}; move it away, or give "
                    "another folder with --out"
                )
            stage_dir.parent.mkdir(parents=True, exist_ok=True)
            aside = stage_dir.with_name(f"{stage_dir.name}.{socket.gethostname()}.{os.getpid()}.tmp")
            aside.symlink_to(target, target_is_directory=True)
            aside.replace(stage_dir)
        except OSError as error:
            raise UserError(f"{error.filename or folder} cannot be written to ({error.strerror})") from None

    def begin(self, key: str, facts: Mapping[str, Any], *, stage: str, fingerprint: str) -> int:
        """Take a stage that is not done, whose lock is held; returns how often it was begun, this time included.

        Args:
            facts: what the key is made of.
            fingerprint: of the recipe whose run does the work.
        """
        folder = self.folder(key)
        before = read_json(folder / ENTRY)
        starts = int(before.get("starts", 0)) + 1
        if before.get("fingerprint") not in (None, fingerprint):
            for path in folder.iterdir():
                if path.name != LOCK:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        entry = {"key": key, "stage": stage, "fingerprint": fingerprint, "starts": starts, "facts": dict(facts)}
        write_json(folder / ENTRY, entry)
        return starts


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file of ours holds; {} where there is none, or half of one."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write an object in one rename."""
    write_whole(path, json.dumps(values, indent=1, ensure_ascii=False))
