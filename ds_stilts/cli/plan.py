"""`ds-stilts plan`: what a recipe would do."""

from ds_stilts.cli.options import DataRoot, Json, Overrides, Processes, RecipeName


def plan(
    recipe: RecipeName,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    processes: Processes = None,
    as_json: Json = False,
) -> None:
    """Print what a recipe would do here, and do nothing.

    \b
    Example:
        ds-stilts plan quickstart
        ds-stilts plan my_recipe.yaml --processes 4 --json
    """
    from ds_stilts.cli.chain import walk

    walk(
        recipe,
        out=None,
        data_root=data_root,
        overrides=overrides,
        processes=processes,
        dry_run=True,
        as_json=as_json,
    )
