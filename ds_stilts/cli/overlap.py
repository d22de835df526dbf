"""`ds-stilts data overlap` and `ds-stilts study overlap`: scored examples looked for in what is trained on."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ds_stilts.cli.options import DataRoot, Json, OutDir, Overrides, RecipeName
from ds_stilts.cli.printing import print_json, print_table
from ds_stilts.cli.study import Size, StoreDir, StudyDir, StudyName

if TYPE_CHECKING:
    from ds_stilts.data.repeats import Repeat
    from ds_stilts.phases.overlap_scan import OverlapLine

_NAMED = 4
"""Languages that a row of the table names."""
_EXCERPT = 90
"""Characters that are shown of a text."""


def of_recipe(
    recipe: RecipeName,
    out: OutDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Look for each target's scored examples in all that is trained on before: phase 1, arms, the target's own split.

    same: equal but for case, spaces and punctuation; near: nearly so (70 % of their 5-letter pieces shared); text: only
    one of its texts, e.g. the passage, is there. Labels are not compared. Translations are not found. Of made-up
    languages name the run's folder with --out, where its data lie. What is found is kept in the run's folder, if there
    is one, and its report shows it.

    \b
    Example:
        ds-stilts data overlap my_recipe.yaml --data-root /data/xtreme
        ds-stilts data overlap quickstart --out runs/quickstart --json
    """
    from ds_stilts.errors import DataError
    from ds_stilts.recipe_file import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    from ds_stilts.phases.context import Run, find_data
    from ds_stilts.phases.fetching import fetch_missing
    from ds_stilts.phases.overlap_scan import scan_overlap

    folder = out or Path("runs") / loaded.name
    root = find_data(loaded, folder, data_root)
    run = Run(recipe=loaded, run_dir=folder, data_root=root)
    if loaded.data.source == "hub":
        fetch_missing(run)
    if not root.is_dir():
        raise DataError(
            f"there is no folder {root} to read: recipe '{loaded.name}' makes up its languages when it runs; run it "
            "first, and name its folder with --out"
        )
    lines = scan_overlap(run)
    _show(lines, as_json)
    _keep(folder, loaded.fingerprint(), lines)


def of_study(
    study: StudyName,
    size: Size = None,
    out: StudyDir = None,
    store: StoreDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Look for each target's scored examples in all that a study's arms and targets train on.

    As `ds-stilts data overlap` of its recipes. What is found is kept in the study's folder, and its report shows it.

    \b
    Example:
        ds-stilts study overlap s0
        ds-stilts study overlap s4 --size mini --data-root /data/xtreme
    """
    from ds_stilts.studies.overlap import scan_study
    from ds_stilts.studies.places import study_places
    from ds_stilts.studies.study_file import load_study

    loaded = load_study(study, size, overrides or [])
    folder, shared = study_places(loaded, study, out, store)
    _show(scan_study(loaded, folder=folder, store=shared, data_root=data_root), as_json)


def _keep(folder: Path, fingerprint: str, lines: "Sequence[OverlapLine]") -> None:
    """For the report of a run, if the folder has one of this recipe."""
    from ds_stilts.report.beside import OVERLAP, keep

    mark = folder / "fingerprint"
    if not mark.is_file():
        return
    if mark.read_text(encoding="utf-8").strip() == fingerprint:
        keep(folder, OVERLAP, [fingerprint], {"lines": [asdict(line) for line in lines]})
    else:
        typer.echo(f"Not kept: {folder} holds a run of another recipe; name this one's with --out", err=True)


def _show(lines: "Sequence[OverlapLine]", as_json: bool) -> None:
    from ds_stilts.data.near_texts import NEAR
    from ds_stilts.data.repeats import SHORTEST

    if as_json:
        print_json({"near": NEAR, "shortest": SHORTEST, "lines": [asdict(line) for line in lines]})
        return
    rows: dict[tuple[str, str, str], list[OverlapLine]] = {}
    for line in lines:
        rows.setdefault((line.target, line.split, repr(line.training)), []).append(line)
    found = [own for own in rows.values() if any(line.found for line in own)]
    if found:
        print_table([_row(own) for own in found])
        typer.echo()
    typer.echo(
        f"Nothing found in {len(rows) - len(found):,} of {len(rows):,} pairs of a scored split and a training set; "
        "--json lists them all."
    )
    for line, repeat in _longest(lines):
        alike = f" ({min(repeat.resemblance, 0.99):.2f})" if repeat.kind == "near" else ""
        typer.echo(
            f"\n{repeat.kind}{alike}: {line.target} {line.split} {line.language} {repeat.scored}, "
            f"{line.training.label} {repeat.trained}"
        )
        for text in repeat.texts:
            short = " ".join(text.split())
            typer.echo(f"  {short if len(short) <= _EXCERPT else f'{short[: _EXCERPT - 1]}…'}")


def _row(lines: "Sequence[OverlapLine]") -> dict[str, Any]:
    """One target beside one training set, its languages together."""
    first = lines[0]
    found = sorted((line for line in lines if line.found), key=lambda line: -line.found)
    named = [f"{line.language} {line.found:,} of {line.examples:,}" for line in found[:_NAMED]]
    more = [f"{len(found) - _NAMED} more"] if len(found) > _NAMED else []
    own = f"targets.{first.target}" in first.phases
    return {
        "target": first.target,
        "split": first.split,
        "trained on": first.training.label,
        "in": first.phases[0] if len(first.phases) == 1 else f"{first.phases[0]} and {len(first.phases) - 1} more",
        "declared": "its own" if own else first.declared,
        "examples": sum(line.examples for line in lines),
        **{kind: sum(getattr(line, kind) for line in lines) for kind in ("same", "near", "text")},
        "languages": [*named, *more],
    }


def _longest(lines: "Sequence[OverlapLine]") -> "list[tuple[OverlapLine, Repeat]]":
    """Of each target and kind the one example whose text is the longest, which chance explains the least."""
    best: dict[tuple[str, str], tuple[OverlapLine, Repeat]] = {}
    for line in lines:
        for repeat in line.shown:
            key = (line.target, repeat.kind)
            if key not in best or len(best[key][1].texts[0]) < len(repeat.texts[0]):
                best[key] = (line, repeat)
    return list(best.values())
