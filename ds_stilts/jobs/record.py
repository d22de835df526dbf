"""`jobs.json` in a run folder: which jobs were submitted for it, when, and for which stages.

Replaced atomically. Only `submit` writes it, once a job; jobs themselves never do.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ds_stilts.errors import ClusterError
from ds_stilts.jobs.slurm import JobId
from ds_stilts.whole_file import write_whole

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """One job as it was submitted."""

    submission: int
    """Which call of `ds-stilts submit` in this folder, from 1."""
    name: str
    """In the graph, e.g. "train/qa"."""
    number: int
    cluster: str | None
    script: str
    stages: tuple[str, ...]
    array: bool
    train_only: bool
    log: str
    """File in the run folder's `jobs/`; "{}" stands for the element of an array."""
    time: str
    """UTC."""

    @property
    def id(self) -> JobId:
        return JobId(number=self.number, cluster=self.cluster)

    def elements(self) -> dict[str, tuple[str, ...]]:
        """Stages by what Slurm calls the job or its elements: "123", "123_0"."""
        if not self.array:
            return {str(self.number): self.stages}
        return {f"{self.number}_{place}": (stage,) for place, stage in enumerate(self.stages)}

    def log_of(self, key: str, run_dir: Path) -> Path:
        """The log of the job or of one element."""
        return folder_of(run_dir) / self.log.format(key.partition("_")[2])


def folder_of(run_dir: Path) -> Path:
    """Where logs and what jobs read lie."""
    return run_dir / "jobs"


def read_record(run_dir: Path) -> list[Submitted]:
    """All jobs ever submitted for a run, in their order; none where nothing was.

    Raises:
        ClusterError: the file was changed by hand.
    """
    path = run_dir / "jobs.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != _FORMAT:
            raise ValueError(f"its format is {values['format']}, known is {_FORMAT}")
        return [Submitted(**{**job, "stages": tuple(job["stages"])}) for job in values["jobs"]]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ClusterError(f"{path} cannot be read ({error.strerror}); name the folder of a run or study") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ClusterError(
            f"{path} is not as it was written ({error}); move it away, and look for jobs with squeue"
        ) from None


def add_to_record(run_dir: Path, job: Submitted) -> None:
    """Remember a job."""
    values = {"format": _FORMAT, "jobs": [asdict(one) for one in [*read_record(run_dir), job]]}
    write_whole(run_dir / "jobs.json", json.dumps(values, indent=1, ensure_ascii=False) + "\n")
