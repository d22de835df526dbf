"""`ds-stilts data`: the official files that a recipe reads."""

import os
from pathlib import Path

from ds_stilts.cli.options import DataRoot, Json, Overrides, RecipeName
from ds_stilts.cli.printing import print_json, print_table

HELP = """The official data files that a recipe reads.

\b
Example:
    ds-stilts data check my_recipe.yaml --data-root /data/xtreme
"""


def check(recipe: RecipeName, data_root: DataRoot = None, overrides: Overrides = None, as_json: Json = False) -> None:
    """Read every file that a recipe needs, and print examples and checksums per task, split and language.

    The first file that is missing or malformed is named, with the line and what to do.

    \b
    Example:
        ds-stilts data check my_recipe.yaml --data-root /data/xtreme
    """
    from ds_stilts.errors import RecipeError
    from ds_stilts.recipe import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    if loaded.data.synthetic:
        raise RecipeError(f"recipe '{loaded.name}' makes up its languages: it reads no official file to check")
    root = data_root or (Path(loaded.data.root) if loaded.data.root else None)
    if root is None:
        raise RecipeError(
            f"recipe '{loaded.name}' names no folder with the official files: give it with --data-root DIR"
        )
    from ds_stilts.run import check_data

    rows = check_data(loaded, root)
    if as_json:
        print_json(rows)
    else:
        print_table([{**row, "files": [os.path.relpath(path, root) for path in row["files"]]} for row in rows])
