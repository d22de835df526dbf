"""What was found in a study's data files, kept in its folder beside its rows, and of use to these recipes only."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ds_stilts.errors import UserError
from ds_stilts.phases.context import Run, find_data
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.guards import first_seed
from ds_stilts.studies.store import Store
from ds_stilts.studies.world import stored_world
from ds_stilts.whole_file import write_whole


def run_with_data(one: StudyRun, *, folder: Path, store: Store, data_root: Path | None) -> Run:
    """A run of a study as phases want it, to read its data files.

    Args:
        folder: the study's.
        store: where files of made-up languages lie; they are written if need be.

    Raises:
        RecipeError: no data root is known.
    """
    place = folder / one.folder
    if one.recipe.data.synthetic:
        return Run(recipe=one.recipe, run_dir=place, data_root=store.folder(stored_world(one.recipe, store)))
    return Run(recipe=one.recipe, run_dir=place, data_root=find_data(one.recipe, place, data_root))


def keep(folder: Path, name: str, runs: Sequence[StudyRun], values: Mapping[str, Any]) -> None:
    """Write what was found into the study's folder.

    Args:
        runs: all of the study.

    Raises:
        UserError: the folder cannot be written to.
    """
    kept = {"recipes": _fingerprints(runs), **values}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror}); give another folder with --out") from None


def kept(folder: Path, name: str, runs: Sequence[StudyRun]) -> dict[str, Any] | None:
    """What `keep` wrote of these very recipes; None where there is nothing of that sort."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        return dict(found) if found["recipes"] == _fingerprints(runs) else None
    except (OSError, ValueError, LookupError, TypeError):  # not there, or changed by hand
        return None


def _fingerprints(runs: Sequence[StudyRun]) -> list[str]:
    return [one.recipe.fingerprint() for one in first_seed(runs)]  # seeds read the same files
