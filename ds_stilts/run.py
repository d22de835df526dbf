"""The chain of stages of one recipe, in one folder, resumable: run the same command again and it goes on.

The parent process only imports, forks and waits, so that each stage's engine has fresh processes of its own (see
`ds_stilts.cluster.local`). Everything that can be wrong with the input is looked for before the first stage.
"""

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ds_stilts.cluster.local import run_ranks, stop_on_signals
from ds_stilts.cluster.lock import only_run_in
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.errors import (
    CheckpointError,
    ClusterError,
    DataError,
    FollowedError,
    RecipeError,
    StoppedCleanly,
    UserError,
    suggestion,
)
from ds_stilts.phases import forget_scores, has_model, is_done, run_stage
from ds_stilts.phases.checks import check_files, check_start
from ds_stilts.phases.context import Ranks, Run, data_folder, find_data, on_main
from ds_stilts.phases.fetching import fetch_missing, record_copies
from ds_stilts.plan import check_recipe, stages, stages_before
from ds_stilts.recipe import Recipe
from ds_stilts.recipe_diff import differing_keys
from ds_stilts.report import write_report
from ds_stilts.run_record import RunRecord
from ds_stilts.whole_file import write_whole

__all__ = ["check_input", "describe", "num_ranks", "run_in_ranks", "run_one_stage", "run_recipe", "warm_up"]


def run_recipe(
    recipe: Recipe,
    *,
    run_dir: Path,
    data_root: Path | None = None,
    processes: int | None = None,
    stage: str | None = None,
    again: bool = False,
    command: list[str] | None = None,
    time_budget: str | None = None,
) -> Path:
    """Carry out a recipe (or one stage of it) with ranks forked on this machine.

    Args:
        run_dir: where everything is written; an unfinished run there is continued.
        data_root: folder with the official files; None: the recipe's.
        processes: ranks; None: the recipe's number, or one for each GPU if these are fewer.
        stage: one of `plan.stages`; None: all, then the report.
        again: score the target `stage` once more, though it is done; it is not trained again. If scoring it was
            interrupted, this goes on.
        command: how this was started, for the record.
        time_budget: e.g. "2h": stop cleanly before so much time has passed.

    Returns:
        The HTML report, or `run_dir` for a single stage and where there is nothing to score.

    Raises:
        UserError: bad input, in one sentence.
        StoppedCleanly: stopped on request.
    """
    stop_on_signals()
    ends = ends_at(time_budget)
    check_recipe(recipe, processes or recipe.engine.processes)
    wanted = _wanted(recipe, stage, again)
    run = open_folder(recipe, run_dir, data_root)
    _check_order(run, wanted)
    with only_run_in(run.run_dir, stage):
        return _carry_out(run, wanted, processes=processes, stage=stage, again=again, command=command or [], ends=ends)


def _carry_out(
    run: Run,
    wanted: list[str],
    *,
    processes: int | None,
    stage: str | None,
    again: bool,
    command: list[str],
    ends: float | None,
) -> Path:
    recipe = run.recipe
    began = time.monotonic()
    checked = again or not all(is_done(run, name) for name in wanted)
    if checked:
        run_ranks(lambda: check_input(run), 1)
    from ds_stilts.engine.fit import check_engine, check_machine

    check_machine(recipe, check_engine(recipe))
    claim_folder(run)
    if checked:
        record_copies(run)
    ranks, place = num_ranks(recipe, processes), run.run_dir / (stage or "")
    if again:
        forget_scores(run, wanted[0])
    if not all(is_done(run, name) for name in wanted):
        warm_up()
    record = RunRecord(run, command, ranks)
    for index, name in enumerate(wanted):
        if is_done(run, name):
            continue
        say(f"[{index + 1}/{len(wanted)}] {name}")
        run_one_stage(run, name, ranks, ends=ends, place=place)
        record.update()
    say(f"done in {duration(time.monotonic() - began)}")
    if stage is not None or not recipe.targets:
        return run.run_dir
    return next(path for path in write_report(run.run_dir) if path.suffix == ".html")


