"""`ds-stilts study submit`: a study as Slurm jobs."""

from typing import Annotated

import typer

from ds_stilts.cli.options import DataRoot, DryRun, GpusPerNode, Json, Overrides, SiteFile, TimeLimit
from ds_stilts.cli.study import Size, StoreDir, StudyDir, StudyName


def submit(
    study: StudyName,
    size: Size = None,
    out: StudyDir = None,
    store: StoreDir = None,
    array: Annotated[
        int | None,
        typer.Option(
            "--array",
            metavar="K",
            help="Elements of the array, a node each. Default: as many as find something to do, 16 at the most.",
            show_default=False,
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes",
            metavar="N",
            help="At most so many nodes, thus elements, at a time. Default: the site file's elements_at_once.",
            show_default=False,
        ),
    ] = None,
    gpus_per_node: GpusPerNode = 0,
    processes_per_node: Annotated[
        int | None,
        typer.Option(
            "--processes-per-node",
            metavar="P",
            help="Ranks on each node, of stages side by side. Default: its GPUs, or those of one stage.",
            show_default=False,
        ),
    ] = None,
    site: SiteFile = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    time: TimeLimit = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Submit what is left of a study as an array of Slurm jobs that share its stages out, and a report after them.

    Run again, it submits the elements that have ended too early. status, logs and stop work on the study's folder.
    With --dry-run, data that are missing are a warning.

    \b
    Example:
        ds-stilts study submit s0 --size paper --gpus-per-node 8 --time 12:00:00 --data-root /data/xtreme
        ds-stilts study submit s0 --array 4 --dry-run
    """
    from ds_stilts.cli.planned_jobs import show_planned, show_submitted
    from ds_stilts.jobs.site import find_site, load_site
    from ds_stilts.studies.places import study_places
    from ds_stilts.studies.plan import check_study
    from ds_stilts.studies.study_file import load_study

    loaded = load_study(study, size, overrides or [])
    check_study(loaded)  # a slip of the pen is answered before anything large is imported
    from ds_stilts.studies.submit import plan_study_submission, submit_study

    folder, shared = study_places(loaded, study, out, store)
    file = find_site(site)
    plan = plan_study_submission(
        loaded,
        folder=folder,
        store=shared,
        data_root=data_root,
        elements=array,
        nodes=nodes,
        gpus_per_node=gpus_per_node,
        processes_per_node=processes_per_node,
        time=time,
        site=load_site(file),
        site_file=file,
        without_data=dry_run,
    )
    if dry_run:
        show_planned(plan.jobs(), plan.folder, plan.preamble, as_json=as_json, missing=plan.missing)
    else:
        show_submitted(submit_study(plan), plan.folder, as_json=as_json)
