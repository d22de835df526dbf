"""`ds-stilts evaluate`: one target of one arm of a recipe, scored anew."""

from typing import Annotated

import typer

from ds_stilts.cli.options import DataRoot, Json, OutDir, Overrides, Processes, RecipeName


def evaluate(
    recipe: RecipeName,
    stage: Annotated[
        str, typer.Option(metavar="targets/ARM/TARGET", help="The arm and the target, as the recipe names them.")
    ],
    out: OutDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    processes: Processes = None,
    as_json: Json = False,
) -> None:
    """Score one target of one arm from its saved model, again if need be (phase 3).

    Of a finished target all predictions are made anew; where scoring was interrupted, those that are there are kept.
    A target without a saved model is trained first; for that, the start model and the arm must be there:
    `ds-stilts pretrain` and `ds-stilts train` make them.

    \b
    Example:
        ds-stilts evaluate my_recipe.yaml --stage targets/nli/xnli --data-root /data/xtreme
    """
    from ds_stilts.cli.chain import walk

    if not stage.startswith("targets/"):
        raise typer.BadParameter(f"'{stage}' should be targets/ARM/TARGET", param_hint="--stage")
    walk(
        recipe,
        out=out,
        data_root=data_root,
        overrides=overrides,
        processes=processes,
        stage=stage,
        again=True,
        as_json=as_json,
    )
