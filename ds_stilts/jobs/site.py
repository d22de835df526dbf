"""What is particular to a cluster, in one small YAML file that its users share: where to submit, and what to load.

Found by `--site FILE`, DS_STILTS_SITE, or `ds_stilts/site.yaml` in the user's configuration folder (the XDG base
directory specification: XDG_CONFIG_HOME, by default ~/.config); without one, the cluster's own defaults apply.
"""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from ds_stilts.errors import ClusterError, RecipeError
from ds_stilts.recipe_file import explain, read_mapping
from ds_stilts.recipe_sections import Section

_TIME = re.compile(r"\d+-\d+(:\d+){0,2}|\d+(:\d+){0,2}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def slurm_time(text: str) -> str:
    """The same text, if it is a time limit as Slurm writes it: "90" (minutes), "12:00:00", "2-12" (days and hours).

    Raises:
        ValueError: something else.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"'{text}' is no time limit; write 12:00:00, 2-12 (days and hours) or 90 (minutes)")
    return text


def limit_s(text: str) -> float:
    """A time limit in seconds; infinite for 0, with which Slurm sets none.

    Args:
        text: what `slurm_time` has passed.
    """
    days, dash, rest = text.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:  # hours[:minutes[:seconds]]
        hours, minutes, seconds = [*parts, 0, 0][:3]
    else:  # minutes, minutes:seconds or hours:minutes:seconds
        hours, minutes, seconds = {1: [0, *parts, 0], 2: [0, *parts], 3: parts}[len(parts)]
    return 86400 * int(days or 0) + 3600 * hours + 60 * minutes + seconds or math.inf


class Container(Section):
    """An image in which ranks run."""

    image: str
    tool: Literal["apptainer", "pyxis"] = "apptainer"
    options: list[str] = []
    """More words for the tool, e.g. ["--bind", "/data"]."""

    @field_validator("options")
    @classmethod
    def words(cls, options: list[str]) -> list[str]:
        for option in options:
            if re.search(r"\s", option) or not option:
                raise ValueError(f"'{option}': give each word by itself, e.g. [--bind, /data]")
        return options


class Limits(Section):
    """Time limits by kind of job, as Slurm writes them."""

    train: str | None = None
    """Of jobs that train; `--time` wins over it, and over the next one. None: the batch script's, 12 hours."""
    evaluate: str | None = None
    """None: as for training; where that has none either, the batch script's, 4 hours."""
    report: str = "00:30:00"

    @field_validator("train", "evaluate", "report", mode="before")
    @classmethod
    def times(cls, text: object) -> object:
        if isinstance(text, int) and not isinstance(text, bool):  # YAML 1.1 reads 12:00:00 as a number to base 60
            raise ValueError(f'{text} is a number here; write a time limit in quotes, e.g. "12:00:00"')
        return slurm_time(text) if isinstance(text, str) else text


class Site(Section):
    """A cluster as its users see it. Every key may be left away."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    reservation: str | None = None
    gres_type: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]+$")
    """Kind of GPU to ask for, e.g. "a100"; None: any."""
    cpus_per_gpu: int | None = Field(default=None, ge=1)
    """None: the cluster's default, which on many is one; ranks and their data want several."""
    memory: str | None = Field(default=None, pattern=r"^\d+[KMGT]?$")
    """Of a node, e.g. "64G", "0" for all of it."""
    time: Limits = Limits()
    warning_s: int = Field(default=300, ge=60, le=65535)
    """So long before the time limit ranks are told to save and leave."""
    elements_at_once: int | None = Field(default=None, ge=1)
    """Of each array of targets; None: as many as Slurm lets run."""
    sbatch: list[str] = []
    """More options for sbatch, each one word, e.g. ["--exclusive"]."""
    modules: list[str] = []
    """Loaded first in each job."""
    preamble: str = ""
    """Bash lines that each job runs next. A Jinja2 template with `recipe` (its name), `run_dir`, `nodes` and
    `gpus_per_node`: `export TMPDIR=/scratch/{{ recipe }}`."""
    container: Container | None = None
    interface: str | None = None
    """Network interface for NCCL and gloo, where host names lead to a slow one."""
    scratch: str | None = None
    """Folder on each node's own disk; None: TMPDIR, else /tmp."""
    stage_cache: bool = False
    """Copy prepared data to `scratch` first."""
    environment: list[str] = []
    """Variables of the submitting shell that jobs get beside the usual ones (see `ds_stilts.jobs.environment`)."""

    @field_validator("sbatch")
    @classmethod
    def options(cls, words: list[str]) -> list[str]:
        for word in words:
            if not word.startswith("-"):
                raise ValueError(f"'{word}' is no option; write it as one word, e.g. --exclusive or --mem=64G")
        return words

    @field_validator("environment")
    @classmethod
    def names(cls, names: list[str]) -> list[str]:
        for name in names:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"'{name}' is no name of a variable; values come from the submitting shell")
        return names


def find_site(given: Path | None, environment: Mapping[str, str] | None = None) -> Path | None:
    """The site file: the one given, DS_STILTS_SITE, or the user's; None where there is none.

    Raises:
        ClusterError: a file that was named is not there.
    """
    env = os.environ if environment is None else environment
    named = given or (Path(env["DS_STILTS_SITE"]).expanduser() if env.get("DS_STILTS_SITE") else None)
    if named is not None:
        if not named.is_file():
            raise ClusterError(f"there is no site file {named}; give another one with --site, or set DS_STILTS_SITE")
        return named
    own = Path(env.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "ds_stilts" / "site.yaml"
    return own if own.is_file() else None


def load_site(path: Path | None) -> Site:
    """Read and check a site file; the defaults for None.

    Raises:
        ClusterError: not YAML, an unknown key (with suggestion), or a value that makes no sense.
    """
    if path is None:
        return Site()
    try:
        return Site.model_validate(read_mapping(path.read_text(encoding="utf-8"), source=str(path), what="site file"))
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(f"{path} cannot be read as a site file, a YAML file in UTF-8: {error}") from None
    except ValidationError as error:
        raise ClusterError(f"{path}: {explain(error, Site)}") from None
    except RecipeError as error:
        raise ClusterError(str(error)) from None
