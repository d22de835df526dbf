"""The training loop: plan a step, run its micro-batches, let DeepSpeed step, tell, save, stop when asked.

One sum over ranks ends a step: it carries the wish to stop and what is logged. What is not finite is `guard`'s.

State is the step number and nothing else; where a run was interrupted never shows in the numbers.
"""

import gc
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ds_stilts.data.batch import Masking
from ds_stilts.data.prefetch import Prefetch
from ds_stilts.data.steps import StepPlanner, TaskData
from ds_stilts.engine import checkpoint, watchdog
from ds_stilts.engine.agreement import cosines
from ds_stilts.engine.averaging import Averaging
from ds_stilts.engine.checkpoint import Cursor
from ds_stilts.engine.communication import CommunicationLog
from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.guard import Guard
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.telemetry import Telemetry, say
from ds_stilts.engine.watch import Watch
from ds_stilts.engine.window import Window
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError, StoppedCleanly, in_common
from ds_stilts.recipe import Training


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a phase ended."""

    done: int
    """Steps that were made."""
    kept: int
    """The step whose weights the engine holds, or that their mean ends with."""


def train(
    engine: Any,
    planner: StepPlanner,
    tasks: dict[str, TaskData],
    training: Training,
    masking: Masking,
    *,
    num_steps: int,
    phase: str,
    fingerprint: str,
    zero_stage: int,
    folder: Path,
    world: World,
    stop: StopSource,
    corpus: str = "",
    recipe: dict[str, Any] | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Train until `num_steps` are done, going on from the newest good checkpoint in `folder`.

    Args:
        engine: DeepSpeed engine over an `Objective`.
        planner: cuts global steps into this world's micro-batches.
        phase: label in logs and checkpoints, e.g. "arms/qa".
        folder: gets `checkpoints/`, `metrics.jsonl` and `tensorboard/`; `communication.json` if DeepSpeed logs it.
        corpus: hash of the corpus card; stands in every checkpoint.
        recipe: what the fingerprint covers, so that a checkpoint of another recipe can name what differs.
        watch: validates, and may stop training early; then the engine ends with the weights of the best step.

    Raises:
        CheckpointError: a checkpoint of another recipe or world size lies there, or the best one is damaged.
        NumericsError: three steps in a row were not finite.
        StoppedCleanly: a stop was asked for; a checkpoint was written.
    """
    checkpoints = folder / "checkpoints"
    here = Cursor(
        step=0,
        fingerprint=fingerprint,
        phase=phase,
        world_size=world.size,
        zero_stage=zero_stage,
        corpus=corpus,
        recipe=recipe or {},
    )
    found = checkpoint.newest_good(checkpoints, here, world)
    cursor = checkpoint.load(engine, found, world) if found else here
    averaging = None
    if training.average:
        averaging = Averaging(engine, training.average.steps(num_steps), world.rank)
        if found:
            averaging.restore(found, cursor.step)
    first_step = done = cursor.step
    if watch:
        watch.restore(cursor.watch)
    if first_step and world.is_main:
        say(f"{phase}  goes on after step {first_step}")
    telemetry = Telemetry(folder, label=phase, num_steps=num_steps, first_step=first_step, enabled=world.is_main)
    guard, messages = Guard(engine, folder, phase, world), CommunicationLog(world)

    def save(step: int) -> None:
        watchdog.patient(world)
        began = time.monotonic()
        cursor = replace(here, step=step, watch=watch.state() if watch else {})
        best = watch is not None and watch.is_best(step)
        more = averaging.save if averaging else None
        checkpoint.save(engine, cursor, checkpoints, world, keep=training.keep_checkpoints, best=best, more=more)
        stop.saved(time.monotonic() - began)
        watchdog.brisk(world)

    def look(watch: Watch, step: int) -> None:
        watchdog.patient(world)
        telemetry.validation(step, watch.look(step), watch.seen, rule=watch.rule, shares=watch.shares)
        gc.collect()

    def tell(window: Window, totals: list[float], step: int) -> None:
        values: dict[str, Any] = {"lr": float(engine.lr_scheduler.get_last_lr()[0]), "grad_norm": guard.grad_norm}
        if sketches and window.halves is not None:
            values["cosines"] = cosines(world.sum(window.halves), window.names, sketches.layers)
        telemetry.step(step, tokens=window.num_tokens, values={**window.values(totals), **values})

    engine.train()
    gc.collect()
    gc.disable()  # a collection in the middle of a step makes all other ranks wait for this one
    gc.freeze()  # the libraries' objects, a million of which each collection below would look at: 0.3 s
    window, sketches = Window(tasks, world.device), engine.module.sketches
    steps = range(first_step, num_steps)
    made_ahead = Prefetch(planner, tasks, masking, rank=world.rank, steps=steps, device=world.device)
    began = time.monotonic()
    try:
        if found and watch and watch.is_owed:  # a stop came in the middle of it
            look(watch, first_step)
            checkpoint.amend(found, replace(cursor, watch=watch.state()), world, best=watch.is_best(first_step))
        for step, share, batches in () if watch and watch.is_over else made_ahead:
            spoil = fail_at("loop.step", step=step)
            window.waited_s += time.monotonic() - began
            applied, losses = True, []
            for place, batch in enumerate(batches, start=1):
                watchdog.beat(phase, step)
                loss, sums = engine(batch.to(world.device), share.coefficients)
                loss = loss * math.nan if spoil else loss
                # DeepSpeed averages over ranks and micro-batches, but the coefficients already divide by global counts.
                engine.backward(guard.poison(loss) * (world.size * planner.accumulation))
                if place < len(batches):
                    engine.step()
                else:
                    applied = guard.step()
                losses.append(window.losses(loss, sums))
            if not applied:
                guard.skipped(step, share.micro_batches, losses, window.names, tasks)
            squares = engine.module.gradients.take(world.device) / world.size**2  # DeepSpeed divided by micro-batches
            window.add(share, losses, squares, applied=applied)
            if sketches:
                window.add_sketches(step, sketches.take(world.device), applied=applied)
            done = step + 1
            if averaging:
                averaging.look(done)
            flags, *totals = world.sum(torch.cat([window.sums.new_tensor([stop.flag()]), window.sums])).tolist()
            stopping = stop.agreed(flags)
            told = done % training.log_every == 0 or done == num_steps or stopping
            if told:
                tell(window, totals, done)
                window = Window(tasks, world.device)
                gc.collect()
            if step > first_step:  # the first one compiles and connects
                stop.stepped(time.monotonic() - began)
            if step == first_step + 1:
                watchdog.brisk(world)
            if watch and watch.is_due(done):
                try:
                    look(watch, done)
                except StoppedCleanly:
                    if not told:
                        tell(window, totals, done)
                    save(done)
                    raise _stopped(f"in the validation after step {done}", phase) from None
                if watch.is_over:
                    break
                watchdog.brisk(world)
            if stopping and done < num_steps:
                save(done)
                raise _stopped(f"after step {done}", phase)
            best = watch is not None and watch.is_best(done)
            if (best or done % training.checkpoint_every == 0) and done < num_steps:
                save(done)
            began = time.monotonic()
        watchdog.patient(world)
    finally:
        made_ahead.close()
        gc.unfreeze()
        gc.enable()
        telemetry.close()
    messages.write(folder, done - first_step)
    if averaging:
        averaging.finish()
    if watch is None or not watch.keeps_best or watch.seen.best_step == done:
        return Trained(done=done, kept=done)
    return Trained(done=done, kept=_take_best(engine, watch, checkpoints, here, world))


def _stopped(where: str, phase: str) -> StoppedCleanly:
    return StoppedCleanly(f"{phase} stopped on request {where}, saved; the same command goes on")


def _take_best(engine: Any, watch: Watch, checkpoints: Path, here: Cursor, world: World) -> int:
    """Load the weights of the best step into the engine; returns it."""
    seen, by = watch.seen, "validation" if watch.rule == "value" else watch.rule
    best = checkpoint.newest_good(checkpoints, here, world, step=seen.best_step)
    if best is None:
        raise in_common(
            CheckpointError(
                f"{checkpoints}/step-{seen.best_step}, the best by {by}, is gone or damaged; delete "
                f"{checkpoints} and run the same command again, which trains this phase anew"
            )
        )
    checkpoint.load(engine, best, world)
    if world.is_main:
        say(f"{here.phase}  the weights of step {seen.best_step} are kept, the best by {by} ({seen.value:.2f})")
    return seen.best_step
