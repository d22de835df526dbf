"""The files of made-up languages in a store: written once for all runs that have the same."""

from ds_stilts.recipe import Recipe
from ds_stilts.studies.keys import made_up_world
from ds_stilts.studies.store import Store


def stored_world(recipe: Recipe, store: Store) -> str:
    """The store's key of the files that a recipe's made-up languages are read from; they are written if need be."""
    from ds_stilts.synthetic import write_world

    made_up = recipe.data.synthetic
    assert made_up is not None
    values = made_up_world(recipe) or {}
    key = "worlds/" + "-".join(f"{name}={value}" for name, value in sorted(values.items()))
    write_world(store.folder(key), **made_up.model_dump())
    return key
