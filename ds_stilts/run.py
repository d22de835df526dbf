"""The chain of stages of one recipe, in one folder, resumable: run the same command again and it goes on.

The parent process only imports, forks and waits, so that each stage's engine has fresh processes of its own (see
`ds_stilts.cluster.local`). Everything that can be wrong with the input is looked for before the first stage.
"""

import json
import os
import time
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from ds_stilts import __version__
from ds_stilts.cluster.local import run_ranks
from ds_stilts.engine.deepspeed_engine import load_engine_config
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError, DataError, RecipeError, suggestion
from ds_stilts.phases import is_done, run_stage, stages
from ds_stilts.phases.checks import check_data, check_recipe
from ds_stilts.phases.context import Ranks, Run, on_main
from ds_stilts.recipe import Recipe
from ds_stilts.report import write_report

_LIBRARIES = ("torch", "deepspeed", "transformers", "tokenizers", "datasets")

__all__ = ["check_data", "describe", "run_in_ranks", "run_recipe"]


def run_recipe(
    recipe: Recipe,
    *,
    run_dir: Path,
    data_root: Path | None = None,
    processes: int | None = None,
    stage: str | None = None,
    dry_run: bool = False,
    command: list[str] | None = None,
) -> Path:
    """Carry out a recipe (or one stage of it) with ranks forked on this machine.

    Args:
        run_dir: where everything is written; an unfinished run there is continued.
        data_root: folder with the official files; None: the recipe's.
        processes: ranks; None: the recipe's.
        stage: "start", "arms/<arm>" or "targets/<arm>/<target>"; None: all, then the report.
        dry_run: print the plan and do nothing.
        command: how this was started, for the record.

    Returns:
        The HTML report, or `run_dir` for a single stage and a dry run.

    Raises:
        UserError: bad input, in one sentence.
        StoppedCleanly: stopped on request.
    """
    plan = describe(recipe, data_root=data_root, processes=processes)
    if dry_run:
        say(yaml.safe_dump(plan, sort_keys=False, allow_unicode=True).rstrip())
        return run_dir
    wanted = _wanted(recipe, stage)
    ranks = processes or recipe.engine.processes
    run = prepare_folder(recipe, run_dir, data_root)
    _warm_up()
    began = time.monotonic()
    record = _Record(run, command or [], ranks)
    if not all(is_done(run, name) for name in wanted):
        run_ranks(lambda: _check(run), 1)
    for index, name in enumerate(wanted):
        if is_done(run, name):
            continue
        say(f"[{index + 1}/{len(wanted)}] {name}")
        run_ranks(partial(_stage, run, name), ranks)
        record.update()
    if stage is not None:
        return run_dir
    record.update(finished=True)
    report = next(path for path in write_report(run.run_dir) if path.suffix == ".html")
    say(f"done in {duration(time.monotonic() - began)}; report: {report}")
    return report


def run_in_ranks(
    recipe: Recipe, *, run_dir: Path, data_root: Path | None, stage: str | None, command: list[str]
) -> None:
    """As `run_recipe`, but in ranks that a launcher started; this process is one of them."""
    wanted = _wanted(recipe, stage)
    world = World.join()
    try:
        on_main(world, lambda: prepare_folder(recipe, run_dir, data_root))
        run = prepare_folder(recipe, run_dir, data_root)
        stop = StopSource(world, run.run_dir)
        on_main(world, lambda: _check(run))
        record = _Record(run, command, world.size) if world.is_main else None
        for name in wanted:
            run_stage(run, name, Ranks(world=world, stop=stop))
            if record:
                record.update()
        if record and stage is None:
            record.update(finished=True)
            write_report(run.run_dir)
        world.barrier()
    finally:
        world.leave()


def describe(recipe: Recipe, *, data_root: Path | None = None, processes: int | None = None) -> dict[str, Any]:
    """What would happen, as a value that can be printed: stages, tasks, engine, ranks."""
    config = load_engine_config(recipe.engine.config)
    return {
        "recipe": recipe.name,
        "fingerprint": recipe.fingerprint(),
        "seed": recipe.seed,
        "data": "made-up languages" if recipe.data.synthetic else str(data_root or recipe.data.root or "(none given)"),
        "start": recipe.start.model or "made from scratch",
        "engine": {
            "config": config.name,
            "zero_stage": config.zero_stage,
            "dtype": str(config.dtype).removeprefix("torch."),
            "processes": processes or recipe.engine.processes,
        },
        "arms": {name: list(arm.tasks) if arm else [] for name, arm in recipe.arms.items()},
        "targets": list(recipe.targets),
        "stages": stages(recipe),
    }


