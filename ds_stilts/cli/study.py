"""`ds-stilts study`: many runs that answer one question, planned, frozen, carried out and looked at."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import DataRoot, Json, Overrides, Processes, TimeBudget

HELP = """Studies: arms x seeds x targets that answer one question.

\b
Example:
    ds-stilts study plan s0
    ds-stilts study run s0 --out runs/studies/s0-synthetic
    ds-stilts study plan s0 --size paper
"""

StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study file, the folder of a study that was run, or a shipped study's name (study list).",
    ),
]
Size = Annotated[
    str | None,
    typer.Option("--size", metavar="NAME", help="One of the file's sizes. Default: its first.", show_default=False),
]
StudyDir = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="The study's folder. Default: STUDY, if that is one, else runs/studies/NAME-SIZE.",
        show_default=False,
    ),
]
StoreDir = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Where stages lie that studies share. Default: store, beside the study's folder.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Stages to work on side by side. Default: as many as GPUs or cores hold.",
        show_default=False,
    ),
]


def show_list(as_json: Json = False) -> None:
    """List the shipped studies, their sizes and their questions.

    \b
    Example:
        ds-stilts study list
    """
    from ds_stilts.cli.printing import print_json, print_table
    from ds_stilts.studies.study_file import load_study, shipped_studies, sizes_of

    rows = [
        {"name": name, "sizes": sizes_of(name), "question": load_study(name).question} for name in shipped_studies()
    ]
    print_json(rows) if as_json else print_table(rows)


def plan(
    study: StudyName,
    size: Size = None,
    out: StudyDir = None,
    store: StoreDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    prune: Annotated[
        str | None,
        typer.Option(
            "--prune",
            metavar="regretK",
            help="Also what would be saved by running, for each target, only the K arms that `study predict` puts "
            "first, e.g. regret3.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what a study would do and cost, and what it could find, and do nothing.

    On real data, stages that are done already are known by their files, and examples are counted in them: name their
    folder with --data-root. Without it counts are the published ones, and those of which none is are assumed, and said
    to be.

    \b
    Example:
        ds-stilts study plan s0 --size paper
        ds-stilts study plan my_study.yaml --set seeds.intermediate=[1,2,3] --json
        ds-stilts study plan s0 --prune regret3
    """
    from ds_stilts.cli.printing import print_json
    from ds_stilts.studies.places import study_places
    from ds_stilts.studies.plan import plan_study
    from ds_stilts.studies.study_file import load_study
    from ds_stilts.studies.text import plan_text

    k = None
    if prune is not None:
        from ds_stilts.studies.prune import best_k

        k = best_k(prune)
    loaded = load_study(study, size, overrides or [])
    folder, shared = study_places(loaded, study, out, store)
    sources, pruned = None, None
    if data_root:
        from ds_stilts.studies.sources import sources_under

        sources = sources_under(data_root)
    found = plan_study(loaded, store=shared, sources=sources, data_root=data_root)
    if k:
        from ds_stilts.studies.predict.prediction import PREDICTORS, predict_study
        from ds_stilts.studies.prune import prune_study

        predicted = predict_study(loaded, folder=folder, store=shared, data_root=data_root)
        pruned = prune_study(
            loaded, predicted, k, predictors=PREDICTORS, store=shared, sources=sources, data_root=data_root
        )
    if as_json:
        print_json({**found, **({"pruned": pruned} if pruned else {})})
    else:
        typer.echo(plan_text(found))
        if pruned:
            from ds_stilts.studies.prune import pruned_text

            typer.echo(f"\n{pruned_text(pruned)}")


def lock(
    study: StudyName,
    size: Size = None,
    out: StudyDir = None,
    store: StoreDir = None,
    overrides: Overrides = None,
) -> None:
    """Freeze a study's hypotheses before it runs: their hash is kept in its folder, and later changes are shown.

    \b
    Example:
        ds-stilts study lock s0
    """
    from ds_stilts.studies.lock import lock_study
    from ds_stilts.studies.places import study_places
    from ds_stilts.studies.plan import check_study
    from ds_stilts.studies.status import num_scored
    from ds_stilts.studies.study_file import load_study

    loaded = load_study(study, size, overrides or [])
    check_study(loaded)
    folder, _ = study_places(loaded, study, out, store)
    made = lock_study(loaded, folder, scored=num_scored(folder))
    after = f", after {made['scored_before']} of its targets were scored" if made["scored_before"] else ""
    typer.echo(f"{made['hash']}  {folder}/lock.json, {made['locked']}{after}")


def run(
    study: StudyName,
    size: Size = None,
    out: StudyDir = None,
    store: StoreDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    workers: Workers = None,
    processes: Processes = None,
    time_budget: TimeBudget = None,
) -> None:
    """Do every stage of a study that is not done yet. Run again, it goes on; another host may run it too.

    \b
    Example:
        ds-stilts study run s0
        ds-stilts study run s4 --size mini --data-root /data/xtreme --workers 1
    """
    from ds_stilts.studies.places import study_places
    from ds_stilts.studies.plan import check_study
    from ds_stilts.studies.study_file import load_study

    loaded = load_study(study, size, overrides or [])
    check_study(loaded)  # a slip of the pen is answered before anything large is imported
    from ds_stilts.studies.runner import run_study

    folder, shared = study_places(loaded, study, out, store)
    run_study(
        loaded,
        folder=folder,
        store=shared,
        data_root=data_root,
        workers=workers,
        processes=processes,
        command=["ds-stilts", *sys.argv[1:]],
        time_budget=time_budget,
    )
    typer.echo(folder)


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The study's folder.")], as_json: Json = False
) -> None:
    """Say how far a study is, what has failed, whether budgets agree and whether any run collapsed.

    \b
    Example:
        ds-stilts study status runs/studies/s0-synthetic
    """
    from ds_stilts.cli.printing import print_json
    from ds_stilts.studies.status import status_text, study_status

    found = study_status(folder)
    if as_json:
        print_json(found)
    else:
        typer.echo(status_text(found))
