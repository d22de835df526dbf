"""What ranks do in these tests. Each function runs in every rank of a fresh world and returns something picklable."""

import hashlib
import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ds_stilts.data.batch import PackedBatch, training_batch
from ds_stilts.data.steps import StepPlanner
from ds_stilts.engine import watchdog
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.export import full_parameters
from ds_stilts.engine.failpoints import VARIABLE
from ds_stilts.engine.guard import NumericsError
from ds_stilts.engine.loop import train
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.stop import Pace, StopSource
from ds_stilts.engine.world import World
from ds_stilts.errors import StoppedCleanly
from tests.distributed import tiny

STEPS = 7
BAD_LOSS, BAD_GRADIENT = 2, 4
"""Steps whose loss is NaN on rank 1, and whose gradient is NaN on rank 0 though the loss is finite."""


class Spoiled(Objective):
    """An objective that can have a gradient of NaN under a finite loss: the root of zero has an infinite one."""

    spoil = False

    def forward(self, batch: PackedBatch, coefficients: Any, layer: int | None = None) -> Any:
        total, sums = super().forward(batch, coefficients, layer)
        return (total + torch.sqrt(total * 0.0) if self.spoil else total), sums


def build(config_name: str, world: World, **changes: Any) -> tuple[Any, Spoiled, StepPlanner, Any]:
    """Engine, objective, planner, and the settings of a tiny training."""
    training = tiny.TRAINING.model_copy(update={"steps": STEPS, "checkpoint_every": 2, **changes})
    tasks = tiny.data(training)
    planner = tiny.planner(tasks, world.size, training)
    objective = Spoiled(tiny.model(tiny.masked_lm()), tiny.TASKS)
    engine = training_engine(
        objective, load_engine_config(config_name), training, num_steps=STEPS, accumulation=planner.accumulation
    )
    return engine, objective, planner, training


def go(
    world: World, folder: Path, engine: Any, planner: StepPlanner, training: Any, stop: StopSource | None = None
) -> None:
    train(
        engine, planner, tiny.data(training), training, tiny.MASKING, num_steps=STEPS, phase="arms/test",
        fingerprint="f", zero_stage=2, folder=folder, world=world, stop=stop or StopSource(world, folder),
    )  # fmt: skip


def at_each_step(do: Callable[[int], None]) -> None:
    """Have something done when a step begins, where the loop gives its sign of life."""
    beat, begun = watchdog.beat, -1

    def also(phase: str, step: int) -> None:
        nonlocal begun
        if step != begun:
            begun = step
            do(step)
        beat(phase, step)

    watchdog.beat = also


def state_of(engine: Any) -> str:
    """Hash of every parameter as this rank holds it, every master, and every moment and count of the optimizer."""
    base = getattr(engine.optimizer, "optimizer", engine.optimizer)
    tensors = [getattr(p, "ds_tensor", p) for p in engine.module.parameters()]
    for parameter, state in base.state.items():
        tensors += [parameter, *(value for value in state.values() if torch.is_tensor(value))]
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().float().contiguous().numpy().tobytes())
    assert len(tensors) > len(list(engine.module.parameters())), "the optimizer has no state yet"
    return digest.hexdigest()


def with_bad_steps(world: World, folder: str, config_name: str) -> dict[str, Any]:
    """Train through the two bad steps; returns the state's hash before each step and after the last, and parameters."""
    engine, objective, planner, training = build(config_name, world)
    states: dict[int, str] = {}

    def look(k: int) -> None:
        objective.spoil = k == BAD_GRADIENT and world.rank == 0
        if k:
            states[k] = state_of(engine)

    at_each_step(look)
    os.environ[VARIABLE] = f"loop.step:rank1:step{BAD_LOSS}=nan"
    go(world, Path(folder), engine, planner, training)
    states[STEPS] = state_of(engine)
    parameters = {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}
    return {"states": states, "parameters": parameters, "lr_step": engine.lr_scheduler.last_epoch}


def without_bad_steps(world: World, config_name: str) -> dict[str, Any]:
    """The oracle: a plain loop in which the bad steps do not exist, but for the schedule, which counts them."""
    engine, objective, planner, training = build(config_name, world)
    tasks = tiny.data(training)
    for step in range(STEPS):
        if step in (BAD_LOSS, BAD_GRADIENT):
            engine.lr_scheduler.step()
            continue
        share = planner.share(step, world.rank)
        for slots in share.micro_batches:
            loss, _ = engine(training_batch(slots, tasks, step, tiny.MASKING), share.coefficients)
            engine.backward(loss * (world.size * planner.accumulation))
            engine.step()
    return {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}


def never_finite(world: World, folder: str, config_name: str) -> dict[str, Any]:
    """Every loss of rank 1 is NaN from step 4 (the fourth) on."""
    engine, _, planner, training = build(config_name, world)
    os.environ[VARIABLE] = ",".join(f"loop.step:rank1:step{k}=nan" for k in range(3, STEPS))
    held = {k: [(s.task, s.item) for slots in planner.share(k, world.rank).micro_batches for s in slots] for k in (3,)}
    try:
        go(world, Path(folder), engine, planner, training)
    except NumericsError as error:
        return {"words": str(error), "common": error.common, "held": held[3]}
    return {"words": "", "held": held[3]}


def stop_by_signal(world: World, folder: str, number: int, at_step: int) -> dict[str, Any]:
    """One rank, the last, gets a signal in the middle of a step."""
    engine, _, planner, training = build("zero2_fp32", world)
    at_each_step(lambda k: os.kill(os.getpid(), number) if (k, world.rank) == (at_step, world.size - 1) else None)
    return _ended(lambda: go(world, Path(folder), engine, planner, training))


