"""The stage of an arm that merges others: rank 0 reads their folders and writes another one; nothing is trained.

What is summed, and in what precision, lives in `ds_stilts.models.merging`.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import torch

from ds_stilts.engine import watchdog
from ds_stilts.engine.export import write_folder
from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import CheckpointError, StoppedCleanly
from ds_stilts.models.merging import mean_heads, merged_parameters
from ds_stilts.models.weights import named_once
from ds_stilts.phases.context import Ranks, Run, on_main
from ds_stilts.phases.provenance import merged_card
from ds_stilts.phases.sequence import source_of, stored_heads
from ds_stilts.phases.training import load_source
from ds_stilts.plan import keeps_language_head, merged_stages
from ds_stilts.recipe import Merge


def merge_arms(run: Run, ranks: Ranks, merge: Merge, stage: str) -> None:
    """Write the model folder of a merged arm; a collective.

    Its heads are those of all arms that it merges, a head that several have as their mean.

    Raises:
        CheckpointError: an arm's folder is missing or damaged, or two arms have a head of one name in two shapes.
        StoppedCleanly: stopped on request; nothing was written.
    """

    def work() -> None:
        with suppress(StoppedCleanly):  # all ranks leave together, below
            _merge(run, ranks, merge, stage)

    on_main(ranks.world, work)
    ranks.stop.check("the models that are merged are there")


def _merge(run: Run, ranks: Ranks, merge: Merge, stage: str) -> None:
    arm = stage.split("/")[1]
    weights, source = merge.weights, source_of(run, stage)
    folders = {other: str(run.run_dir / before / "model") for other, before in merged_stages(run.recipe, arm).items()}
    say(f"{stage}  merging {', '.join(f'{float(weight):g} × {other}' for other, weight in weights.items())}")
    start = load_source(run, source)
    models = {other: load_source(run, folder).weights for other, folder in folders.items()}
    parts = [(model, weights[other]) for other, model in models.items() if model]
    assert start.weights is not None and len(parts) == len(weights)
    try:
        heads = mean_heads([stored_heads(folder) for folder in folders.values()])
    except ValueError as error:
        raise CheckpointError(
            f"{stage}: the head '{error.args[0]}' has another shape in one of {', '.join(folders.values())} than in "
            "another; merge arms whose tasks have the same labels, or train them again"
        ) from None
    facts: dict[str, Any] = {
        "stage": stage,
        "merged": {other: float(weight) for other, weight in weights.items()},
        "tasks": {
            other: sorted({name for one in run.recipe.phases_of(other) for name in one.tasks}) for other in folders
        },
        "source": source,
    }
    written = start.masked_lm if keeps_language_head(run.recipe, stage) else start.encoder.hf
    names = {id(parameter): name for name, parameter in named_once(start.weights.model).items()}
    wanted = {names[id(parameter)]: name for name, parameter in named_once(written).items()}
    summed = merged_parameters(start.weights, parts, wanted)
    write_folder(
        written,
        ((wanted[name], values) for name, values in _watched(summed, ranks)),
        start.tokenizer,
        run.run_dir / stage / "model",
        heads=heads,
        card=merged_card(run, stage, facts, type(written).__name__),
        facts=facts,
    )


def _watched(values: Iterable[tuple[str, torch.Tensor]], ranks: Ranks) -> Iterator[tuple[str, torch.Tensor]]:
    """The same; this rank is alive, and may be asked to stop."""
    for number, (name, tensor) in enumerate(values):
        watchdog.beat("merging", number)
        fail_at("merge.parameter", step=number)
        if ranks.stop.alone():
            raise StoppedCleanly
        yield name, tensor
