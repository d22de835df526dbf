"""The end of a phase: full fp32 weights out of the (partitioned) engine into a Hugging Face folder.

Parameters are fetched one at a time and kept on rank 0 only, from the optimizer's fp32 masters where there are any: the
next phase starts from what was trained, not from its bf16 rounding.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ds_stilts.engine.world import World
from ds_stilts.models.loading import save_folder


def full_parameters(module: nn.Module, world: World) -> dict[str, torch.Tensor]:
    """Full fp32 CPU tensors of all parameters by name, on rank 0 (elsewhere empty); a collective."""
    from deepspeed.utils import safe_get_full_fp32_param

    state = {}
    for name, parameter in module.named_parameters():
        full = safe_get_full_fp32_param(parameter)
        if full is None:  # not under an optimizer: a model that only scores
            full = parameter
        if world.is_main:
            state[name] = full.detach().to("cpu", torch.float32, copy=True)
    return state


def export(
    hf_model: Any,
    heads: nn.Module | None,
    tokenizer: Any,
    folder: Path,
    world: World,
    *,
    card: str,
    facts: dict[str, Any],
) -> None:
    """Write `folder` (Hugging Face layout, model card, `heads.safetensors`) in one rename; a collective.

    Args:
        hf_model: the transformers model whose parameters the engine holds.
        heads: task heads to keep beside it, or None.
        card: text of the model card (README.md).
        facts: written beside it as `phase.json`.
    """
    from safetensors.torch import save_file

    state = full_parameters(hf_model, world)
    head_state = full_parameters(heads, world) if heads is not None else {}
    if world.is_main:
        temporary = folder.with_name(folder.name + ".tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_folder(hf_model, tokenizer, temporary, state)
        if head_state:
            save_file(head_state, temporary / "heads.safetensors")
        (temporary / "README.md").write_text(card, encoding="utf-8")
        (temporary / "phase.json").write_text(json.dumps(facts), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    world.barrier()
