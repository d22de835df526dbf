"""What is read of a study's data files beside its runs, and kept in its folder for its report."""

from collections.abc import Sequence
from pathlib import Path

from ds_stilts.phases.context import Run, find_data
from ds_stilts.phases.fetching import fetch_missing
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.guards import first_seed
from ds_stilts.studies.store import Store
from ds_stilts.studies.world import stored_world


def run_with_data(one: StudyRun, *, folder: Path, store: Store, data_root: Path | None) -> Run:
    """A run of a study as phases want it, to read its data files; what comes from the hub is fetched.

    Args:
        folder: the study's.
        store: where files of made-up languages lie; they are written if need be.

    Raises:
        RecipeError: no data root is known.
        DataError: the hub has no copy of what it lacks, or cannot be reached.
    """
    place = folder / one.folder
    if one.recipe.data.synthetic:
        return Run(recipe=one.recipe, run_dir=place, data_root=store.folder(stored_world(one.recipe, store)))
    run = Run(recipe=one.recipe, run_dir=place, data_root=find_data(one.recipe, place, data_root))
    if one.recipe.data.source == "hub":
        fetch_missing(run)
    return run


def fingerprints(runs: Sequence[StudyRun]) -> list[str]:
    """What is kept is of use to: the recipes of the first seed, since seeds read the same files."""
    return [one.recipe.fingerprint() for one in first_seed(runs)]
