"""`ds-stilts study domains`: how far the words of what arms train on are from the words of what is scored."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ds_stilts.cli.options import DataRoot, Json, Overrides
from ds_stilts.cli.study import Size, StoreDir, StudyDir, StudyName

if TYPE_CHECKING:
    from ds_stilts.studies.domains import Domains


_TITLES = {
    "divergence": "divergence of words: 0 the same words as often, 1 no word in common",
    "proxy": "proxy A-distance: 0 a classifier of words guesses which set a piece is from, 2 it is always right",
    "mmd": "squared MMD of pieces in the start model: 0 on average of one source, 2 at the most",
}


def domains(
    study: StudyName,
    size: Size = None,
    out: StudyDir = None,
    store: StoreDir = None,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    embed: Annotated[
        bool, typer.Option("--embed", help="Also ask the study's start model: how far apart it embeds pieces of both.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure how far the words of what each arm trains on are from the words of what is scored.

    Jensen-Shannon divergence of word frequencies, from 0 (the same) to 1 (no word in common), and proxy A-distance,
    from 0 (a classifier of words guesses which set a piece is from) to 2 (it is always right), in the languages that
    all arms train in; with --embed also the maximum mean discrepancy of what the start model makes of pieces of both.
    Nothing is trained. The distances are kept in the study's folder, and its report holds the arms' gains against them.

    \b
    Example:
        ds-stilts study domains s4
        ds-stilts study domains s4 --size mini --data-root /data/xtreme --embed --json
    """
    from ds_stilts.cli.printing import print_json
    from ds_stilts.studies.places import study_places
    from ds_stilts.studies.study_file import load_study

    loaded = load_study(study, size, overrides or [])
    from ds_stilts.studies.domains import measure_domains

    folder, shared = study_places(loaded, study, out, store)
    found = measure_domains(loaded, folder=folder, store=shared, data_root=data_root, embed=embed)
    print_json(asdict(found)) if as_json else _show(found)


def _show(found: "Domains") -> None:
    from ds_stilts.cli.printing import print_table
    from ds_stilts.data.word_pieces import PIECE_WORDS
    from ds_stilts.studies.domain_distances import FEWEST_PIECES

    for measure, title in _TITLES.items():
        known = {target: one for target, own in found.targets.items() if (one := own.by_measure().get(measure))}
        if not known:
            continue
        typer.echo(f"{title}\n")
        arms = list(next(iter(known.values())).arms)
        rows = [{"arm": arm, **{target: f"{own.arms[arm]:.3f}" for target, own in known.items()}} for arm in arms]
        halves = {"arm": "(halves of what is scored)", **{name: f"{own.halves:.3f}" for name, own in known.items()}}
        print_table([*rows, halves])
        typer.echo()
    for target, own in found.targets.items():
        few = "" if own.proxy else f"; too few to cut into pieces, for which {FEWEST_PIECES * PIECE_WORDS:,} are needed"
        typer.echo(f"{target}: {own.words:,} words of each set, in {', '.join(own.languages)}{few}")
    for name, why in found.left_out.items():
        typer.echo(f"left out: {name} {why}")
