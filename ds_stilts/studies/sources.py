"""What identifies the files that each stage of a run reads: checksums, by stage. Reads data files and model folders.

Made-up languages have none: their files are a pure function of the recipe (`keys.made_up_world`).
"""

from collections.abc import Iterable
from pathlib import Path

from ds_stilts.data.checksums import checksum
from ds_stilts.data.prepare import SplitKey, prepared_folder
from ds_stilts.errors import DataError
from ds_stilts.phases.checks import missing_file
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import pool_keys, scoring_keys, training_keys, unlabelled_keys, validation_keys
from ds_stilts.plan import arm_stages, trains_target
from ds_stilts.recipe import Merge, Training
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.graph import Sources
from ds_stilts.tasks import get_task

_ANY_LENGTH = 1 << 20


def stage_sources(run: Run, stages: Iterable[str]) -> dict[str, str]:
    """By stage, its files as one line of text; under "" the weights of a start model that is a folder here.

    Raises:
        DataError: a file that is read is missing.
    """
    start = run.recipe.start
    weights = _folder(Path(start.model)) if start.model and Path(start.model).is_dir() else ""
    if run.recipe.data.synthetic:
        return {"": weights} if weights else {}
    return {"": weights, **{stage: _files(run, _reads(run, stage)) for stage in stages}}


def sources_under(data_root: Path) -> Sources:
    """What `stage_sources` finds under a data root for each run of a study; seeds read the same files."""
    found: dict[str, dict[str, str]] = {}

    def of(run: StudyRun) -> dict[str, str]:
        if run.group not in found:
            one = Run(recipe=run.recipe, run_dir=Path(), data_root=data_root)
            found[run.group] = stage_sources(one, run.stages)
        return found[run.group]

    return of


def missing_files(runs: Iterable[StudyRun], data_root: Path) -> list[str]:
    """A sentence for every file that a stage of the study would read and that is not there, and of a task that has no
    file at all for the first one."""
    found: dict[str, None] = {}
    for one in {run.group: run for run in runs}.values():
        run = Run(recipe=one.recipe, run_dir=Path(), data_root=data_root)
        for stage in one.stages:
            try:
                keys = _reads(run, stage)
            except DataError as error:
                found[str(error)] = None
                continue
            found |= {sentence: None for key in keys if (sentence := missing_file(key, data_root))}
    return list(found)


def _reads(run: Run, stage: str) -> list[SplitKey]:
    """Splits that a stage reads."""
    kind, *names = stage.split("/")
    recipe = run.recipe
    if kind == "targets":
        target, task = recipe.targets[names[1]], get_task(names[1])
        scored = [*scoring_keys(run, target, task, _ANY_LENGTH), *pool_keys(run, target, task, _ANY_LENGTH)]
        if not trains_target(recipe, names[1]):
            return scored
        trained = training_keys(run, target, task, _ANY_LENGTH)
        watched = validation_keys(run, target, task, _ANY_LENGTH)
        if target.validation and target.validation.choose_by != "value":
            watched += unlabelled_keys(run, target, task, _ANY_LENGTH)
        return [*trained, *watched, *scored]
    phase: Training | Merge | None = recipe.start.pretrain if kind == "start" else arm_stages(recipe, names[0])[stage]
    if phase is None or isinstance(phase, Merge):
        return []
    return [
        key
        for task in map(get_task, phase.tasks)
        for find in (training_keys, validation_keys)
        for key in find(run, phase, task, _ANY_LENGTH)
    ]


def _files(run: Run, keys: list[SplitKey]) -> str:
    memory = prepared_folder() / "checksums"
    found = {f"{key.task.name} {key.split} {key.language}": checksum(key.files(run.data_root), memory) for key in keys}
    return ", ".join(f"{name} {found[name]}" for name in sorted(found))


def _folder(folder: Path) -> str:
    """Checksum of a model folder: configuration, tokenizer and weights."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors", ".model", ".txt"))
    return checksum(files, prepared_folder() / "checksums") if files else ""
