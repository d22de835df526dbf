"""Engine checkpoints that are either complete and verified, or invisible: saving, choosing and loading one.

Written into `step-N.tmp/`: every rank writes, syncs and hashes its own files and reports them; rank 0 lists all of them
in the manifest and commits with one rename to `step-N/`. A folder without the rename never counts, so a separate
"latest" pointer has nothing to add. Before a load every file is checked, by all ranks together; a damaged checkpoint is
named loudly and the one before it is taken. DeepSpeed's shards are pickles, so one with anything foreign is refused.

What a manifest says is in `manifest`, what is kept in `retention`, another number of ranks in `universal`.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from ds_stilts import __version__
from ds_stilts.engine import universal
from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.manifest import (
    Damaged,
    FileFacts,
    Manifest,
    check_files,
    check_foreign,
    read_manifest,
    rewrite_manifest,
    seal,
    write_manifest,
)
from ds_stilts.engine.retention import commit, committed, discard, retain, step_of, sweep
from ds_stilts.engine.shards import TAG, read_random_state, reason, write_random_state, write_shards
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError, in_common
from ds_stilts.recipe_diff import differing_keys

logger = logging.getLogger(__name__)

__all__ = ["Cursor", "amend", "committed", "discard", "load", "newest_good", "read_cursor", "save", "verify"]


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Where a phase stands, and what it is a phase of."""

    step: int
    """Optimizer steps done; the data order needs nothing else."""
    fingerprint: str
    """The recipe's; a checkpoint of another recipe is refused."""
    phase: str
    world_size: int
    zero_stage: int
    corpus: str = ""
    """Hash of the corpus card, which names every file that was trained on."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """What the fingerprint covers, to name what differs."""
    watch: dict[str, Any] = field(default_factory=dict)
    """What validations have said so far (`ds_stilts.engine.watch`); empty without any."""


def save(
    engine: Any,
    cursor: Cursor,
    folder: Path,
    world: World,
    *,
    keep: int = 2,
    best: bool = False,
    more: Callable[[Path], list[Path]] | None = None,
) -> Path:
    """Write and commit one checkpoint, then delete what is no longer kept; a collective.

    Args:
        engine: the DeepSpeed engine.
        folder: the phase's checkpoint folder.
        keep: how many of the newest steps to keep.
        best: this step is the best so far by the metric that the caller watches: it is kept besides them until
            another one is saved as the best.
        more: writes further files of this rank into the folder it is given, and returns them.

    Returns:
        The committed folder `step-N`.

    Raises:
        CheckpointError: a rank could not write (disk full); on all ranks alike, and older checkpoints are intact.
    """
    final, temporary = folder / f"step-{cursor.step}", folder / f"step-{cursor.step}.tmp"
    fail_at("save.begin", step=cursor.step)
    _together(world, lambda: _make_room(folder, temporary), temporary)
    paths, problem = write_shards(engine, temporary, cursor.step)
    files: dict[str, FileFacts] = {}
    try:
        if problem is None:
            paths.append(temporary / f"rng-{world.rank}.pt")
            write_random_state(paths[-1], world.device)
            paths += more(temporary) if more else []
            fail_at("save.own", step=cursor.step)
            files = {path.relative_to(temporary).as_posix(): seal(path, world.rank) for path in paths}
    except (OSError, RuntimeError) as error:
        problem = reason(error)
    reports = world.gather((files, problem))
    _give_up_together(world, [problem for _, problem in reports], temporary)
    merged = {name: facts for own, _ in reports for name, facts in own.items()}
    facts = {"cursor": asdict(cursor), "best": best, "universal": False, "versions": _versions()}

    def finish() -> None:
        for path in temporary.rglob("*"):  # NVMe offload copies its files past the checkpoint engine
            name = path.relative_to(temporary).as_posix()
            if name not in merged and path.is_file():
                merged[name] = seal(path, world.rank)
        fail_at("save.manifest", step=cursor.step)
        write_manifest(temporary, Manifest(facts, merged))
        fail_at("save.rename", step=cursor.step)
        commit(temporary, final)
        fail_at("save.renamed", step=cursor.step)

    _together(world, finish, temporary)
    if world.is_main:
        retain(folder, keep=keep, newest=final)
    world.barrier()
    return final


def amend(checkpoint: Path, cursor: Cursor, world: World, *, best: bool) -> None:
    """Let the manifest of a committed checkpoint say something else than when it was saved; a collective.

    Args:
        best: as in `save`.

    Raises:
        CheckpointError: rank 0 could not write; on all ranks alike, and the checkpoint is as it was.
    """
    temporary = checkpoint.with_name(f"{checkpoint.name}.manifest.tmp")

    def rewrite() -> None:
        manifest = read_manifest(checkpoint)
        facts = {**manifest.facts, "cursor": asdict(cursor), "best": best}
        rewrite_manifest(checkpoint, Manifest(facts, manifest.files), temporary)

    _together(world, rewrite, temporary)


def newest_good(folder: Path, here: Cursor, world: World, *, step: int | None = None) -> Path | None:
    """The newest checkpoint that verifies; damaged ones are named on the log. A collective; None if there is none.

    Args:
        here: what this run would save at step 0: recipe, ranks and ZeRO stage that a checkpoint must fit.
        step: look at the checkpoints of this step only.

    Raises:
        CheckpointError: the newest good one was made by another recipe, for another number of ranks or ZeRO stage, or
            holds something that was not saved with it. It is never skipped for an older one: that would lose work.
    """
    for checkpoint in world.gather(_candidates(folder, world.size) if world.is_main else [])[0]:
        if step is not None and step_of(checkpoint) != step:
            continue
        manifest, damage, refusal = world.gather(_look(checkpoint, here) if world.is_main else None)[0]
        if refusal:
            raise in_common(CheckpointError(refusal))
        if damage is None:
            damage = next(filter(None, world.gather(_damage(checkpoint, manifest, world.rank, world.size))), None)
        if damage is None:
            return Path(checkpoint)
        if world.is_main:
            logger.warning("%s: this checkpoint is damaged; taking the one before it", damage)
    return None


def verify(checkpoint: Path) -> str | None:
    """None if every file is as its manifest says and nothing else is there, else a sentence."""
    try:
        manifest = read_manifest(checkpoint)
        check_foreign(checkpoint, manifest)
    except (Damaged, CheckpointError) as error:
        return str(error)
    return _damage(checkpoint, manifest, 0, 1)


def read_cursor(checkpoint: Path) -> Cursor:
    """The cursor of a verified checkpoint."""
    return _cursor(read_manifest(checkpoint))


def load(engine: Any, checkpoint: Path, world: World) -> Cursor:
    """Restore engine, optimizer, schedule and random state from a verified checkpoint; a collective.

    Where another number of ranks goes on, no rank's random state fits; each gets a new one from its seed, the step and
    its rank (see `universal.fresh_random_state`).

    Raises:
        CheckpointError: the engine keeps states on NVMe, which DeepSpeed does not restore.
    """
    if engine.zero_nvme_offload_optimizer():
        # DeepSpeed 0.19.8 passes over the optimizer's shards then (runtime/engine.py, load_checkpoint): Adam's counters
        # and small states would begin anew without a word. Delete when tests/distributed/test_nvme.py can resume.
        raise in_common(
            CheckpointError(
                f"{checkpoint} was saved with states on NVMe, which DeepSpeed does not restore; delete "
                f"{checkpoint.parent} to train this phase from its start, or take zero3_offload_bf16 from now on"
            )
        )
    manifest = read_manifest(checkpoint)
    cursor = _cursor(manifest)
    if manifest.facts["universal"]:
        universal.load(engine, checkpoint)
        universal.fresh_random_state(cursor.step, world.rank)
    else:
        path, _ = engine.load_checkpoint(str(checkpoint), tag=TAG)
        assert path is not None, f"DeepSpeed found no engine state in {checkpoint}"
        read_random_state(checkpoint / f"rng-{world.rank}.pt", world.device)
    return cursor


def _candidates(folder: Path, size: int) -> list[Path]:
    """Committed checkpoints, newest first; of one step, the one that was saved by as many ranks comes first."""

    def misfit(checkpoint: Path) -> int:
        try:
            manifest = read_manifest(checkpoint)
        except (Damaged, CheckpointError):
            return 0  # to be told as damaged
        return 1 if manifest.facts["universal"] else 0 if _cursor(manifest).world_size == size else 2

    return sorted(committed(folder), key=lambda path: (-int(path.name.split("-")[1]), misfit(path)))


def _look(checkpoint: Path, here: Cursor) -> tuple[Manifest | None, str | None, str | None]:
    """Manifest, what is damaged, why it is refused: what one rank can say without reading large files."""
    try:
        manifest = read_manifest(checkpoint)
        check_foreign(checkpoint, manifest)
    except Damaged as error:
        return None, str(error), None
    except CheckpointError as error:
        return None, None, str(error)
    return manifest, None, _misfit(checkpoint, manifest, here)


def _misfit(checkpoint: Path, manifest: Manifest, here: Cursor) -> str | None:
    there = _cursor(manifest)
    if there.fingerprint != here.fingerprint:
        keys = differing_keys(there.recipe, here.recipe)
        return (
            f"{checkpoint} belongs to another recipe (fingerprint {there.fingerprint}, this one is {here.fingerprint}"
            f"{'; ' + keys if keys else ''}); change the recipe back, give another --out folder, or delete this one"
        )
    if there.zero_stage != here.zero_stage:
        return (
            f"{checkpoint} was saved under ZeRO stage {there.zero_stage} and engine.config now says stage "
            f"{here.zero_stage}; put the DeepSpeed JSON back, or delete the checkpoint to train this phase again"
        )
    if there.world_size != here.world_size and not manifest.facts["universal"]:
        return (
            f"{checkpoint} was saved by {there.world_size} ranks and this run has {here.world_size}; start it with "
            f"--processes {there.world_size}, or run `ds-stilts reshape {checkpoint.parent}` once and then this again"
        )
    return None


def _cursor(manifest: Manifest) -> Cursor:
    return Cursor(**manifest.facts["cursor"])


def _damage(checkpoint: Path, manifest: Manifest, rank: int, num_ranks: int) -> str | None:
    try:
        check_files(checkpoint, manifest, rank=rank, num_ranks=num_ranks)
    except Damaged as error:
        return str(error)
    return None


def _make_room(folder: Path, temporary: Path) -> None:
    sweep(folder)
    temporary.mkdir(parents=True)


def _together(world: World, work: Callable[[], None], temporary: Path) -> None:
    """Do something on rank 0 that may find the disk full; if it does, all ranks give the save up."""
    problem = None
    if world.is_main:
        try:
            work()
        except OSError as error:
            problem = reason(error)
    _give_up_together(world, [world.gather(problem)[0]], temporary)


def _give_up_together(world: World, problems: list[str | None], temporary: Path) -> None:
    for rank, problem in enumerate(problems):
        if problem is None:
            continue
        free_bytes = shutil.disk_usage(temporary.parent if temporary.parent.exists() else ".").free
        if world.is_main:
            shutil.rmtree(temporary, ignore_errors=True)
        raise in_common(
            CheckpointError(
                f"{temporary.with_suffix('')} could not be saved: rank {rank}: {problem} ({free_bytes / 1e9:.1f} GB "
                "are free there); make room and run the same command again, which goes on from the checkpoint before it"
            )
        )


def _versions() -> dict[str, str]:
    return {"ds_stilts": __version__, **{name: metadata.version(name) for name in ("torch", "deepspeed")}}
