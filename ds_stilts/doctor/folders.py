"""Room and rights where a run writes, and what lies where it reads."""

import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from ds_stilts.data.prepare import prepared_folder
from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.doctor.limits import size
from ds_stilts.errors import UserError
from ds_stilts.planning.machine import GIB
from ds_stilts.resources import cache_folder
from ds_stilts.tasks import all_tasks

_FEW_INODES = 10_000


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def check_run_folder(folder: Path) -> Finding:
    """Room for runs: a training state of XLM-R Large takes 9 GB, and two are kept."""
    remedy = "free some, or give another folder with --out: a checkpoint of XLM-R Large takes 9 GB, and two are kept"
    return check_room("run folder", folder, few=20 * GIB, none=GIB, elsewhere=remedy)


def check_cache() -> Finding:
    """Room for prepared files, and those that are there."""
    remedy = "free some, or name another folder in DS_STILTS_CACHE"
    finding = check_room("cache", cache_folder(), few=5 * GIB, none=GIB // 4, elsewhere=remedy)
    files = list(prepared_folder().rglob("*.arrow")) if prepared_folder().is_dir() else []
    held = f"; {len(files)} prepared files, {size(sum(path.stat().st_size for path in files))}" if files else ""
    return replace(finding, found=finding.found + held)


def check_room(name: str, folder: Path, *, few: int, none: int, elsewhere: str) -> Finding:
    """Whether a file can be written in a folder, or where it would be made, and how much room there is.

    Args:
        few: bytes below which it is a warning.
        none: bytes below which it fails.
        elsewhere: the remedy.
    """
    place = nearest(folder)
    shown = f"{folder}" + ("" if place == folder else " (not there yet)")
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".ds_stilts-doctor-") as file:
            file.write(b"\0" * 65536)  # more than what is kept beside the inode, so that a full disk says so
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return fail(name, f"{shown} cannot be written to ({error.strerror})", elsewhere)
    stat = os.statvfs(place)
    free = stat.f_frsize * stat.f_bavail
    found = f"{size(free)} free in {shown}"
    if free < few:
        return (fail if free < none else warn)(name, found, elsewhere)
    if stat.f_files and stat.f_favail < _FEW_INODES:  # where inodes are not counted, their number is 0
        return warn(name, f"{found}, but only for {stat.f_favail:,} files", elsewhere)
    return ok(name, found)


def check_data_root(root: Path) -> Finding:
    """Which tasks' files lie under the data root; reads none of them (`ds-stilts data check` does)."""
    name = "data root"
    where = "give the folder with the official files; `ds-stilts tasks NAME` says what they are called"
    if not root.is_dir():
        return fail(name, f"there is no folder {root}", where)
    if not os.access(root, os.R_OK | os.X_OK):
        return fail(name, f"{root} cannot be read", f"run `chmod -R u+rX {root}`, or ask its owner to")
    tasks = [task for task in all_tasks() if not task.name.startswith("synth_")]
    there, unreadable = set(), []
    for task in tasks:
        for split, declared in task.splits.items():
            for language in declared.languages or task.languages:
                with contextlib.suppress(UserError):  # a file lies there twice: `data check` says which
                    path = task.files(split, language, root)[0]
                    if path.is_file():
                        there.add(task.name)
                        unreadable += [] if os.access(path, os.R_OK) else [path]
    if not there:
        return fail(name, f"{root} has no file of any of the {len(tasks)} tasks", where)
    if unreadable:
        found = f"{len(unreadable)} files cannot be read, the first is {unreadable[0]}"
        return fail(name, found, f"run `chmod -R u+rX {root}`, or ask its owner to")
    return ok(name, f"files of {len(there)} of {len(tasks)} tasks in {root}; `ds-stilts data check` reads them")
