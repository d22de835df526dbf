"""Where a study and its store lie unless somebody says otherwise."""

from pathlib import Path

from ds_stilts.studies.cells import STUDY
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.studies.study_file import find_study

_FOLDER = Path("runs") / "studies"


def study_places(study: Study, named: str, out: Path | None, store: Path | None) -> tuple[Path, Store]:
    """The study's folder, and the store that it shares with the studies beside it.

    Args:
        named: what the study was found by; where that is its own folder, it is there.
    """
    own = find_study(named)
    folder = out or (own.parent if own == Path(named) / STUDY else _FOLDER / f"{study.study}-{study.size}")
    return folder, Store(root=store or folder.parent / "store")
