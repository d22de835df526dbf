"""Options that several verbs share, so that each means the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

RecipeName = Annotated[
    str,
    typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped recipe (ds-stilts recipes list)."),
]
OutDir = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Run folder. Default: runs/ and the recipe's name.", show_default=False),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        metavar="DIR",
        help="Folder with the official data files; wins over the recipe's.",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key of the recipe, e.g. training.lr=2e-5. May be repeated."
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        "--processes", min=1, help="Ranks to start on this machine. Default: the recipe's.", show_default=False
    ),
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        "--time-budget",
        metavar="DURATION",
        help="Save and stop (exit code 85) before so much time has passed, e.g. 2h or 90m. In a Slurm job its end is "
        "found without this.",
        show_default=False,
    ),
]
LinkGbps = Annotated[
    float | None,
    typer.Option(
        "--link-gbps",
        metavar="G",
        min=0.001,
        help="A node's link to others in Gbit/s, e.g. 400: how long ranks wait for the network is told from it.",
        show_default=False,
    ),
]
GpusPerNode = Annotated[int, typer.Option("--gpus-per-node", metavar="G", help="GPUs of each node; 0: ranks on CPUs.")]
SiteFile = Annotated[
    Path | None,
    typer.Option(
        "--site",
        metavar="FILE",
        help="What is particular to the cluster (slurm/README.md). Default: DS_STILTS_SITE, else "
        "~/.config/ds_stilts/site.yaml, else nothing.",
        show_default=False,
    ),
]
TimeLimit = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="T",
        help="Time limit of jobs that train or score, as Slurm writes it, e.g. 12:00:00; a job that reaches it "
        "saves and goes on later. Default: the site file's.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")]
BenchmarkName = Annotated[str, typer.Option("--benchmark", metavar="NAME", help="xtreme or xtreme-r.")]
