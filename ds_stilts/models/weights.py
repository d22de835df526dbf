"""A model's shape without its weights, and where each weight comes from: a slice of a file, or a seeded draw.

This is what lets every rank take its own part of a checkpoint and nothing else. Who takes which part is not decided
here. Names of a checkpoint are brought to the model's names by transformers' own rules, so old BERT files
(`LayerNorm.gamma`) and bare encoders without the model's prefix load as `from_pretrained` loads them.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import xxhash
from torch import nn

from ds_stilts.errors import CheckpointError
from ds_stilts.models.checkpoint_files import StoredTensor, stored_tensors
from ds_stilts.models.lora import plain_name

_LOOKED_AT = 1 << 22
"""Elements that are read to tell a tensor from another: 4,096 rows of a width of 1,024."""


def skeleton(auto_class: Any, config: Any) -> Any:
    """A transformers model of full shape whose parameters are on the meta device; its buffers are real.

    Args:
        auto_class: e.g. `AutoModelForMaskedLM`.
        config: a transformers config.

    Raises:
        ValueError: the class has no model for this config.
    """
    with _parameters_on_meta():
        model = auto_class.from_config(config, trust_remote_code=False, dtype=torch.float32)
    model.tie_weights()
    return model.train()


@contextmanager
def _parameters_on_meta() -> Iterator[None]:
    """Move each parameter to the meta device as it is registered.

    `torch.device("meta")` would take the buffers too, and with them position ids that no checkpoint holds. The memory
    that `torch.empty` reserves for a moment is never touched.
    """
    original = nn.Module.register_parameter

    def register(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None and parameter.device.type != "meta":
            parameter = nn.Parameter(parameter.to("meta"), requires_grad=parameter.requires_grad)
        original(module, name, parameter)

    nn.Module.register_parameter = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = original  # type: ignore[method-assign]


class Weights:
    """The initial fp32 values of a skeleton's parameters, by name and slice.

    Args:
        model: a `skeleton`; its parameters go by the names of `named_once`.
        files: safetensors files of the checkpoint; none: every value is drawn.
        seed: of the values that no file holds. Each depends on the seed and the parameter's name only.

    `parted`: names of parameters that the model ties to another, and of which the files hold both with different
    values, such as an output matrix beside the embedding.

    Raises:
        CheckpointError: a file is damaged, or a tensor has another shape than the config asks for.
    """

    def __init__(self, model: Any, files: list[Path], seed: int) -> None:
        self.model, self.seed = model, seed
        self.shapes = {name: tuple(parameter.shape) for name, parameter in named_once(model).items()}
        self._stored, self.parted = _matched(model, stored_tensors(files), self.shapes)
        self.missing = [name for name in self.shapes if name not in self._stored]
        self._blank = copy.deepcopy(model) if self.missing else None  # nothing but what is being drawn is ever real

    def has(self, name: str) -> bool:
        """Whether a file holds a parameter; the others are drawn, or are no parameters of this model."""
        return name in self._stored

    def copy_into(self, name: str, target: torch.Tensor, first: int = 0) -> None:
        """Write the elements from `first` on of a flattened parameter into `target`, [n] of any dtype and device."""
        if name in self._stored:
            self._stored[name].copy_into(target, first)
        else:
            target.copy_(self._draw(name).view(-1)[first : first + len(target)])

    def whole(self, name: str) -> torch.Tensor:
        """One parameter, fp32 on the CPU."""
        values = torch.empty(self.shapes[name])
        self.copy_into(name, values.view(-1))
        return values

    def fill(self) -> None:
        """Give the model all its values, in this process's memory."""
        made = {id(parameter): nn.Parameter(self.whole(name)) for name, parameter in named_once(self.model).items()}
        replace_parameters(self.model, made)

    def _draw(self, name: str) -> torch.Tensor:
        """One whole parameter as transformers initialises it."""
        assert self._blank is not None
        path, _, key = name.rpartition(".")
        owner = self._blank.get_submodule(path)
        meta = owner._parameters[key]
        owner._parameters[key] = drawn = nn.Parameter(torch.zeros(self.shapes[name]))
        state = torch.default_generator.get_state()
        torch.default_generator.manual_seed(xxhash.xxh3_64_intdigest(f"{self.seed}:{name}".encode()) >> 1)
        with torch.no_grad():
            parts = path.split(".") if path else []
            for depth in range(len(parts), -1, -1):  # some modules initialise what lies in their children
                self._blank._init_weights(self._blank.get_submodule(".".join(parts[:depth])))
        torch.default_generator.set_state(state)
        owner._parameters[key] = meta
        return drawn.detach()


