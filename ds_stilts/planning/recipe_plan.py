"""A recipe on a machine, weighed: every phase, every ZeRO stage, and the configuration that fits. A value for JSON.

How it reads as text lives in `planning.text`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ds_stilts.plan import keeps_language_head, trains_target
from ds_stilts.planning.data_sizes import Known, TaskSize, task_size
from ds_stilts.planning.deepspeed_estimate import differences
from ds_stilts.planning.machine import FILL, Machine
from ds_stilts.planning.phase import PhaseNeeds, Weighed, largest_budget, needs, num_steps, weigh
from ds_stilts.planning.shapes import ModelShape, Weight
from ds_stilts.planning.speed import Speed, phase_time
from ds_stilts.planning.start_model import start_shape
from ds_stilts.planning.states import held, peak
from ds_stilts.planning.zero import Offload, ZeroSetting, read_setting
from ds_stilts.recipe import Recipe, Training
from ds_stilts.resources import config_path
from ds_stilts.tasks import get_task

FP32_BYTES = 4
_CHOICES: tuple[tuple[int, Offload], ...] = (
    (0, "none"),
    (1, "none"),
    (2, "none"),
    (2, "optimizer"),
    (3, "none"),
    (3, "optimizer"),
    (3, "optimizer and parameters"),
)
"""What is weighed for every phase, beside the recipe's own configuration."""
_PREFERRED: tuple[tuple[int, Offload], ...] = (
    (2, "none"),
    (3, "none"),
    (2, "optimizer"),
    (3, "optimizer"),
    (3, "optimizer and parameters"),
)
"""Of those that fit, the first is recommended: the least communication, and offloading last (ds_configs/README.md)."""
NEEDS_WHOLE = {"adafactor", "lamb"}
"""Optimizers that `ds_stilts.engine.fit` refuses at any stage but 0."""


def plan_memory(
    recipe: Recipe,
    machine: Machine,
    config: Mapping[str, Any],
    config_name: str,
    speed: Speed | None = None,
    data_root: Path | None = None,
) -> dict[str, Any]:
    """What every phase of a recipe needs on a machine.

    Args:
        recipe: one that `check_recipe` has passed.
        config: the DeepSpeed JSON of its engine.
        config_name: how it is called.
        speed: None: nothing is said about time.
        data_root: folder of the official files, whose examples are counted; None: published counts are taken.

    Raises:
        CheckpointError: the start model's shape is not known here.
        DataError: a data file is malformed.
    """
    shape, source = start_shape(recipe)
    setting = read_setting(config, machine.gpus)
    phases = list(phase_needs(Known(recipe, data_root), shape, machine))
    rows = [_phase_row(phase, setting, config_name) for phase in phases]
    if speed:
        for phase, row in zip(phases, rows, strict=True):
            row["time"] = phase_time(phase, setting, speed, row["accumulation"])
    return {
        "machine": {
            "nodes": machine.nodes,
            "gpus_per_node": machine.gpus,
            "ranks": machine.ranks,
            "gpu_memory_bytes": machine.gpu_memory,
            "fill": FILL,
        },
        "model": {
            "known_from": source,
            "type": shape.model_type,
            "layers": shape.layers,
            "decoder_layers": shape.decoder_layers,
            "hidden_size": shape.hidden,
            "vocabulary": shape.vocabulary,
            "longest_input": shape.max_tokens,
            "parameters": count_parts((*shape.weights, *shape.language_head)),
        },
        "config": {"name": config_name, "setting": setting.name, "bytes_per_parameter": setting.dtype_bytes},
        "scoring": _scoring_row(shape, setting, machine),
        "phases": rows,
        "merges": _merge_rows(recipe, shape),
        "deepspeed_estimator": _beside_deepspeed(phases, setting),
        "estimated": estimated(machine, shape, speed),
    }


def _merge_rows(recipe: Recipe, shape: ModelShape) -> list[dict[str, Any]]:
    """Arms that merge others: nothing is trained, one rank reads fp32 models and writes one; heads are not counted."""
    rows: list[dict[str, Any]] = []
    for arm, phase in recipe.arms.items():
        if phase is None or phase.merge is None:
            continue
        head = shape.language_head if keeps_language_head(recipe, f"arms/{arm}") else ()
        weights, merge = (*shape.weights, *head), phase.merge.weights
        size = FP32_BYTES * sum(weight.numel for weight in weights)
        from_start = sum(merge.values()) != 1  # else the start model drops out of the sum
        rows.append(
            {
                "arm": f"arms.{arm}",
                "merges": {other: float(weight) for other, weight in merge.items()},
                "read_bytes": size * (sum(map(bool, merge.values())) + from_start),
                "written_bytes": size,
                "memory_bytes": FP32_BYTES * max(weight.numel for weight in weights),
            }
        )
    return rows


