"""`ds-stilts pretrain`: phase 1 of a recipe alone."""

from ds_stilts.cli.options import DataRoot, Json, OutDir, Overrides, Processes, RecipeName


def pretrain(
    recipe: RecipeName,
    out: OutDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    processes: Processes = None,
    as_json: Json = False,
) -> None:
    """Make the start model of a recipe (phase 1).

    \b
    Example:
        ds-stilts pretrain quickstart --out runs/quickstart
    """
    from ds_stilts.cli.chain import walk

    walk(
        recipe,
        out=out,
        data_root=data_root,
        overrides=overrides,
        processes=processes,
        stage="start",
        as_json=as_json,
    )
