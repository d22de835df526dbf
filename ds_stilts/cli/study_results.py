"""`ds-stilts study report` and `ds-stilts study claims`: what a study's rows say."""

from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import Json

ClaimsFile = Annotated[
    str | None,
    typer.Option(
        "--claims",
        metavar="FILE",
        help="A file of claims, or the name of a shipped one. Default: phang2020.",
        show_default=False,
    ),
]


def report(
    folder: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of studies, finished or not: with study.yaml.")
    ],
    claims: ClaimsFile = None,
    as_json: Json = False,
) -> None:
    """Write report/report.html (one file, opens offline), report.md and report.json into each study's folder.

    \b
    Example:
        ds-stilts study report runs/studies/s0-synthetic
    """
    import json

    from ds_stilts.cli.printing import print_json
    from ds_stilts.studies.report.write import write_study_report

    for one in folder:
        paths = write_study_report(one, claims)
        if as_json:
            print_json(json.loads(paths[-1].read_text(encoding="utf-8")))
            continue
        for path in paths:
            typer.echo(str(path))


def claims(
    folder: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR...]",
            help="Folders of studies. A claim is judged in the first that it is about; without any, all claims about "
            "runs are NOT RUN.",
            show_default=False,
        ),
    ] = None,
    claims: ClaimsFile = None,
    as_json: Json = False,
) -> None:
    """Say of each published claim whether it is CONFIRMED, REFUTED, INCONCLUSIVE or NOT RUN, by which rule and numbers.

    \b
    Example:
        ds-stilts study claims
        ds-stilts study claims runs/studies/phang2020-paper --json
    """
    from ds_stilts.cli.printing import print_json
    from ds_stilts.studies.claims.claims_file import PHANG2020, load_claims

    wanted = load_claims(claims or PHANG2020)  # a slip of the pen is answered before rows are read
    from ds_stilts.studies.claims.judge import judge_claims
    from ds_stilts.studies.claims.text import claims_text, claims_values
    from ds_stilts.studies.report.collect import read_evidence

    found = judge_claims(wanted, [read_evidence(one) for one in folder or []])
    if as_json:
        print_json(claims_values(wanted, found))
    else:
        typer.echo(claims_text(wanted, found))
