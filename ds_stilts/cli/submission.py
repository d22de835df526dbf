"""`ds-stilts submission`: what a run predicted, as the folder and zip file that XTREME takes."""

from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import BenchmarkName


def submission(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run: the one that holds recipe.yaml.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; DIR.zip is written beside it.")],
    benchmark: BenchmarkName = "xtreme",
    arm: Annotated[
        str | None,
        typer.Option("--arm", metavar="ARM", help="Which arm. Default: the only one.", show_default=False),
    ] = None,
    bucc_dev: Annotated[
        Path | None,
        typer.Option(
            "--bucc-dev",
            metavar="RUN",
            help="A run that scored bucc2018 with score_split: dev, on which the margin is tuned.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write an arm's stored predictions as a submission, after checking all of them.

    Nothing is written when a language is missing, another split was scored, examples are left out, or a label is none
    of the task's. Tasks that the run did not score are named, since the leaderboard takes all of them.

    \b
    Example:
        ds-stilts submission runs/xlmr --out submission
        ds-stilts submission runs/xlmr --arm mnli --bucc-dev runs/bucc_dev --out submission
    """
    from ds_stilts.evaluation.benchmarks import get_benchmark
    from ds_stilts.evaluation.submission import make_submission, write_submission

    chosen = get_benchmark(benchmark)
    made = make_submission(run, chosen, arm=arm, bucc_dev=bucc_dev)
    for path in write_submission(made, out):
        typer.echo(str(path))
    if made.missing:
        typer.echo(f"not in it, since the run did not score them: {', '.join(made.missing)}")