def estimated(machine: Machine, shape: ModelShape, speed: Speed | None = None) -> list[str]:
    """What of a plan is computed, and what is not."""
    said = [
        "Model states follow DeepSpeed's allocations. On two CPU ranks what was allocated is within 6 % of it "
        "between steps, and at the peak 4 % more to 14 % less. Activations are what autograd saves, tested on small "
        "models. Nothing was measured on a GPU (docs/memory.md).",
        "A micro-batch is counted at its token budget and one item more, all of its activations at the moment when all "
        "gradients are there: an upper bound. AdamW is counted for any optimizer, and activations as if nothing were "
        "frozen and nothing added.",
        f"Not counted: CUDA's context, NCCL's buffers and the allocator's gaps, for which {1 - FILL:.0%} of a GPU is "
        "left; scoring, which keeps no gradients. What NVMe offload moves to disk is counted as host memory.",
        "Sequences are taken at a task's longest input where no prepared file of this tokenizer and these data gives "
        "their mean.",
    ]
    if shape.decoder_layers:
        said.append("mT5 writes text here (encoder, decoder, output matrix); one token written for 16 read is a guess.")
    if speed:
        said.append(
            f"Times are arithmetic at {speed.utilisation:.0%} of the GPUs' peak, measured with `ds-stilts bench` or "
            "guessed, and of training alone: starting, scoring and saving come to it. Steps of few tokens take longer "
            "than that: a layer's kernels are launched one by one, however little each has to do."
        )
    if machine.gpu_memory is None:
        said.append("No --gpu-memory was given, so nothing is said about what fits.")
    return said


def count_parts(weights: tuple[Weight, ...]) -> dict[str, int]:
    """Parameters by part, and in all."""
    parts = {part: sum(w.numel for w in weights if w.part == part) for part in ("embeddings", "blocks", "heads")}
    return {**parts, "all": sum(parts.values())}


def phase_needs(known: Known, shape: ModelShape, machine: Machine) -> Iterator[PhaseNeeds]:
    """Training phases of a recipe by the keys they stand under; targets that train nothing have none."""
    recipe = known.recipe
    found: dict[str, tuple[Training, list[str]]] = {}
    if recipe.start.pretrain:
        found["start.pretrain"] = recipe.start.pretrain, list(recipe.start.pretrain.tasks)
    found |= {where: (phase, list(phase.tasks)) for where, phase in recipe.intermediate().items()}
    targets = {name: target for name, target in recipe.targets.items() if trains_target(recipe, name)}
    found |= {f"targets.{name}": (target, [name]) for name, target in targets.items()}
    for where, (training, names) in found.items():
        tasks = [get_task(name) for name in names]
        sizes = {task.name: task_size(known, training, task, shape.max_tokens) for task in tasks}
        yield needs(where, training, tasks, shape, sizes, machine)


def _phase_row(phase: PhaseNeeds, setting: ZeroSetting, config_name: str) -> dict[str, Any]:
    budget, machine = phase.training.micro_batch_tokens, phase.machine
    own = weigh(phase, setting, budget)
    others = [weigh(phase, setting.with_stage(*choice), budget) for choice in _CHOICES]
    steps = num_steps(phase.training, phase.sizes)
    row: dict[str, Any] = {
        "phase": phase.where,
        "parameters": {
            **count_parts((*phase.weights, *phase.frozen)),
            "trainable": sum(weight.numel for weight in phase.weights),
        },
        "tasks": {name: _size_row(size) for name, size in phase.sizes.items()},
        "steps": steps,
        "tokens": None if steps is None else round(steps * phase.step_tokens),
        "tokens_are": "a mean of prepared files"
        if all(size.lengths_known for size in phase.sizes.values())
        else "an upper bound",
        "batch_examples": phase.training.batch_examples,
        "batch_tokens": phase.training.batch_tokens,
        "micro_batch_tokens": budget,
        "accumulation": phase.accumulation(budget),
        "states": {term_name(term.name, term.when, term.where): term.bytes for term in own.terms},
        "activations_bytes": own.activation_bytes,
        "activations_checkpointed_bytes": own.checkpointed_bytes,
        "logits_bytes": own.logit_bytes,
        "activation_checkpointing": phase.training.activation_checkpointing,
        "stages": [{"config": config_name, **_weighed_row(own, machine)}] + [_weighed_row(o, machine) for o in others],
    }
    if machine.gpu_memory is not None:
        row["largest_micro_batch_tokens"] = largest_budget(phase, setting)
        if row["largest_micro_batch_tokens"]:
            row["accumulation_with_it"] = phase.accumulation(row["largest_micro_batch_tokens"])
        row["largest_micro_batch_tokens_checkpointed"] = largest_budget(phase.checkpointed, setting)
        row["whole_share_of_a_rank_tokens"] = phase.rank_tokens
        row["recommended"] = _recommended(phase, setting)
    return row


