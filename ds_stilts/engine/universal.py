"""Going on with another number of ranks: checkpoints cut up by parameter instead of by rank, as DeepSpeed does it.

`reshape` makes `step-N-any/` beside `step-N/`, committed with a manifest and one rename like any other, and training
then loads it with any number of ranks (of the same ZeRO stage). Data order does not depend on ranks, so no example is
lost or seen twice; rounding does, since sums are cut differently, and dropout draws other numbers.
"""

import contextlib
import io
import os
import shutil
from argparse import Namespace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import xxhash

from ds_stilts.cluster.lock import only_run_in
from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.manifest import (
    Damaged,
    Manifest,
    check_files,
    check_foreign,
    read_manifest,
    seal,
    write_manifest,
)
from ds_stilts.engine.retention import commit, committed, is_best, step_of
from ds_stilts.engine.shards import TAG, reason
from ds_stilts.errors import CheckpointError

_LARGE_BYTES = 1 << 30
"""From here on several processes convert; for less, starting them takes longer than the work."""


def reshape(root: Path) -> list[Path]:
    """Convert what every unfinished phase below a folder goes on with: its newest good checkpoint, and its best one.

    Args:
        root: a run folder, or the folder of a stage or of its checkpoints.

    Returns:
        The converted checkpoints, those that were there already included.

    Raises:
        CheckpointError: there is none, or one that cannot be converted.
        UserError: a run is at work there.
    """
    folders = [root] if root.name == "checkpoints" else sorted(root.rglob("checkpoints"))
    run_dir = next((folder for folder in (root, *root.resolve().parents) if (folder / "fingerprint").is_file()), None)
    with only_run_in(run_dir) if run_dir else contextlib.nullcontext():
        made = [_convert(checkpoint) for folder in folders for checkpoint in _needed(folder)]
    if not made:
        raise CheckpointError(
            f"there is no good checkpoint below {root}: a finished stage has none and needs none, and one that was not "
            "begun can be started with any number of ranks"
        )
    return made


def load(engine: Any, checkpoint: Path) -> None:
    """Restore engine, optimizer and schedule from a checkpoint that `reshape` made; a collective."""
    groups = engine.optimizer.param_groups
    own = [{key: value for key, value in group.items() if key != "params"} for group in groups]
    # The option belongs into the DeepSpeed JSON ("checkpoint": {"load_universal": true}), but is read at each load,
    # and which checkpoint there is to load is known only after the engine was made.
    engine._config.load_universal_checkpoint = True
    try:
        path, _ = engine.load_checkpoint(str(checkpoint), tag=TAG)
    finally:
        engine._config.load_universal_checkpoint = False
    assert path is not None, f"DeepSpeed found no engine state in {checkpoint}"
    # ZeRO-3 gives every group the weight decay of the first one, and all parameters one and the same tensor as their
    # step, which a fused or foreach optimizer then counts up once for each of them (zero/stage3.py,
    # load_hp_checkpoint_state_from_checkpoint_dir_stage3). Delete when each has its own there.
    for group, values, lr in zip(engine.optimizer.param_groups, own, engine.lr_scheduler.get_last_lr(), strict=True):
        group.update(values, lr=lr)
    for state in engine.optimizer.state.values():
        if torch.is_tensor(state.get("step")):
            state["step"] = state["step"].clone()


def fresh_random_state(step: int, rank: int) -> None:
    """Seed torch's generators from the phase's seed, the step and the rank.

    The phase's seed is the last one given to `torch.manual_seed`. States saved by other ranks would fit none of these.
    """
    torch.manual_seed(xxhash.xxh3_64_intdigest(f"{torch.initial_seed()}:{step}:{rank}".encode()) >> 1)


def _needed(folder: Path) -> list[Path]:
    """The newest good checkpoint, which training goes on from, and the best, whose weights early stopping ends with."""
    checkpoints = committed(folder)
    newest = next(filter(_is_good, checkpoints), None)
    if newest is None or is_best(newest):
        return [newest] if newest else []
    return [newest, *islice((path for path in checkpoints if is_best(path) and _is_good(path)), 1)]


def _is_good(checkpoint: Path) -> bool:
    try:
        manifest = read_manifest(checkpoint)
        check_foreign(checkpoint, manifest)
        check_files(checkpoint, manifest)
    except Damaged:
        return False
    return True


def _convert(checkpoint: Path) -> Path:
    """Convert one verified checkpoint unless that was done."""
    manifest = read_manifest(checkpoint)
    final = checkpoint.with_name(f"step-{step_of(checkpoint)}-any")
    if manifest.facts["universal"] or final in committed(checkpoint.parent):
        return final
    if not any((checkpoint / TAG).glob("*_optim_states.pt")):
        raise CheckpointError(
            f"{checkpoint} was saved without ZeRO, and only ZeRO's checkpoints can be converted; start the run with "
            f"--processes {manifest.facts['cursor']['world_size']}"
        )
    temporary = final.with_name(final.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        fail_at("reshape.convert", step=step_of(checkpoint))
        _run_deepspeed(checkpoint / TAG, temporary / TAG)
        files = [path for path in sorted(temporary.rglob("*")) if path.is_file()]
        # No rank wrote these: they are numbered, so that any number of ranks has about equal shares to verify.
        sealed = {path.relative_to(temporary).as_posix(): seal(path, number) for number, path in enumerate(files)}
        write_manifest(temporary, Manifest({**manifest.facts, "universal": True}, sealed))
        commit(temporary, final)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(
            f"{checkpoint} could not be converted: {reason(error)} ({shutil.disk_usage(checkpoint).free / 1e9:.1f} GB "
            "are free there); it is as it was"
        ) from None
    return final


def _run_deepspeed(source: Path, target: Path) -> None:
    """What `python -m deepspeed.checkpoint.ds_to_universal` does, without its page of progress."""
    from deepspeed.checkpoint import ds_to_universal

    large = sum(path.stat().st_size for path in source.iterdir()) > _LARGE_BYTES
    workers = min(4, os.cpu_count() or 1) if large else 1
    options = Namespace(
        input_folder=str(source),
        output_folder=str(target),
        num_extract_workers=workers,
        num_merge_workers=workers,
        keep_temp_folder=False,
        strict=True,
        inject_missing_state=True,  # asked for by ZeRO-1 and 2: a table for tensor parallelism, which is not used here
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ds_to_universal.main(options)
    (target.parent / "latest_universal").unlink(missing_ok=True)  # a second word on what the manifest says
