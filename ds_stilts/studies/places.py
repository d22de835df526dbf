"""Where a study and its store lie unless somebody says otherwise."""

from pathlib import Path

from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study

_FOLDER = Path("runs") / "studies"


def study_places(study: Study, out: Path | None, store: Path | None) -> tuple[Path, Store]:
    """The study's folder, and the store that it shares with the studies beside it."""
    folder = out or _FOLDER / f"{study.study}-{study.size}"
    return folder, Store(root=store or folder.parent / "store")