def named_once(model: Any) -> dict[str, nn.Parameter]:
    """A transformers model's parameters, a tied one under its name in the encoder, else under the first of its names.

    transformers opens an encoder alone from files that have its names, not from those of a head that it lacks. Low-rank
    additions (`ds_stilts.models.lora`) are left out.
    """
    names: dict[int, list[str]] = {}
    parameters: dict[int, nn.Parameter] = {}
    for wrapped, parameter in model.named_parameters(remove_duplicate=False):
        if name := plain_name(wrapped):
            names.setdefault(id(parameter), []).append(name)
            parameters[id(parameter)] = parameter
    prefix = f"{model.base_model_prefix}."
    return {
        next((name for name in tied if name.startswith(prefix)), tied[0]): parameters[key]
        for key, tied in names.items()
    }


def keep_apart(model: Any, names: list[str]) -> None:
    """Give parameters of a skeleton that are tied to others a place of their own."""
    for name in names:
        path, _, key = name.rpartition(".")
        owner = model.get_submodule(path)
        owner._parameters[key] = nn.Parameter(owner._parameters[key].detach().clone())
        model.all_tied_weights_keys.pop(name, None)


def replace_parameters(root: nn.Module, made: dict[int, nn.Parameter]) -> None:
    """Put new parameters in the place of others, wherever in `root` they are held; tied ones stay tied.

    Args:
        made: id of the old parameter → the new one.
    """
    for module in root.modules():
        for key, old in module._parameters.items():
            if id(old) in made:
                module._parameters[key] = made[id(old)]


def _matched(
    model: Any, found: dict[str, StoredTensor], shapes: dict[str, tuple[int, ...]]
) -> tuple[dict[str, StoredTensor], list[str]]:
    """The stored tensor of each parameter that has one, under the parameter's name in `named_once`; and other names of
    such a parameter that are stored too, with other values."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

    mapping = get_model_conversion_mapping(model)
    renamings = [entry for entry in mapping if isinstance(entry, WeightRenaming)]
    converters = [entry for entry in mapping if isinstance(entry, WeightConverter)]
    own = {id(parameter): name for name, parameter in named_once(model).items()}
    every = {name: own[id(parameter)] for name, parameter in model.named_parameters(remove_duplicate=False)}
    state = model.state_dict()
    matched: dict[str, StoredTensor] = {}
    aliases: dict[str, StoredTensor] = {}
    for original, stored in found.items():
        name, pattern = rename_source_key(original, renamings, converters, model.base_model_prefix, state)
        if name not in every:
            name, pattern = rename_source_key(original, [], [], model.base_model_prefix, state)
        if name not in every or pattern is not None:
            continue
        if stored.shape != shapes[every[name]]:
            raise CheckpointError(
                f"{stored.path}: {original} has shape {list(stored.shape)}, but config.json asks for "
                f"{list(shapes[every[name]])}; take both files from the same model"
            )
        if name != every[name]:
            aliases[name] = stored
        if name == every[name] or every[name] not in matched:
            matched[every[name]] = stored
    return matched, [name for name, stored in aliases.items() if _differ(stored, matched[every[name]])]


def _differ(one: StoredTensor, other: StoredTensor) -> bool:
    """Whether the first rows of two tensors of one shape do: one that is trained for itself differs in all it met."""
    if one is other:
        return False
    count = min(_LOOKED_AT, one.numel)
    parts = [torch.empty(count) for _ in range(2)]
    for stored, part in zip((one, other), parts, strict=True):
        stored.copy_into(part)
    return not torch.equal(*parts)
