"""Low-rank additions to linear layers: the model stays as it is, W x becomes W x + alpha / rank · B A x.

Hu et al. 2021, arXiv:2106.09685. The layers are peft's own (`peft.tuners.lora`), put into the Hugging Face model in
place: A is drawn as peft draws it, B is zero, so a phase begins with the model's own states. All of the model's own
parameters are frozen, of an mT5 that writes text its output matrix too; heads, and the masked-LM head but for a matrix
that is tied to the embedding, are trained beside. What a phase leaves is an ordinary model folder, with each addition
summed into its matrix in fp32: scoring, the next phase and other people's code know of no addition.
"""

import importlib.util
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ds_stilts.errors import ClusterError, RecipeError, suggestion
from ds_stilts.recipe import Lora

if TYPE_CHECKING:  # importing them takes seconds, which a recipe that is refused need not pay
    import torch
    from torch import nn

    from ds_stilts.models.encoder import PackedEncoder
    from ds_stilts.models.t5_encoder import PackedT5Encoder

QUERIES_AND_VALUES = ("query", "value", "q", "v", "q_lin", "v_lin")
"""What BERT's relatives, T5 and DistilBERT call their projections to queries and values."""
_ADAPTER = "default"
"""peft's name of the only adapter of a model."""
_WRAPPED, _ADDED = ".base_layer.", ".lora_"


def check_adapters(lora: Lora, modules: Collection[str], where: str) -> None:
    """Check that a phase can have its additions.

    Args:
        modules: last parts of the names of the linear layers in the model's blocks.
        where: what `lora` stands under, for the message.

    Raises:
        RecipeError: the model has no layer of a name that the recipe gives, or none that holds queries or values.
    """
    known = sorted(set(modules))
    for name in lora.modules or []:
        if name not in known:
            raise RecipeError(
                f"{where}.lora.modules: the start model's blocks have no linear layer '{name}'"
                f"{suggestion(name, known)}; they have {', '.join(known)}"
            )
    if not set(wanted(lora)) & set(known):
        raise RecipeError(
            f"{where}.lora: what this model calls queries and values is not known here; give `modules`, of "
            f"{', '.join(known)}"
        )


def check_peft(where: str) -> None:
    """Raises:
    ClusterError: peft is not installed.
    """
    if importlib.util.find_spec("peft") is None:
        raise ClusterError(f"{where}.lora: it needs peft, which is not installed: pip install 'ds-stilts[lora]'")


def wanted(lora: Lora) -> tuple[str, ...]:
    """Last parts of the names of the layers that get an addition, where a model has them."""
    return tuple(lora.modules) if lora.modules else QUERIES_AND_VALUES


def add_adapters(encoder: "PackedEncoder | PackedT5Encoder", lora: Lora | None, where: str, seed: int) -> None:
    """Freeze a model and put the additions in, which are in memory also where the model is shapes only.

    Before parameters are placed and an engine is built; every rank draws the same.

    Args:
        where: the phase, for the message.
        seed: of the factors A.

    Raises:
        RecipeError: as `check_adapters`.
        ClusterError: as `check_peft`.
    """
    if lora is None:
        return
    import torch

    from ds_stilts.models.dropout import use_dropout

    layers = _linear_layers(encoder.hf)
    check_peft(where)
    check_adapters(lora, {name.rpartition(".")[2] for name in layers}, where)
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    targets = [name for name in layers if name.rpartition(".")[2] in wanted(lora)]
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets)  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):
        inject_adapter_in_model(config, encoder.hf, _ADAPTER)
        torch.manual_seed(seed)
        adapted: list[Any] = [module for module in encoder.hf.modules() if isinstance(module, LoraLayer)]
        for layer in adapted:
            layer.lora_A.to_empty(device="cpu")
            layer.lora_B.to_empty(device="cpu")
            layer.reset_lora_parameters(_ADAPTER, True)
    use_dropout(encoder.hf)


def _linear_layers(hf: Any) -> "dict[str, nn.Linear]":
    """The linear layers in a model's repeated blocks, which transformers marks by a class of their own, by name."""
    from torch import nn
    from transformers.modeling_layers import GradientCheckpointingLayer

    blocks = tuple(f"{name}." for name, part in hf.named_modules() if isinstance(part, GradientCheckpointingLayer))
    return {name: part for name, part in hf.named_modules() if isinstance(part, nn.Linear) and name.startswith(blocks)}


def plain_name(name: str) -> str | None:
    """What a parameter is called in the model without additions; None: it belongs to an addition."""
    return None if _ADDED in name else name.replace(_WRAPPED, ".")


def additions(hf: Any) -> "dict[str, tuple[nn.Parameter, nn.Parameter, float]]":
    """A [rank, in], B [out, rank] and what their product counts, by the plain name of the matrix that they add to."""
    named = dict(hf.named_parameters())
    modules = dict(hf.named_modules())
    found = {}
    for name, factor in named.items():
        layer, is_first, _ = name.partition(f"{_ADDED}A.")
        if is_first:
            scale = float(modules[layer].scaling[_ADAPTER])
            found[f"{layer}.weight"] = factor, named[name.replace("lora_A", "lora_B")], scale
    return found


def merged(weight: "torch.Tensor", a: "torch.Tensor", b: "torch.Tensor", scale: float) -> "torch.Tensor":
    """W + scale · B A, all fp32."""
    return weight.addmm(b, a, alpha=scale)
