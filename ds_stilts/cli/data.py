"""`ds-stilts data`: the official data files, looked at and prepared."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ds_stilts.cli.options import DataRoot, Json, OutDir, Overrides, RecipeName
from ds_stilts.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from ds_stilts.data.check import Line
    from ds_stilts.phases.data_check import DataCheck

HELP = """The official data files (check, prepare).

\b
Example:
    ds-stilts data check --data-root /data/xtreme
    ds-stilts data prepare my_recipe.yaml --data-root /data/xtreme
"""


def check(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help="Check what this recipe reads. Default: every task of the catalogue that lies there.",
            show_default=False,
        ),
    ] = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Read data files to their end, and say of each task, split and language whether it is all there.

    complete: as many examples as published; part: fewer; unknown: the published number was not read from its source;
    wrong: malformed, without its gold, or more than published. All problems are listed; only "wrong" exits with 2. A
    part that a recipe chooses (`where`) has a line of its own, whose published number is unknown.

    \b
    Example:
        ds-stilts data check --data-root /data/xtreme
        ds-stilts data check my_recipe.yaml --data-root /data/xtreme --json
    """
    from ds_stilts.errors import DataError, RecipeError

    if recipe is None:
        if data_root is None:
            raise RecipeError("name the folder with the official files with --data-root DIR, or a recipe that does")
        if overrides:
            raise RecipeError("--set changes a recipe, and none is given")
    loaded, root = (None, data_root) if recipe is None else _recipe_and_root(recipe, data_root, overrides)
    assert root is not None
    if not root.is_dir():
        raise DataError(f"there is no folder {root} to read data files from; give another one with --data-root DIR")
    from ds_stilts.phases.data_check import check_catalogue, check_needed

    found = check_catalogue(root) if loaded is None else check_needed(loaded, root)
    if as_json:
        print_json({"data_root": str(root), **found.as_json()})
    else:
        _print(found)
    if found.wrong:
        where = "" if as_json else ", listed above"
        raise DataError(f"{len(found.wrong)} of {len(found.lines)} splits and languages are wrong{where}")


def prepare(
    recipe: RecipeName,
    out: OutDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", min=1, help="Processes that tokenise. Default: one a core.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tokenise everything that a recipe reads, and write the card of its training corpus to the run folder.

    Prepared files lie in the cache folder (DS_STILTS_CACHE, by default ~/.cache/ds_stilts) and serve every run: what
    is there already costs nothing. A run prepares by itself what is missing.

    \b
    Example:
        ds-stilts data prepare my_recipe.yaml --data-root /data/xtreme
    """
    loaded, root = _recipe_and_root(recipe, data_root, overrides)
    from ds_stilts.phases.context import Run
    from ds_stilts.phases.preparing import prepare_recipe

    run = Run(recipe=loaded, run_dir=out or Path("runs") / loaded.name, data_root=root)
    made = prepare_recipe(run, processes or len(os.sched_getaffinity(0)))
    rows = [
        {
            "task": split.facts.task,
            "split": split.facts.split,
            "language": split.facts.language,
            "examples": split.facts.examples,
            "sequences": split.facts.sequences,
            "tokens": split.facts.tokens,
            "bytes": split.facts.bytes,
            "seconds": round(split.seconds, 1),
            "cached": split.cached,
        }
        for split in made
    ]
    card = run.run_dir / "corpus.json"
    if as_json:
        files = [{**row, "path": str(split.path)} for row, split in zip(rows, made, strict=True)]
        print_json({"splits": files, "corpus": str(card)})
    else:
        print_table([{**row, "cached": "yes" if row["cached"] else "no"} for row in rows])
        typer.echo(f"\nThe card of what is trained on: {card.with_suffix('.md')}")


def _recipe_and_root(recipe: str, data_root: Path | None, overrides: list[str] | None) -> tuple[Any, Path]:
    """A recipe and the folder of its official files."""
    from ds_stilts.errors import RecipeError
    from ds_stilts.phases.context import data_folder
    from ds_stilts.recipe_file import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    if loaded.data.synthetic:
        raise RecipeError(
            f"recipe '{loaded.name}' makes up its languages when it runs: there is no official file to check or prepare"
        )
    root = data_folder(loaded, data_root)
    if root is None:
        raise RecipeError(
            f"recipe '{loaded.name}' names no folder with the official files: give it with --data-root DIR"
        )
    return loaded, root


def _print(found: "DataCheck") -> None:
    """Languages of one split that are in the same state share a row; problems and licences follow."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in found.lines:
        groups.setdefault((line.task, line.part, line.state), []).append(line)
    print_table([_row(lines) for lines in groups.values()])
    spans = [line for line in found.lines if line.spans and line.spans.realigned + line.spans.unalignable]
    for line in spans:
        assert line.spans
        typer.echo(
            f"{line.task} {line.split} {line.language}: of {line.spans.questions:,} questions, "
            f"{line.spans.realigned:,} have an answer that was found beside its offset and {line.spans.unalignable:,} "
            f"one that was not found; {line.spans.untrainable:,} cannot be trained on"
        )
    if found.wrong:
        typer.echo("\nWrong:")
        for line in found.wrong:
            typer.echo(f"  {' '.join(part for part in (line.task, line.part, line.language) if part)}: {line.problem}")
    if found.licences:
        typer.echo("\nLicences:")
        for name, licence in found.licences.items():
            typer.echo(f"  {name}: {licence}")
    if found.not_here:
        typer.echo(f"\nNot here: {', '.join(found.not_here)}")


def _row(lines: "list[Line]") -> dict[str, Any]:
    first = lines[0]
    examples, published = (sum(getattr(line, name) or 0 for line in lines) for name in ("examples", "published"))
    return {
        "task": first.task,
        "split": first.part,
        "examples": examples,
        "state": f"part ({examples:,} of {published:,})" if first.state == "part" else first.state,
        "languages": [line.language for line in lines],
    }
