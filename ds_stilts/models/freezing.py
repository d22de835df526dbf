"""Parameters that a phase leaves as they are: the embeddings, the lowest layers of the encoder, or both.

A frozen parameter needs no gradient: from that mark the optimizer, DeepSpeed's partitioning and checkpoints, and the
export take it. Frozen means frozen: a masked-LM head that is tied to the word embedding reads a frozen output matrix,
and learns in what is its own (dense layer, LayerNorm, bias). Of an mT5 that writes text, layers are the encoder's: its
decoder reads frozen embeddings too, but is itself always trained, and so is the output matrix, which is not tied.
"""

from typing import TYPE_CHECKING

from ds_stilts.errors import RecipeError
from ds_stilts.recipe import Freeze

if TYPE_CHECKING:  # importing them takes seconds, which a recipe that is refused need not pay
    from ds_stilts.models.encoder import PackedEncoder
    from ds_stilts.models.t5_encoder import PackedT5Encoder


def check_frozen(freeze: Freeze | None, num_layers: int, where: str) -> None:
    """Check that a model has the layers to freeze.

    Args:
        num_layers: of the encoder.
        where: what `freeze` stands under, for the message.

    Raises:
        RecipeError: it has fewer.
    """
    if freeze and freeze.layers > num_layers:
        raise RecipeError(
            f"{where}.freeze.layers is {freeze.layers}, but the start model has {num_layers} layers; give {num_layers} "
            "to freeze all of them, or fewer"
        )


def freeze_parameters(encoder: "PackedEncoder | PackedT5Encoder", freeze: Freeze | None, where: str) -> None:
    """Mark an encoder's frozen parameters; before they are placed and an engine is built.

    Args:
        where: the phase, for the message.

    Raises:
        RecipeError: as `check_frozen`.
    """
    from ds_stilts.models.depth import depths

    check_frozen(freeze, encoder.num_layers, where)
    if freeze is None:
        return
    for parameter, depth in depths(encoder).items():
        if freeze.embeddings if depth == 0 else depth <= freeze.layers:
            parameter.requires_grad_(False)
