"""`ds-stilts bench`: how fast training is here, beside the Hugging Face Trainer."""

from typing import Annotated, Any, Literal

import typer

from ds_stilts.cli.options import DataRoot, Json, LinkGbps
from ds_stilts.cli.scaling import Config, Hostfile, Nodes, Out, RanksPerNode, Scaling, show_scaling
from ds_stilts.errors import RecipeError

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
    scaling: Scaling = False,
    nodes: Nodes = None,
    ranks_per_node: RanksPerNode = None,
    hostfile: Hostfile = None,
    config: Config = None,
    link_gbps: LinkGbps = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Measure training on this machine: real tokens a second of packed batches, and of the Hugging Face Trainer.

    Four tasks, one model with random weights, the same examples for all, in turns. First of all, everything must
    compute the same loss. With --scaling, ours on more and more nodes: the same step shared by all (strong), and as
    many examples a rank as one had alone (weak).

    \b
    Example:
        ds-stilts bench
        ds-stilts bench --model 12x768 --data-root /data/xtreme --batch 32 --json
        ds-stilts bench --variants hf_default,packed,engine --rounds 3
        ds-stilts bench --scaling --hostfile hosts --nodes 1,2,4 --ranks-per-node 8 --model 24x1024 --dtype bf16 \\
            --batch 256 --link-gbps 400 --data-root /data/xtreme
    """
    of_scaling: dict[str, Any] = {
        "nodes": nodes,
        "ranks_per_node": ranks_per_node,
        "hostfile": hostfile,
        "config": config,
        "link_gbps": link_gbps,
        "out": out,
    }
    others = {"variants": variants, "clock": clock, "peak_tflops": peak_tflops, "dropout": dropout or None}
    useless = [name for name, value in (others if scaling else of_scaling).items() if value is not None]
    if useless:
        option = "--" + useless[0].replace("_", "-")
        raise RecipeError(
            f"{option} {'says nothing about' if scaling else 'belongs to'} --scaling; leave one of them out"
        )
    if scaling:
        show_scaling(model=model, data_root=data_root, batch=batch, dtype=dtype, as_json=as_json, **of_scaling)
        return
    from ds_stilts.cli.printing import print_json, print_table

    names = None if variants is None else [name.strip() for name in variants.split(",") if name.strip()]
    from ds_stilts.bench.variants import choose

    choose(names, dtype, has_accelerate=True)  # a slip of the pen is answered before anything large is imported
    from ds_stilts.bench.bench import run_bench
    from ds_stilts.bench.table import heading, remarks, table_rows
    from ds_stilts.engine.telemetry import say, wipe

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
    wipe()
    if as_json:
        print_json(found)
        return
    typer.echo(heading(found) + "\n")
    print_table(table_rows(found))
    typer.echo("\n" + "\n".join(remarks(found)))