def run_in_ranks(
    recipe: Recipe,
    *,
    run_dir: Path,
    data_root: Path | None,
    stage: str | None,
    command: list[str],
    again: bool = False,
    scoring: bool = True,
    time_budget: str | None = None,
) -> None:
    """As `run_recipe`, but in ranks that a launcher started; this process is one of them.

    Args:
        scoring: False: targets are trained and saved, and left for `ds_stilts.evaluate` to score.
    """
    from ds_stilts.cluster.parent import LauncherWatch
    from ds_stilts.engine import watchdog
    from ds_stilts.engine.deadline import Deadline
    from ds_stilts.engine.deepspeed_engine import quiet
    from ds_stilts.engine.fit import check_engine, check_machine
    from ds_stilts.engine.stop import StopSource
    from ds_stilts.engine.world import World

    stop_on_signals()
    launcher, ends = LauncherWatch(), ends_at(time_budget)
    wanted = _wanted(recipe, stage, again)
    warm_up()
    quiet()
    world, lock = World.join(), ExitStack()
    try:
        check_recipe(recipe, world.size)
        on_main(world, lambda: open_folder(recipe, run_dir, data_root))
        run = open_folder(recipe, run_dir, data_root)
        on_main(world, lambda: _check_order(run, wanted))
        on_main(world, lambda: lock.enter_context(only_run_in(run.run_dir, stage)))
        on_main(world, lambda: check_input(run))
        check_machine(recipe, check_engine(recipe))
        on_main(world, lambda: claim_folder(run))
        on_main(world, lambda: record_copies(run))
        if again:
            on_main(world, lambda: forget_scores(run, wanted[0]))
        stop = StopSource(world, run.run_dir, Deadline(ends))
        launcher.saving_s = lambda: stop.saving_s
        watchdog.start(run.run_dir / (stage or ""), world, recipe.engine.hang_timeout_s)
        record = RunRecord(run, command, world.size) if world.is_main else None
        # Rank 0's word: other nodes may see a marker of a moment ago later.
        for name in world.gather([name for name in wanted if not is_done(run, name)])[0]:
            stop.check(f"{name} was not begun")
            if record:
                say(f"[{wanted.index(name) + 1}/{len(wanted)}] {name}")
            run_stage(run, name, Ranks(world=world, stop=stop), scoring=scoring)
            if record:
                record.update()
        if record and stage is None and scoring and recipe.targets:
            write_report(run.run_dir)
        world.barrier()
        world.leave()
    except (UserError, StoppedCleanly):
        world.leave()
        raise
    except Exception as error:  # not leaving: that could wait for a rank that is gone
        if world.is_first("fault"):
            raise
        raise FollowedError(f"{type(error).__name__}: {error}") from None
    finally:
        watchdog.rest()
        lock.close()


def describe(recipe: Recipe, *, ranks: int, data_root: Path | None = None) -> dict[str, Any]:
    """What would happen, as a value that can be printed: stages, tasks, engine, ranks."""
    from ds_stilts.engine.fit import check_engine

    check_recipe(recipe, ranks)
    config = check_engine(recipe)
    return {
        "recipe": recipe.name,
        "fingerprint": recipe.fingerprint(),
        "seed": recipe.seed,
        "data": "made-up languages" if recipe.data.synthetic else str(data_folder(recipe, data_root) or "(none given)"),
        "start": _start_of(recipe),
        "engine": {
            "config": config.name,
            "zero_stage": config.zero_stage,
            "dtype": str(config.dtype).removeprefix("torch."),
            "processes": ranks,
        },
        "arms": {name: _arm_of(recipe, name) for name in recipe.arms},
        "targets": list(recipe.targets),
        "stages": stages(recipe),
    }


def num_ranks(recipe: Recipe, processes: int | None) -> int:
    """Ranks to start on this machine: as asked for, else the recipe's number, or one for each GPU if these are fewer.

    Raises:
        ClusterError: more are asked for than there are GPUs; two ranks cannot share one.
    """
    import torch

    gpus = torch.cuda.device_count()
    if processes is not None and 0 < gpus < processes:
        raise ClusterError(f"--processes {processes}: this machine has {gpus} GPUs and each rank needs one of its own")
    return processes or min(recipe.engine.processes, gpus or recipe.engine.processes)


def open_folder(recipe: Recipe, run_dir: Path, data_root: Path | None) -> Run:
    """The run in a folder, which may not exist yet; writes nothing.

    Raises:
        CheckpointError: the folder holds a run of another recipe.
        RecipeError: no data root is known.
    """
    mark = run_dir / "fingerprint"
    found = mark.read_text(encoding="utf-8").strip() if mark.is_file() else recipe.fingerprint()
    if found != recipe.fingerprint():
        raise CheckpointError(
            f"{run_dir} holds a run of another recipe (fingerprint {found}, this one is {recipe.fingerprint()}; "
            f"{_differences(run_dir / 'recipe.yaml', recipe)}); change the recipe back, or give another folder with "
            "--out"
        )
    return Run(recipe=recipe, run_dir=run_dir, data_root=find_data(recipe, run_dir, data_root))


