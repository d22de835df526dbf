"""`run.json`: how a run was started, with what, and what is done."""

import json
import os
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from ds_stilts import __version__
from ds_stilts.phases.context import Run
from ds_stilts.plan import stages, trains_target
from ds_stilts.whole_file import write_whole

_LIBRARIES = ("torch", "deepspeed", "transformers", "tokenizers", "datasets")


class RunRecord:
    """Keeps `run.json` of one run; main rank only.

    Args:
        command: how the run was started; that of the first start is kept.
        processes: ranks of this start.
    """

    def __init__(self, run: Run, command: list[str], processes: int) -> None:
        self._run, self._path = run, run.run_dir / "run.json"
        before = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        import torch

        self._values: dict[str, Any] = {
            "name": run.recipe.name,
            "fingerprint": run.recipe.fingerprint(),
            "command": before.get("command") or command,
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

    def update(self) -> None:
        """Look at the stages' markers; with the last one the run is finished, in whatever process that was."""
        rows: list[dict[str, Any]] = []
        for name in stages(self._run.recipe):
            wall = _wall_s(self._run.run_dir / name / "DONE")
            done = wall is not None
            rows.append({"stage": name, "done": done, "trained": done or self._is_trained(name), "wall_s": wall})
        self._values["stages"] = rows
        self._values["wall_s"] = round(sum(row["wall_s"] or 0.0 for row in rows), 1)
        if not self._values["finished"] and all(row["done"] for row in rows):
            self._values["finished"] = _now()
        write_whole(self._path, json.dumps(self._values, indent=1))

    def _is_trained(self, stage: str) -> bool:
        """Whether nothing but scoring is left of a stage that is not done; a batch script that only trains asks."""
        if not stage.startswith("targets/"):
            return False
        has_own = trains_target(self._run.recipe, stage.rpartition("/")[2])
        return not has_own or (self._run.run_dir / stage / "model").is_dir()


def _wall_s(marker: Path) -> float | None:
    """How long a stage took; None if it is not done, or is being scored again by another process."""
    try:
        return float(json.loads(marker.read_text(encoding="utf-8"))["wall_s"])
    except FileNotFoundError:
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
