"""`ds-stilts study overlap`: scored examples looked for in all that a study trains on, and kept for its report.

How they are looked for lives in `ds_stilts.phases.overlap_scan`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ds_stilts.errors import UserError
from ds_stilts.phases.context import Run, find_data
from ds_stilts.phases.overlap_scan import OverlapLine, scan_overlap
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.guards import first_seed
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.studies.world import stored_world
from ds_stilts.whole_file import write_whole

KEPT = "overlap.json"


def scan_study(study: Study, *, folder: Path, store: Store, data_root: Path | None) -> list[OverlapLine]:
    """Look for the scored examples of every recipe of a study, and keep what was found in its folder.

    Args:
        folder: the study's.
        store: where files of made-up languages lie; they are written if need be.

    Raises:
        UserError: the study cannot be run as written, a data file is missing or malformed, or the folder cannot be
            written to.
    """
    runs = first_seed(check_study(study, data_root))  # seeds read the same files
    found: dict[str, OverlapLine] = {}
    for one in runs:
        if one.recipe.data.synthetic:
            root = store.folder(stored_world(one.recipe, store))
        else:
            root = find_data(one.recipe, folder / one.folder, data_root)
        for line in scan_overlap(Run(recipe=one.recipe, run_dir=folder / one.folder, data_root=root)):
            key = repr(replace(line, phases=()))
            before = found[key].phases if key in found else ()
            found[key] = replace(line, phases=tuple(dict.fromkeys([*before, *line.phases])))
    lines = list(found.values())
    kept = {"recipes": _fingerprints(runs), "lines": [asdict(line) for line in lines]}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / KEPT, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror}); give another folder with --out") from None
    return lines


def kept_scan(folder: Path, runs: Sequence[StudyRun]) -> list[dict[str, Any]] | None:
    """The lines of a scan of these very recipes that a study's folder keeps; None where there is none."""
    try:
        kept = json.loads((folder / KEPT).read_text(encoding="utf-8"))
        return list(kept["lines"]) if kept["recipes"] == _fingerprints(first_seed(runs)) else None
    except (OSError, ValueError, LookupError, TypeError):  # not there, or changed by hand
        return None


def _fingerprints(runs: Sequence[StudyRun]) -> list[str]:
    return [one.recipe.fingerprint() for one in runs]
