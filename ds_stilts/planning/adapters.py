"""Low-rank additions by names and shapes: what `ds_stilts.models.lora` puts into a model, without the model."""

from collections.abc import Iterator

from ds_stilts.models.lora import wanted
from ds_stilts.planning.shapes import ModelShape, Weight
from ds_stilts.recipe import Lora

_TABLE = "relative_attention_bias"
"""mT5's biases by distance, the only matrix in a block that is looked up in and not multiplied with."""


def linear_names(shape: ModelShape) -> set[str]:
    """Last parts of the names of the linear layers in a model's blocks."""
    return {name for name, _ in _linear(shape)}


def factors(shape: ModelShape, lora: Lora) -> list[Weight]:
    """A [rank, in] and B [out, rank] of every layer that gets an addition."""
    return [
        Weight(weight.name.replace(".weight", f".lora_{letter}.default.weight"), size, "blocks")
        for name, weight in _linear(shape)
        if name in wanted(lora)
        for letter, size in (("A", (lora.rank, weight.shape[1])), ("B", (weight.shape[0], lora.rank)))
    ]


def _linear(shape: ModelShape) -> Iterator[tuple[str, Weight]]:
    for weight in shape.weights:
        if weight.part == "blocks" and len(weight.shape) == 2 and _TABLE not in weight.name:
            yield weight.name.split(".")[-2], weight