def _differences(stored: Path, recipe: Recipe) -> str:
    """The keys in which a recipe differs from the one that a run folder keeps, with both values."""
    try:
        before = Recipe.model_validate(yaml.safe_load(stored.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError):
        return f"{stored} is not there or was changed by hand, so no keys can be compared"
    same = "no key differs: another version of ds_stilts made it"
    return differing_keys(before.identity(), recipe.identity()) or same


def claim_folder(run: Run) -> None:
    """Make the run folder and mark it as this recipe's.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    dumped = run.recipe.model_dump(mode="json", exclude={"training"})
    texts = {
        "recipe.yaml": yaml.safe_dump(dumped, sort_keys=False, allow_unicode=True),
        "fingerprint": run.recipe.fingerprint() + "\n",
    }
    try:
        run.run_dir.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(run.run_dir / name, text)
    except OSError as error:
        raise UserError(
            f"the run folder {run.run_dir} cannot be written to ({error.strerror}); give another one with --out"
        ) from None


def _wanted(recipe: Recipe, stage: str | None, again: bool) -> list[str]:
    known = stages(recipe)
    if again:
        known = [name for name in known if name.startswith("targets/")]
    if stage is None and not again:
        return known
    if stage is None or stage not in known:
        raise RecipeError(f"no stage '{stage}'{suggestion(str(stage), known)}; this recipe has: {', '.join(known)}")
    return [stage]


def _check_order(run: Run, wanted: list[str]) -> None:
    """Raise CheckpointError if a wanted stage reads the model of one that is neither done nor wanted."""
    for stage in wanted:
        for before in stages_before(run.recipe, stage):
            if before not in wanted and not has_model(run, before):
                verb = {"start": "pretrain", "arms": "train", "targets": "evaluate"}[before.partition("/")[0]]
                verb = f"ds-stilts {verb} RECIPE" + ("" if before == "start" else f" --stage {before}")
                raise CheckpointError(
                    f"stage '{stage}' needs the model of stage '{before}', which is not finished in "
                    f"{run.run_dir}; run `{verb}` with the same --out first"
                )


def warm_up() -> None:
    """Import what every rank needs, once, before forking."""
    from ds_stilts.engine.ds_config import on_gpu

    on_gpu()
    # Every engine start imports DeepSpeed's Muon optimizer, and torch's compiler with it, whatever optimizer is used:
    # about 3 s a rank and stage otherwise. Delete when DeepSpeed imports it on demand (seen in 0.19.8).
    import transformers  # noqa: F401

    import ds_stilts.phases.scoring  # noqa: F401


def check_input(run: Run) -> None:
    """Look at the start model and every data file. The run folder is claimed afterwards, by a recipe that could run."""
    check_start(run.recipe)
    made_up = run.recipe.data.synthetic
    if made_up:
        from ds_stilts.synthetic import write_world

        claim_folder(run)
        try:
            write_world(run.data_root, **made_up.model_dump())
        except OSError as error:
            raise DataError(
                f"the made-up languages cannot be written to {run.data_root} ({error.strerror}); make room, or give "
                "another run folder with --out"
            ) from None
    if run.recipe.data.source == "hub":
        fetch_missing(run)
    check_files(run)


def run_one_stage(run: Run, name: str, ranks: int, *, ends: float | None, place: Path) -> None:
    """Carry out one stage in ranks forked here; its input was checked, its folder is claimed and its lock held.

    Args:
        ends: when the time is over (time.time()); None: never.
        place: folder that gets the heartbeats.
    """
    run_ranks(partial(_stage, run, name, ends, place), ranks)


def _stage(run: Run, name: str, ends: float | None, place: Path) -> None:
    from ds_stilts.engine import watchdog
    from ds_stilts.engine.deadline import Deadline
    from ds_stilts.engine.stop import StopSource
    from ds_stilts.engine.world import World

    world = World.join()
    stop = StopSource(world, run.run_dir, Deadline(ends))
    watchdog.start(place, world, run.recipe.engine.hang_timeout_s)
    try:
        stop.check(f"{name} was not begun")
        run_stage(run, name, Ranks(world=world, stop=stop))
        world.barrier()
    finally:
        watchdog.rest()


def _arm_of(recipe: Recipe, name: str) -> list[list[str]] | dict[str, dict[str, float]]:
    """The tasks of each phase of an arm, or what it merges, with each weight."""
    arm = recipe.arms[name]
    if arm and arm.merge:
        return {"merge": {other: float(weight) for other, weight in arm.merge.weights.items()}}
    return [list(phase.tasks) for phase in recipe.phases_of(name)]


def _start_of(recipe: Recipe) -> str:
    start = recipe.start
    if start.random_init:
        return f"{start.model}, its shape only, with random weights"
    return start.model or "made from scratch"


def ends_at(time_budget: str | None) -> float | None:
    """When a time budget that begins now is spent (time.time()); None without one."""
    from ds_stilts.engine.deadline import budget_s

    return None if time_budget is None else time.time() + budget_s(time_budget)
