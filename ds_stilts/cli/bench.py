"""`ds-stilts bench`: how fast training is here, beside the Hugging Face Trainer."""

from typing import Annotated, Literal

import typer

from ds_stilts.cli.options import DataRoot, Json

Model = Annotated[
    str,
    typer.Option(
        "--model", metavar="SHAPE|FOLDER", help="LAYERSxWIDTH, e.g. 4x256 or 12x768, or an encoder's own folder."
    ),
]
Variants = Annotated[
    str | None,
    typer.Option("--variants", metavar="A,B,C", help="What to measure. Default: everything.", show_default=False),
]
Peak = Annotated[
    float | None,
    typer.Option(
        "--peak-tflops",
        metavar="T",
        min=0.001,
        help="The device's peak in --dtype, to give utilisation (MFU) of it. Default: what matrix products reach.",
        show_default=False,
    ),
]
ClockName = Annotated[
    Literal["cpu", "wall"] | None,
    typer.Option(
        "--clock",
        help="CPU seconds of one thread, or seconds of all cores. Default: cpu on a CPU, wall on a GPU.",
        show_default=False,
    ),
]


def bench(
    model: Model = "4x256",
    data_root: DataRoot = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often everything is measured.")] = 7,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Examples in a step.")] = 8,
    examples: Annotated[int, typer.Option("--examples", min=1, help="Examples of a round, in whole steps.")] = 160,
    dtype: Annotated[
        Literal["fp32", "bf16"], typer.Option("--dtype", help="What is computed in, where a variant does not say.")
    ] = "fp32",
    dropout: Annotated[float, typer.Option("--dropout", min=0.0, max=0.99, help="Of every dropout layer.")] = 0.0,
    clock: ClockName = None,
    variants: Variants = None,
    peak_tflops: Peak = None,
    as_json: Json = False,
) -> None:
    """Measure training on this machine: real tokens a second of packed batches, and of the Hugging Face Trainer.

    Four tasks, one model with random weights, the same examples for all, in turns. First of all, everything must
    compute the same loss.

    \b
    Example:
        ds-stilts bench
        ds-stilts bench --model 12x768 --data-root /data/xtreme --batch 32 --json
        ds-stilts bench --variants hf_default,packed,engine --rounds 3
    """
    from ds_stilts.cli.printing import print_json, print_table

    names = None if variants is None else [name.strip() for name in variants.split(",") if name.strip()]
    from ds_stilts.bench.variants import choose

    choose(names, dtype, has_accelerate=True)  # a slip of the pen is answered before anything large is imported
    from ds_stilts.bench.bench import run_bench
    from ds_stilts.bench.table import heading, remarks, table_rows
    from ds_stilts.engine.telemetry import say

    found = run_bench(
        model=model,
        data_root=data_root,
        variants=names,
        rounds=rounds,
        batch=batch,
        examples=examples,
        dtype=dtype,
        dropout=dropout,
        clock=clock,
        peak_tflops=peak_tflops,
        progress=lambda line: say(line, passing=True),
    )
    if as_json:
        print_json(found)
        return
    typer.echo(heading(found) + "\n")
    print_table(table_rows(found))
    typer.echo("\n" + "\n".join(remarks(found)))
