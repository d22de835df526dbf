"""How deep in a model a parameter lies: 0 for embeddings, 1 to L for the encoder's layers from the input up.

What lies above the encoder (heads, mT5's decoder and output matrix) has no depth. Freezing and learning rates by layer
are said in these numbers, and nothing else knows how a family calls its parts.
"""

from torch import nn

from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.t5_encoder import PackedT5Encoder

_EMBEDDINGS = ("embeddings", "embed_tokens")
"""How the names begin: `embeddings.…`, ELECTRA's `embeddings_project.…`, mT5's `embed_tokens.…`."""


def encoder_of(model: nn.Module) -> PackedEncoder | PackedT5Encoder:
    """The encoder within an objective or a model with heads."""
    return next(module for module in model.modules() if isinstance(module, PackedEncoder | PackedT5Encoder))


def depths(encoder: PackedEncoder | PackedT5Encoder) -> dict[nn.Parameter, int]:
    """The depth of each of the encoder's parameters; 0: the whole embedding module, with its positions and LayerNorm.

    A final LayerNorm, which XLM-R XL and mT5 have, counts with the layer whose states it normalises, the last: there
    is one in the last layer of all other families. mT5's table of relative positions lies in its first layer.
    """
    stack, layers = _stack(encoder), layers_of(encoder)
    within = {parameter: depth for depth, layer in enumerate(layers, start=1) for parameter in layer.parameters()}
    return {
        parameter: within.get(parameter, 0 if name.startswith(_EMBEDDINGS) else len(layers))
        for name, parameter in stack.named_parameters()
    }


def layers_of(encoder: PackedEncoder | PackedT5Encoder) -> list[nn.Module]:
    """The encoder's layers from the input up; the first one has depth 1."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = [module for module in _stack(encoder).modules() if isinstance(module, GradientCheckpointingLayer)]
    assert len(layers) == encoder.num_layers, "transformers marks a layer by its class"
    return layers


def last_matrix(layer: nn.Module) -> nn.Linear:
    """The linear layer that a layer of an encoder ends with, the second of its feed-forward part."""
    return [module for module in layer.modules() if isinstance(module, nn.Linear)][-1]


def _stack(encoder: PackedEncoder | PackedT5Encoder) -> nn.Module:
    stack: nn.Module = encoder.hf.encoder if isinstance(encoder, PackedT5Encoder) else encoder.hf
    return stack
