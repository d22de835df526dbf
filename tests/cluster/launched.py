"""A short training on several hosts, whose final weights do not depend on how its ranks were started."""

import hashlib
from pathlib import Path

from tests.faults.runs import RECIPE, STAGE


def write_recipe(path: Path, *, steps: int = 12, checkpoint_every: int = 4, hang_timeout_s: int = 60) -> Path:
    """The recipe, written to a file."""
    values = {"checkpoint_every": checkpoint_every, "hang_timeout_s": hang_timeout_s}
    path.write_text(RECIPE.format(steps=steps, config="zero2_fp32", **values))
    return path


def weights(run: Path) -> dict[str, str]:
    """Checksum of each file of final weights of the run's last stage; empty if there are none."""
    model = run / STAGE / "model"
    files = sorted(model.glob("*.safetensors"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def is_done(run: Path) -> bool:
    """Whether the last stage has left its marker."""
    return (run / STAGE / "DONE").is_file()
