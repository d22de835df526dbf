"""Has the layers watched at which a recipe wants to know how far the tasks' gradients agree."""

from typing import TYPE_CHECKING, Any

from ds_stilts.errors import RecipeError
from ds_stilts.recipe import Training

if TYPE_CHECKING:  # importing them takes seconds, which a recipe that is refused need not pay
    from ds_stilts.models.encoder import PackedEncoder
    from ds_stilts.models.t5_encoder import PackedT5Encoder


def check_watched(training: Training, num_layers: int, where: str) -> None:
    """Check that a model has the layers that are to be watched.

    Args:
        num_layers: of the encoder.
        where: the phase, for the message.

    Raises:
        RecipeError: it has fewer.
    """
    highest = max(training.gradient_cosines, default=0)
    if highest > num_layers:
        raise RecipeError(
            f"{where}.gradient_cosines: there is no layer {highest} in the start model, which has {num_layers}; give "
            f"numbers up to {num_layers}"
        )


def watch_gradients(objective: Any, encoder: "PackedEncoder | PackedT5Encoder", training: Training, where: str) -> None:
    """Let an objective of several tasks sketch their gradients; before an engine is built.

    Raises:
        RecipeError: as `check_watched`.
    """
    from ds_stilts.engine.agreement import GradientSketches
    from ds_stilts.models.depth import last_matrix, layers_of

    check_watched(training, encoder.num_layers, where)
    if training.gradient_cosines and len(objective.names) > 1:
        layers = layers_of(encoder)
        watched = {number: last_matrix(layers[number - 1]) for number in sorted(set(training.gradient_cosines))}
        objective.sketches = GradientSketches(objective.names, watched)
