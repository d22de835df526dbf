"""`ds-stilts score`: predictions in XTREME's folder layout, of whatever model, against labels."""

from pathlib import Path
from typing import Annotated

import typer

from ds_stilts.cli.options import BenchmarkName, Json


def score(
    predictions: Annotated[
        Path,
        typer.Argument(metavar="PRED_DIR", help="Folder with <task>/test-<language>.tsv, .json or .jsonl."),
    ],
    labels: Annotated[Path, typer.Option("--labels", metavar="DIR", help="Folder with the labels in the same layout.")],
    benchmark: BenchmarkName = "xtreme",
    as_json: Json = False,
) -> None:
    """Score a folder of predictions as XTREME's own script does, to the last digit.

    Tasks and languages that are missing are named, and there is no total without them. Beside a number that hides
    something (brackets around a label, blank lines, questions without an answer) stands what it is without that.

    \b
    Example:
        ds-stilts score predictions/ --labels labels/
        ds-stilts score predictions/ --labels labels/ --benchmark xtreme-r --json
    """
    from ds_stilts.cli.printing import print_json
    from ds_stilts.evaluation.benchmarks import get_benchmark
    from ds_stilts.evaluation.official import score_folder
    from ds_stilts.evaluation.score_text import score_text

    scores = score_folder(predictions, labels, get_benchmark(benchmark))
    if as_json:
        print_json(scores.as_json())
    else:
        typer.echo(score_text(scores))
