"""Phases one after another: what each begins with, and what becomes of heads that it does not train.

An engine holds only the heads that its phase trains. The others are carried past it from folder to folder, bit by bit:
inside the engine even a gradient of zero would move them, through weight decay and momentum.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import nn

from ds_stilts.errors import CheckpointError
from ds_stilts.phases.context import Run
from ds_stilts.plan import stage_before


def source_of(run: Run, stage: str) -> str:
    """The folder or hub id of the model that a stage begins with."""
    before = stage_before(run.recipe, stage)
    if before is None:
        return str(run.recipe.start.model)
    return str(run.run_dir / before / "model")


def follows_in_sequence(run: Run, stage: str) -> bool:
    """Whether a stage is the second or a later one of a sequence, so that heads may come with its model."""
    before = stage_before(run.recipe, stage)
    return stage.startswith("arms/") and before is not None and before.startswith("arms/")


def stored_heads(source: str) -> dict[str, torch.Tensor]:
    """Weights of the heads that lie beside a model, by "<head>.<parameter>"; none where it has none.

    Raises:
        CheckpointError: their file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(source) / "heads.safetensors"
    try:
        return load_file(path) if path.is_file() else {}
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is damaged ({error}); copy it again, or delete the folder of that stage to train it again"
        ) from None


def other_heads(stored: Mapping[str, torch.Tensor], trained: Iterable[str]) -> dict[str, torch.Tensor]:
    """Those weights that belong to none of the heads named."""
    own = set(trained)
    return {name: weight for name, weight in stored.items() if name.split(".")[0] not in own}


def load_head(head: nn.Module, stored: Mapping[str, torch.Tensor], name: str, source: str) -> None:
    """Load the stored head called `name`.

    Args:
        source: where `stored` was read from, for the message.

    Raises:
        CheckpointError: it is not there, or has another shape.
    """
    weights = {key.removeprefix(f"{name}."): value for key, value in stored.items() if key.startswith(f"{name}.")}
    expected = {key: tuple(value.shape) for key, value in head.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if found != expected:
        raise CheckpointError(
            f"{source}/heads.safetensors should hold a head '{name}' with {expected}, found {found or 'none'}; delete "
            "the folder of that stage to train it again"
        )
    head.load_state_dict(weights)