def prepare_folder(recipe: Recipe, run_dir: Path, data_root: Path | None) -> Run:
    """Make the run folder, or check that the one there belongs to this recipe.

    Raises:
        CheckpointError: the folder holds a run of another recipe.
        DataError: no data root is known.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    mark = run_dir / "fingerprint"
    found = mark.read_text(encoding="utf-8").strip() if mark.exists() else recipe.fingerprint()
    if found != recipe.fingerprint():
        raise CheckpointError(
            f"{run_dir} holds a run of another recipe (fingerprint {found}, this one is {recipe.fingerprint()}); "
            f"compare {run_dir / 'recipe.yaml'}, and give another folder with --out or delete it"
        )
    mark.write_text(recipe.fingerprint() + "\n", encoding="utf-8")
    dumped = recipe.model_dump(mode="json", exclude={"training"})
    (run_dir / "recipe.yaml").write_text(yaml.safe_dump(dumped, sort_keys=False, allow_unicode=True), encoding="utf-8")
    if recipe.data.synthetic:
        root = run_dir / "data"
    elif data_root or recipe.data.root:
        root = Path(data_root or str(recipe.data.root))
    else:
        raise DataError("the recipe reads official data files: say where they lie with --data-root DIR")
    return Run(recipe=recipe, run_dir=run_dir, data_root=root)


def _wanted(recipe: Recipe, stage: str | None) -> list[str]:
    known = stages(recipe)
    if stage is None:
        return known
    if stage not in known:
        raise RecipeError(f"no stage '{stage}'{suggestion(stage, known)}; this recipe has: {', '.join(known)}")
    return [stage]


def _warm_up() -> None:
    """Import what every rank needs, once, before forking."""
    import torch

    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed  # noqa: F401
    import torch.utils.tensorboard
    import transformers  # noqa: F401


def _check(run: Run) -> None:
    """In a process of its own, so that the parent stays free of thread pools."""
    if run.recipe.data.synthetic and not run.data_root.exists():
        from ds_stilts.synthetic import write_world

        write_world(run.data_root, preset=run.recipe.data.synthetic.preset, seed=run.recipe.data.synthetic.seed)
    check_recipe(run)


def _stage(run: Run, name: str) -> None:
    world = World.join()
    run_stage(run, name, Ranks(world=world, stop=StopSource(world, run.run_dir)))
    world.barrier()


class _Record:
    """`run.json`: how the run was started, with what, and what is done."""

    def __init__(self, run: Run, command: list[str], processes: int) -> None:
        self._run, self._path = run, run.run_dir / "run.json"
        before = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        import torch

        self._values: dict[str, Any] = {
            "name": run.recipe.name,
            "fingerprint": run.recipe.fingerprint(),
            "command": command,
            "started": before.get("started") or _now(),
            "finished": before.get("finished"),
            "versions": {"ds_stilts": __version__, **{name: metadata.version(name) for name in _LIBRARIES}},
            "machine": {
                "cores": os.cpu_count(),
                "accelerator": "cuda" if torch.cuda.is_available() else "cpu",
                "processes": processes,
            },
            "stages": [],
        }
        self.update()

    def update(self, *, finished: bool = False) -> None:
        rows: list[dict[str, Any]] = []
        for name in stages(self._run.recipe):
            marker = self._run.run_dir / name / "DONE"
            wall = json.loads(marker.read_text(encoding="utf-8"))["wall_s"] if marker.exists() else None
            rows.append({"stage": name, "done": marker.exists(), "wall_s": wall})
        self._values["stages"] = rows
        self._values["wall_s"] = round(sum(row["wall_s"] or 0.0 for row in rows), 1)
        if finished and not self._values["finished"]:
            self._values["finished"] = _now()
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self._values, indent=1), encoding="utf-8")
        temporary.replace(self._path)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