def stop_by_deadline(world: World, folder: str, left_s: float) -> dict[str, Any]:
    """The time ends so many seconds after a step's 30 s of margin and two saves of 60 s, which is what is assumed."""
    from ds_stilts.engine.deadline import Deadline

    engine, _, planner, training = build("zero2_fp32", world)
    stop = StopSource(world, Path(folder), Deadline(time.time() + left_s, {}) if world.is_main else Deadline(None, {}))
    at_each_step(lambda k: time.sleep(0.4))
    return _ended(lambda: go(world, Path(folder), engine, planner, training, stop))


def stop_in_turns(world: World, folder: str, num_turns: int, told_at: int) -> dict[str, Any]:
    """A loop of quick turns, as evaluation is one; the last rank gets TERM in one of them. Returns where each left."""
    stop = StopSource(world, Path(folder))
    pace, seen = Pace(stop, world), []

    def walk() -> None:
        for turn in pace.through(range(num_turns), "targets/x", "2 of 5 languages scored"):
            seen.append(turn)
            if (turn, world.rank) == (told_at, world.size - 1):
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)

    return {**_ended(walk), "turns": len(seen)}


def stop_while_alone(world: World, folder: str) -> dict[str, Any]:
    """Rank 1 waits for rank 0, which works alone in chunks, and is told to stop meanwhile."""
    stop = StopSource(world, Path(folder))
    chunks = 0
    if world.is_main:
        while chunks < 600 and not stop.alone():
            chunks += 1
            time.sleep(0.05)
        world.meet(lambda: None)
    else:
        os.kill(os.getpid(), signal.SIGUSR2)
        world.meet(stop.alone)
    return {**_ended(lambda: stop.check("what is tokenised is kept")), "chunks": chunks}


def patient_and_brisk(world: World, folder: str) -> str:
    """Rank 1 sleeps in a collective's way for longer than the short limit of collectives; returns what rank 0 got."""
    world.set_timeout(60)
    world.meet(lambda: None)
    world.set_timeout(1)
    if world.rank == 1:
        time.sleep(4)
        return "slept"
    try:
        world.barrier()
    except RuntimeError as error:
        return str(error)
    return "met"


def hang(world: World, folder: str, limit_s: float, at_step: int) -> None:
    """Rank 1 sleeps for ever in a step; the watchdog ends both."""
    engine, _, planner, training = build("zero2_fp32", world)
    watchdog.start(Path(folder), world, limit_s)
    os.environ[VARIABLE] = f"loop.step:rank1:step{at_step}=sleep 9999"
    go(world, Path(folder), engine, planner, training)


def heart(world: World, folder: str) -> dict[str, Any]:
    """Beats briskly, is slow where it may be, then goes still for ever; what it saw lies in `seen.json` by then."""
    run_dir = Path(folder)
    watchdog.start(run_dir, world, 1.5)
    watchdog.brisk(world)
    for step in range(8):
        watchdog.beat("arms/test", step)
        time.sleep(0.4)
    seen = (run_dir / "heartbeats" / f"rank-{world.rank}.json").read_text(encoding="utf-8")
    watchdog.patient(world)
    time.sleep(3)
    (run_dir / f"seen-{world.rank}.json").write_text(seen, encoding="utf-8")
    watchdog.brisk(world)
    if world.rank == 0:
        time.sleep(9999)
    while True:
        watchdog.beat("arms/test", 8)
        time.sleep(0.1)


def _ended(work: Callable[[], Any]) -> dict[str, Any]:
    try:
        work()
    except StoppedCleanly as stop:
        return {"stopped": str(stop)}
    return {"stopped": ""}


def is_nan(text: str) -> bool:
    return math.isnan(float(text))


def stop_in_preparation(world: World, folder: str) -> dict[str, Any]:
    """Rank 1 is told to stop before it tokenises the second of two languages; rank 0 has the first."""
    from ds_stilts.data.prepare import SplitKey
    from ds_stilts.formats.base import Limits
    from ds_stilts.phases.context import Ranks, Run, prepare_all
    from ds_stilts.recipe import Recipe
    from ds_stilts.tasks import get_task
    from tests.small import tokenizer

    os.environ["DS_STILTS_CACHE"] = f"{folder}/cache"
    recipe = {"name": "r", "start": {"model": "x"}, "arms": {"none": None}, "targets": {"xnli": {"steps": 1}}}
    run = Run(recipe=Recipe.model_validate(recipe), run_dir=Path(folder), data_root=Path(folder))
    ranks = Ranks(world=world, stop=StopSource(world, run.run_dir))
    keys = [
        SplitKey(task=get_task("xnli"), split="test", language=code, limits=Limits(max_tokens=32), training=False)
        for code in ("sw", "th")
    ]
    if world.rank == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    return _ended(lambda: prepare_all(run, ranks, keys, tokenizer()))


def blackboard(world: World) -> dict[str, Any]:
    """Rank 0 comes half a second late to the second of three meetings; who was first to put up a word, twice."""
    waited = []
    for number in range(3):
        if (number, world.rank) == (1, 0):
            time.sleep(0.5)
        turns: list[int] = []
        world.meet(lambda turns=turns: turns.append(1))  # type: ignore[misc]
        waited.append(len(turns))
    return {"waited": waited, "first": [world.is_first("fault"), world.is_first("fault"), world.posted("nothing")]}
