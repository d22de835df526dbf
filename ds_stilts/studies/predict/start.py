"""The start model and the data files that tasks are looked at with: found, or said in a sentence to be missing."""

from pathlib import Path

from ds_stilts.errors import CheckpointError
from ds_stilts.phases.checks import check_start
from ds_stilts.phases.context import Run
from ds_stilts.studies.beside import run_with_data
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.keys import stage_key
from ds_stilts.studies.sources import stage_sources
from ds_stilts.studies.store import Store


def open_start(
    one: StudyRun, *, study: str, folder: Path, store: Store, data_root: Path | None = None
) -> tuple[Run, str]:
    """A run of a study as phases want it, with its data files in place, and the folder or hub id of its start model.

    In the study's folder nothing is written.

    Args:
        study: its name, for a message.
        folder: the study's.

    Raises:
        CheckpointError: the start model is a folder that is not there, or no model; or the study makes it itself, and
            has not yet.
        RecipeError: no data root is known, or the start model cannot do what is asked of it.
        DataError: the data root is not there, or the hub has no copy of what it lacks.
    """
    check_start(one.recipe)
    bare = Run(recipe=one.recipe, run_dir=folder / one.folder, data_root=Path())
    # Of made-up languages first: nothing is written for a start model that is not there.
    source = _source(bare, store, study) if one.recipe.data.synthetic else None
    run = run_with_data(one, folder=folder, store=store, data_root=data_root)
    return run, source or _source(run, store, study)


def _source(run: Run, store: Store, study: str) -> str:
    start = run.recipe.start
    if start.model and start.pretrain is None:
        return start.model
    key = stage_key(run.recipe, "start", stage_sources(run, ["start"]))
    if not store.is_done(key):
        raise CheckpointError(
            f"the start model of seed {run.recipe.seed} is made by the study itself, and {store.folder(key)} does not "
            f"hold it yet; `ds-stilts study run {study}` with the same options makes start models before all else, and "
            "can be stopped (Ctrl-C) once that folder has a file DONE"
        )
    return str(store.folder(key) / "model")
