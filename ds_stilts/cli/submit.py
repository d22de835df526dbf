"""`ds-stilts submit`: a recipe as Slurm jobs."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ds_stilts.cli.options import DataRoot, DryRun, Json, OutDir, Overrides, RecipeName

if TYPE_CHECKING:
    from ds_stilts.jobs.submit import Submission


def submit(
    recipe: RecipeName,
    nodes: Annotated[int, typer.Option("--nodes", metavar="N", help="Nodes of each job.")] = 1,
    gpus_per_node: Annotated[
        int, typer.Option("--gpus-per-node", metavar="G", help="GPUs of each node; 0: ranks on CPUs.")
    ] = 0,
    processes_per_node: Annotated[
        int | None,
        typer.Option(
            "--processes-per-node", metavar="P", help="Ranks of each node. Default: its GPUs, or 1.", show_default=False
        ),
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option(
            "--site",
            metavar="FILE",
            help="What is particular to the cluster (slurm/README.md). Default: DS_STILTS_SITE, else "
            "~/.config/ds_stilts/site.yaml, else nothing.",
            show_default=False,
        ),
    ] = None,
    out: OutDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    time: Annotated[
        str | None,
        typer.Option(
            "--time",
            metavar="T",
            help="Time limit of jobs that train or score, as Slurm writes it, e.g. 12:00:00; a job that reaches it "
            "saves and goes on later. Default: the site file's.",
            show_default=False,
        ),
    ] = None,
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
    from ds_stilts.cli.printing import print_json, print_table
    from ds_stilts.jobs.site import find_site, load_site
    from ds_stilts.jobs.submit import Shape, check_shape, plan_submission, submit_plan
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
        print_json(_described(plan)) if as_json else _show(plan)
        return
    jobs = submit_plan(plan)
    rows = [{"job": job.number, "name": job.name, "stages": list(job.stages)} for job in jobs]
    if as_json:
        print_json({"run_dir": str(plan.run.run_dir), "jobs": rows})
    elif not jobs:
        typer.echo(f"nothing is left to do in {plan.run.run_dir}")
    else:
        print_table(rows)
        typer.echo(f"\nsee ds-stilts status {shlex.quote(str(plan.run.run_dir))}")


def _described(plan: "Submission") -> dict[str, object]:
    """A plan as JSON: no variable of the shell is in it, only settings."""
    return {
        "run_dir": str(plan.run.run_dir),
        "preamble": plan.preamble,
        "jobs": [
            {
                "name": one.job.name,
                "stages": list(one.job.stages),
                "after": [{"job": wait.job, "how": wait.how} for wait in one.job.after],
                "sbatch": list(one.words),
                "settings": dict(one.settings),
            }
            for one in plan.jobs
        ],
    }


def _show(plan: "Submission") -> None:
    """The graph, each command line, then the text of every script."""
    from ds_stilts.jobs.submit import dependency

    if not plan.jobs:
        typer.echo(f"nothing is left to do in {plan.run.run_dir}")
        return
    names = {one.job.name: f"<{one.job.name}>" for one in plan.jobs}
    typer.echo("# What waits for what")
    for one in plan.jobs:
        waits = ", ".join(f"{wait.how} {wait.job}" for wait in one.job.after)
        stages = ", ".join(one.job.stages) or "report"
        kind = f"array of {len(one.job.stages)}: " if one.job.array else ""
        typer.echo(f"{one.job.name}: {kind}{stages}{f'; {waits}' if waits else ''}")
    typer.echo("\n# How they are submitted")
    for one in plan.jobs:
        settings = [f"{name}={shlex.quote(value)}" for name, value in one.settings.items()]
        typer.echo(f"{' '.join(settings)} sbatch {shlex.join([*dependency(one.job, names), *one.words])}")
    if plan.preamble is not None:
        typer.echo(f"\n# ---- {plan.run.run_dir}/jobs/preamble.sh\n{plan.preamble}", nl=False)
    for script in dict.fromkeys(one.words[-1] for one in plan.jobs):
        typer.echo(f"\n# ---- {script}\n{Path(script).read_text(encoding='utf-8')}", nl=False)
