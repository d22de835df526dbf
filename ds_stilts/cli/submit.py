"""`ds-stilts submit`: a recipe as Slurm jobs."""

from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import (
    DataRoot,
    DryRun,
    GpusPerNode,
    Json,
    OutDir,
    Overrides,
    RecipeName,
    SiteFile,
    TimeLimit,
)


def submit(
    recipe: RecipeName,
    nodes: Annotated[int, typer.Option("--nodes", metavar="N", help="Nodes of each job.")] = 1,
    gpus_per_node: GpusPerNode = 0,
    processes_per_node: Annotated[
        int | None,
        typer.Option(
            "--processes-per-node", metavar="P", help="Ranks of each node. Default: its GPUs, or 1.", show_default=False
        ),
    ] = None,
    site: SiteFile = None,
    out: OutDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    time: TimeLimit = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Submit what is left of a recipe as Slurm jobs: arms, then targets, scoring and the report, each after the other.

    Run again, it submits only what is not done.

    \b
    Example:
        ds-stilts submit my_recipe.yaml --nodes 4 --gpus-per-node 4 --time 12:00:00 --data-root /data/xtreme
        ds-stilts submit my_recipe.yaml --gpus-per-node 1 --dry-run
    """
    from ds_stilts.cli.planned_jobs import show_planned, show_submitted
    from ds_stilts.jobs.command import Shape, check_shape
    from ds_stilts.jobs.site import find_site, load_site
    from ds_stilts.jobs.submit import plan_submission, submit_plan
    from ds_stilts.recipe_file import load_recipe

    ranks = processes_per_node if processes_per_node is not None else max(1, gpus_per_node)
    shape = Shape(nodes=nodes, gpus_per_node=gpus_per_node, processes_per_node=ranks, time=time)
    check_shape(shape)
    loaded = load_recipe(recipe, overrides or [])
    file = find_site(site)
    plan = plan_submission(
        loaded,
        run_dir=out or Path("runs") / loaded.name,
        data_root=data_root,
        site=load_site(file),
        site_file=file,
        shape=shape,
    )
    if dry_run:
        show_planned(plan.jobs, plan.run.run_dir, plan.preamble, as_json=as_json)
    else:
        show_submitted(submit_plan(plan), plan.run.run_dir, as_json=as_json)
