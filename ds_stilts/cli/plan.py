"""`ds-stilts plan`: what a recipe would do, and what it would need on a machine that need not be this one."""

from typing import Annotated

import typer

from ds_stilts.cli.options import DataRoot, Json, LinkGbps, Overrides, Processes, RecipeName

Nodes = Annotated[
    int | None, typer.Option("--nodes", metavar="N", help="Nodes to plan for. Default: 1.", show_default=False)
]
Gpus = Annotated[
    int | None,
    typer.Option("--gpus", metavar="M", help="GPUs of each node. Default: this machine's ranks.", show_default=False),
]
GpuMemory = Annotated[
    str | None,
    typer.Option("--gpu-memory", metavar="SIZE", help="Memory of one GPU, e.g. 80G.", show_default=False),
]
GpuTflops = Annotated[
    float | None,
    typer.Option(
        "--gpu-tflops",
        metavar="T",
        min=0.001,
        help="Peak of one GPU in the recipe's dtype, e.g. 989, to tell hours.",
        show_default=False,
    ),
]
Utilisation = Annotated[
    float | None,
    typer.Option(
        "--utilisation",
        min=0.001,
        max=1.0,
        help="Share of the peak that training reaches (ds-stilts bench measures it). Default: 0.35, a guess.",
        show_default=False,
    ),
]


def plan(
    recipe: RecipeName,
    data_root: DataRoot = None,
    overrides: Overrides = None,
    processes: Processes = None,
    nodes: Nodes = None,
    gpus: Gpus = None,
    gpu_memory: GpuMemory = None,
    gpu_tflops: GpuTflops = None,
    utilisation: Utilisation = None,
    link_gbps: LinkGbps = None,
    as_json: Json = False,
) -> None:
    """Print what a recipe would do, what memory it would need and how long it would take, and do nothing.

    \b
    Example:
        ds-stilts plan quickstart
        ds-stilts plan my_recipe.yaml --nodes 4 --gpus 8 --gpu-memory 80G --gpu-tflops 989 --link-gbps 400
        ds-stilts plan my_recipe.yaml --processes 4 --json
    """
    from ds_stilts.cli.printing import print_json, print_yaml
    from ds_stilts.errors import CheckpointError, ClusterError
    from ds_stilts.plan import check_recipe
    from ds_stilts.planning.machine import parse_machine
    from ds_stilts.planning.speed import parse_speed
    from ds_stilts.recipe_file import load_recipe

    if processes is not None and (nodes or gpus):
        raise ClusterError("--processes is for this machine, --nodes and --gpus for another one; give one of the two")
    parse_machine(nodes, gpus, gpu_memory, 1)
    speed = parse_speed(gpu_tflops, utilisation, link_gbps)
    loaded = load_recipe(recipe, overrides or [])
    check_recipe(loaded, processes or 1)  # a slip of the pen is answered before anything large is imported
    from ds_stilts.engine.deepspeed_engine import load_engine_config
    from ds_stilts.phases.context import data_folder
    from ds_stilts.planning.recipe_plan import plan_memory
    from ds_stilts.planning.text import memory_text
    from ds_stilts.run import describe, num_ranks

    machine = parse_machine(nodes, gpus, gpu_memory, num_ranks(loaded, processes))
    chain = describe(loaded, data_root=data_root, ranks=machine.ranks)
    try:
        config = load_engine_config(loaded.engine.config)
        memory = plan_memory(loaded, machine, config.values, config.name, speed, data_folder(loaded, data_root))
    except CheckpointError as error:
        if nodes or gpus or gpu_memory:
            raise
        memory = {"unknown": str(error)}
    if as_json:
        print_json({**chain, "memory": memory})
        return
    print_yaml(chain)
    typer.echo("\n" + (f"Memory: not known: {memory['unknown']}" if "unknown" in memory else memory_text(memory)))
