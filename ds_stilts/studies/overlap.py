"""`ds-stilts study overlap`: scored examples looked for in all that a study trains on, and kept for its report.

How they are looked for lives in `ds_stilts.phases.overlap_scan`.
"""

from dataclasses import asdict, replace
from pathlib import Path

from ds_stilts.phases.overlap_scan import OverlapLine, scan_overlap
from ds_stilts.report.beside import OVERLAP, keep
from ds_stilts.studies.beside import fingerprints, run_with_data
from ds_stilts.studies.guards import first_seed
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study


def scan_study(study: Study, *, folder: Path, store: Store, data_root: Path | None) -> list[OverlapLine]:
    """Look for the scored examples of every recipe of a study, and keep what was found in its folder.

    Args:
        folder: the study's.
        store: where files of made-up languages lie; they are written if need be.

    Raises:
        UserError: the study cannot be run as written, a data file is missing or malformed, or the folder cannot be
            written to.
    """
    runs = check_study(study, data_root)
    found: dict[str, OverlapLine] = {}
    for one in first_seed(runs):
        for line in scan_overlap(run_with_data(one, folder=folder, store=store, data_root=data_root)):
            key = repr(replace(line, phases=()))
            before = found[key].phases if key in found else ()
            found[key] = replace(line, phases=tuple(dict.fromkeys([*before, *line.phases])))
    lines = list(found.values())
    keep(folder, OVERLAP, fingerprints(runs), {"lines": [asdict(line) for line in lines]})
    return lines