def term_name(name: str, when: str, where: str) -> str:
    """How a term is called in JSON, e.g. "gradient partition, in the step"."""
    moment = {"held": "", "backward": ", in the backward pass", "step": ", in the step"}[when]
    return f"{name}{', on the host' if where == 'host' else ''}{moment}"


def _size_row(size: TaskSize) -> dict[str, Any]:
    return {
        "items": size.items,
        "counted": size.counted,
        "tokens_per_item": round(size.item_tokens, 1),
        "tokens_are": "a mean" if size.lengths_known else "the most",
    }


def _scoring_row(shape: ModelShape, setting: ZeroSetting, machine: Machine) -> dict[str, Any]:
    """What the model takes while it is scored, heads and activations apart: in parts, and whole on every rank."""
    size = setting.dtype_bytes * sum(weight.numel for weight in (*shape.weights, *shape.language_head))
    row: dict[str, Any] = {
        "whole_model_bytes": size,
        "partition_bytes": -(-size // machine.ranks) if setting.stage == 3 else size,
    }
    if machine.gpu_memory is not None:
        row["whole_model_fits"] = size <= FILL * machine.gpu_memory / 2  # the other half is for activations
    return row


def _weighed_row(weighed: Weighed, machine: Machine) -> dict[str, Any]:
    row: dict[str, Any] = {
        "setting": weighed.setting.name,
        "held_bytes": held(weighed.terms),
        "states_peak_bytes": weighed.states_peak,
        "total_bytes": weighed.total,
        "host_bytes_per_node": machine.gpus * peak(weighed.terms, "host"),
    }
    if machine.gpu_memory is not None:
        row["share_of_gpu"] = round(weighed.total / machine.gpu_memory, 3)
        row["fits"] = weighed.total <= FILL * machine.gpu_memory
    return row


def _recommended(phase: PhaseNeeds, setting: ZeroSetting) -> dict[str, Any] | None:
    """The first preferred setting in which the recipe's own token budget fits; else the first that takes at least half
    as many tokens as the one that takes most."""
    candidates = [setting.with_stage(*choice) for choice in _possible(phase.training)]
    budgets = [largest_budget(phase, candidate) or 0 for candidate in candidates]
    wanted = min(phase.training.micro_batch_tokens, phase.rank_tokens)
    enough = wanted if max(budgets) >= wanted else max(1, max(budgets) // 2)
    found = [(budget, candidate) for budget, candidate in zip(budgets, candidates, strict=True) if budget >= enough]
    if not found:
        return None
    budget, candidate = found[0]
    return {
        "setting": candidate.name,
        "config": _shipped(candidate),
        "micro_batch_tokens": budget,
        "accumulation": phase.accumulation(budget),
        "share_of_gpu": round(weigh(phase, candidate, budget).total / (phase.machine.gpu_memory or 1), 3),
    }


def _possible(training: Training) -> list[tuple[int, Offload]]:
    """What `ds_stilts.engine.fit` lets a phase be trained with, the preferred first."""
    if training.optimizer in NEEDS_WHOLE:
        return [(0, "none")]
    return [choice for choice in _PREFERRED if not (training.compile and choice[0] == 3)]


def _shipped(setting: ZeroSetting) -> str | None:
    """Name of a shipped configuration of that stage, dtype and offload, without further features."""
    folder: Path = config_path("zero2_fp32").parent
    for path in sorted(folder.glob("*.json"), key=lambda path: (len(path.stem), path.stem)):
        values = json.loads(path.read_text(encoding="utf-8"))
        found = read_setting(values)
        same = (found.stage, found.dtype_bytes, found.offload) == (setting.stage, setting.dtype_bytes, setting.offload)
        if same and "nvme" not in json.dumps(values):
            return path.stem
    return None


def _beside_deepspeed(phases: list[PhaseNeeds], setting: ZeroSetting) -> list[dict[str, Any]]:
    """Our states of the largest phase beside DeepSpeed's estimate, term by term; empty where it has no estimator, as it
    has none for frozen parameters."""
    wholly_trained = [phase for phase in phases if not phase.frozen]
    if not wholly_trained:
        return []
    phase = max(wholly_trained, key=lambda one: sum(weight.numel for weight in one.weights))
    terms = weigh(phase, setting, phase.training.micro_batch_tokens).terms
    rows = differences(phase.weights, terms, setting, phase.machine.ranks) or []
    return [
        {"term": row.name, "ours": row.ours, "theirs": row.theirs, "difference": row.bytes, "why": row.why}
        for row in rows
    ]
