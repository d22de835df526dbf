"""`ds-stilts study predict`: which arms should help which targets, before they are run."""

from typing import Annotated

import typer

from ds_stilts.cli.options import DataRoot, Json, Overrides
from ds_stilts.cli.study import Size, StoreDir, StudyDir, StudyName


def predict(
    study: StudyName,
    size: Size = None,
    out: StudyDir = None,
    store: StoreDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            metavar="NAME",
            help="An arm to rank; may be repeated. Default: all that train something and are no control.",
            show_default=False,
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", min=2, help="Training items of each task to look at, at most.")
    ] = 256,
    layers: Annotated[
        list[int] | None,
        typer.Option(
            "--layer",
            metavar="L",
            help="A layer, 1 the lowest, whose gradients are compared; may be repeated. Default: all.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of which items are looked at.")] = 0,
    as_json: Json = False,
) -> None:
    """Rank a study's arms for each target by how alike their tasks look to the start model, before they are run.

    Two rankings: by the mean text embedding, and by the gradient through a fresh head. Where the study's folder has
    scores, also what would have been lost by running only the first one or three (Regret@k), beside a random choice.

    \b
    Example:
        ds-stilts study predict s0
        ds-stilts study predict my_study.yaml --data-root /data/xtreme --examples 512 --json
    """
    from ds_stilts.cli.printing import print_json
    from ds_stilts.studies.places import study_places
    from ds_stilts.studies.plan import check_study
    from ds_stilts.studies.predict.candidates import find_candidates
    from ds_stilts.studies.study_file import load_study

    loaded = load_study(study, size, overrides or [])
    find_candidates(loaded, check_study(loaded), arms or [])  # a slip of the pen is answered before torch is imported
    from ds_stilts.studies.predict.prediction import predict_study
    from ds_stilts.studies.predict.text import prediction_text

    folder, shared = study_places(loaded, study, out, store)
    found = predict_study(
        loaded,
        folder=folder,
        store=shared,
        data_root=data_root,
        arms=arms or [],
        examples=examples,
        layers=layers or [],
        seed=seed,
    )
    if as_json:
        print_json(found)
    else:
        typer.echo(prediction_text(found))
