"""`ds-stilts bench --scaling`: how much faster more nodes train, and what they wait for."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ds_stilts.errors import RecipeError

Scaling = Annotated[
    bool, typer.Option("--scaling", help="Measure ours on more and more nodes instead: strong and weak scaling.")
]
Nodes = Annotated[
    str | None,
    typer.Option("--nodes", metavar="N,N,…", help="For --scaling: numbers of nodes. Default: 1,2.", show_default=False),
]
RanksPerNode = Annotated[
    int | None,
    typer.Option("--ranks-per-node", min=1, help="For --scaling: GPUs of a node. Default: 1.", show_default=False),
]
Hostfile = Annotated[
    Path | None,
    typer.Option(
        "--hostfile",
        metavar="FILE",
        help="For --scaling: hosts for the deepspeed launcher. Default: the Slurm job that this is in, else processes "
        "of this machine.",
        show_default=False,
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="NAME|FILE",
        help="For --scaling: DeepSpeed configuration. Default: zero2 in --dtype.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="For --scaling: folder for its runs, which all nodes share. Default: runs/scaling.",
        show_default=False,
    ),
]


def show_scaling(
    *,
    model: str,
    data_root: Path | None,
    batch: int,
    dtype: str,
    nodes: str | None,
    ranks_per_node: int | None,
    hostfile: Path | None,
    config: str | None,
    link_gbps: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure and print."""
    from ds_stilts.cli.printing import print_json, print_table

    counts = _counts(nodes or "1,2")
    from ds_stilts.bench.scaling import Fleet, run_scaling
    from ds_stilts.engine.telemetry import say

    found = run_scaling(
        model=model,
        data_root=data_root,
        nodes=counts,
        fleet=Fleet(hostfile=hostfile, ranks_per_node=ranks_per_node or 1),
        batch=batch,
        config=config or f"zero2_{dtype}",
        link_gbps=link_gbps,
        out=out or Path("runs/scaling"),
        progress=lambda line: say(line, passing=True),
    )
    if as_json:
        print_json(found)
        return
    link = f", links of {link_gbps:g} Gbit/s" if link_gbps is not None else ""
    typer.echo(f"{found['model']}, {found['parameters']:,} parameters, {found['config']}; {found['fleet']}{link}")
    typer.echo(f"{found['data']}\n")
    print_table([_row(row) for row in found["rows"]])
    sent = found["communication"]
    typer.echo(
        f"\n{sent['logged_bytes'] / 1e6:,.2f} MB a step and rank in DeepSpeed's log with {sent['ranks']} ranks, "
        f"{sent['formula_bytes'] / 1e6:,.2f} MB by the formula ({sent['ratio']:.3f})"
    )


def _counts(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) for part in parts) or sorted(set(map(int, parts))) != list(map(int, parts)):
        raise RecipeError(f"--nodes '{text}': write rising numbers with commas between them, e.g. 1,2,4")
    return [int(part) for part in parts]


def _row(row: dict[str, Any]) -> dict[str, str]:
    cells = {
        "nodes": str(row["nodes"]),
        "ranks": str(row["ranks"]),
        "": row["mode"],
        "examples": str(row["examples"]),
        "s a step": f"{row['step_s']:.3f}",
        "tokens/s": f"{row['tokens_per_s']:,.0f}",
        "speed-up": f"{row['speed_up']:.2f}",
        "efficiency": f"{row['efficiency']:.0%}",
        "waiting": f"{row['waiting']:.0%}" if "waiting" in row else "",
    }
    return cells | {"predicted": f"{row['predicted']:.0%}" if "predicted" in row else ""}
