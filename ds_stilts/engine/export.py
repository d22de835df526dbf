"""The end of a phase: full fp32 weights out of the (partitioned) engine into a Hugging Face folder.

Parameters are fetched one at a time, from the optimizer's fp32 masters where there are any: the next phase starts from
what was trained, not from its bf16 rounding. Rank 0 writes each to the file and forgets it: beside what the engine
holds it needs memory for one parameter, and the other ranks, under ZeRO-3, for none.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.manifest import sync_files, sync_folder
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError, in_common
from ds_stilts.models.checkpoint_files import MAX_SHARD_BYTES, WeightsWriter
from ds_stilts.models.loading import save_description
from ds_stilts.models.lora import additions, merged
from ds_stilts.models.weights import Weights, named_once

_PIECE = 1 << 22
"""Elements (16 MiB of fp32) that rank 0 receives at once."""


def full_parameters(module: nn.Module, world: World) -> dict[str, torch.Tensor]:
    """Full fp32 CPU tensors of all parameters by name, on rank 0 (elsewhere empty); a collective. For small modules."""
    return _copies(dict(module.named_parameters()), world)


def export(
    hf_model: Any,
    heads: nn.Module | None,
    tokenizer: Any,
    folder: Path,
    world: World,
    *,
    card: str,
    facts: dict[str, Any],
    kept_heads: Mapping[str, torch.Tensor] | None = None,
    weights: Weights | None = None,
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> None:
    """Write `folder` (Hugging Face layout, model card, `heads.safetensors`) in one rename; a collective.

    Args:
        hf_model: the transformers model whose parameters the engine holds; of tied ones one name is written. Low-rank
            additions are summed into the matrices that they belong to.
        heads: task heads to keep beside it, or None.
        card: text of the model card (README.md).
        facts: written beside it as `phase.json`.
        weights: source of those of `hf_model`'s parameters that the engine does not hold, and that are shapes only, or
            that are frozen: what the engine holds of them may be a rounding.
        kept_heads: weights of further heads, which no engine holds, by name; written as they are.
        max_shard_bytes: largest weight file.

    Raises:
        CheckpointError: the disk is full or gone; on all ranks alike, and checkpoints are intact.
    """
    parameters = named_once(hf_model)
    added = additions(hf_model)
    a, b = (_copies({name: addition[place] for name, addition in added.items()}, world) for place in (0, 1))
    head_state = full_parameters(heads, world) if heads is not None else {}
    values = (
        (name, merged(full, a[name], b[name], added[name][2]) if full is not None and name in added else full)
        for name, full in _stream(parameters, world, weights)
    )
    problem = None
    if world.is_main:
        try:
            write_folder(
                hf_model,
                ((name, full) for name, full in values if full is not None),
                tokenizer,
                folder,
                heads={**(kept_heads or {}), **head_state},
                card=card,
                facts=facts,
                max_shard_bytes=max_shard_bytes,
            )
        except OSError as error:
            shutil.rmtree(_temporary(folder), ignore_errors=True)
            problem = error.strerror or str(error)
    for _ in values:  # rank 0 too, where it has failed: every rank takes part in each
        pass
    problem = world.gather(problem)[0]
    if problem:
        raise in_common(
            CheckpointError(
                f"{folder} could not be written: {problem} ({shutil.disk_usage(folder.parent).free / 1e9:.1f} GB are "
                "free there); make room and run the same command again, which goes on from the last checkpoint"
            )
        )


def write_folder(
    hf_model: Any,
    values: Iterable[tuple[str, torch.Tensor]],
    tokenizer: Any,
    folder: Path,
    *,
    heads: Mapping[str, torch.Tensor],
    card: str,
    facts: dict[str, Any],
    max_shard_bytes: int = MAX_SHARD_BYTES,
) -> None:
    """Write what `export` writes, on this rank alone.

    Args:
        hf_model: gives names, shapes and configuration; its parameters may be shapes only.
        values: all of its parameters, in the order of `named_once`, fp32 on the CPU; each is forgotten once written.
        heads: weights beside the model, by "<head>.<parameter>".

    Raises:
        OSError: the disk is full or gone; what was there before is as it was.
    """
    from safetensors.torch import save_file

    temporary = _temporary(folder)
    shutil.rmtree(temporary, ignore_errors=True)
    save_description(hf_model, tokenizer, temporary)
    shapes = {
        name: tuple(getattr(parameter, "ds_shape", parameter.shape)) for name, parameter in named_once(hf_model).items()
    }
    writer = WeightsWriter(temporary, shapes, max_shard_bytes)
    for number, (name, full) in enumerate(values):
        fail_at("export.parameter", step=number)
        writer.write(name, full)
    writer.close()
    if heads:
        save_file(dict(heads), temporary / "heads.safetensors")
    (temporary / "README.md").write_text(card, encoding="utf-8")
    (temporary / "phase.json").write_text(json.dumps(facts), encoding="utf-8")
    sync_files(temporary)  # the checkpoints that it takes the place of are on disk, and are deleted next
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    fail_at("export.renamed")
    sync_folder(folder.parent)


def _temporary(folder: Path) -> Path:
    return folder.with_name(folder.name + ".tmp")


def _copies(parameters: dict[str, nn.Parameter], world: World) -> dict[str, torch.Tensor]:
    """All at once, on rank 0, elsewhere nothing; a collective."""
    return {name: full.clone() for name, full in _stream(parameters, world) if full is not None}


def _stream(
    parameters: dict[str, nn.Parameter], world: World, weights: Weights | None = None
) -> Iterator[tuple[str, torch.Tensor | None]]:
    """Each parameter's full fp32 values on rank 0's CPU, good until the next; None elsewhere. A collective."""
    import deepspeed
    from deepspeed.utils import safe_get_full_fp32_param

    sources = {parameter: name for name, parameter in named_once(weights.model).items()} if weights else {}
    for name, parameter in parameters.items():
        full: torch.Tensor | None = getattr(parameter, "fp32_master", None)  # ZeRO stage 0
        if weights and parameter in sources and (parameter.device.type == "meta" or not parameter.requires_grad):
            full = weights.whole(sources[parameter]) if world.is_main else None
        elif full is None and _is_optimized(parameter):
            partitioned = hasattr(parameter, "ds_id")
            full = _collected(parameter, world) if partitioned else safe_get_full_fp32_param(parameter)
        elif full is None:
            with deepspeed.zero.GatheredParameters([parameter] if hasattr(parameter, "ds_id") else []):
                full = parameter.detach().to("cpu", torch.float32, copy=True)
        yield name, full.detach().to("cpu", torch.float32) if world.is_main and full is not None else None


def _collected(parameter: Any, world: World) -> torch.Tensor | None:
    """The fp32 master of a ZeRO-3 parameter, put together on rank 0; a collective.

    DeepSpeed's own function does that on every rank, in twice the parameter's memory: for XLM-R Base's embedding more
    than the whole model.
    """
    from deepspeed.utils import safe_get_local_fp32_param

    part = safe_get_local_fp32_param(parameter)
    full = torch.empty(world.size, len(part)) if world.is_main else None
    step = max(1, _PIECE // world.size)
    for begin in range(0, len(part), step):
        piece = part[begin : begin + step].to(world.device).contiguous()
        pieces = [torch.empty_like(piece) for _ in range(world.size)] if world.is_main else None
        dist.gather(piece, pieces)
        for rank, received in enumerate(pieces or []):
            assert full is not None
            full[rank, begin : begin + step] = received
    return full.view(-1)[: parameter.ds_numel].view(parameter.ds_shape) if full is not None else None


def _is_optimized(parameter: Any) -> bool:
    """Whether an optimizer of ZeRO 1 to 3 holds the parameter's fp32 master: not if it is frozen or only scored."""
    if hasattr(parameter, "ds_id"):
        return hasattr(parameter, "_z3_optimizer") and parameter.requires_grad
    return hasattr(parameter, "_hp_mapping")
