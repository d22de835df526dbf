"""The tiny training of `tiny.py` in plain PyTorch on padded Hugging Face models: what every engine must compute."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ds_stilts.data.mixture import mask_generator
from ds_stilts.formats.masked_lm import mask
from tests.distributed import tiny

STEPS, WARMUP = 12, 3
ADAPTER_SEED = 21


@dataclass(frozen=True)
class PlainRun:
    """What came out of the steps."""

    losses: list[float]
    """Loss of each global batch before its step."""
    untrained: list[float]
    """Loss of the same batches without training: what a comparison must tell from `losses`."""
    parameters: dict[str, np.ndarray]


def alike(name: str) -> float:
    """Every parameter learns at the full rate."""
    return 1.0


@cache
def plain_run(
    lr: float = tiny.TRAINING.lr,
    rate: Callable[[str], float] = alike,
    change: Callable[[torch.nn.Module], None] | None = None,
) -> PlainRun:
    """Twelve steps without anything of ours in the forward pass: padded input, means per task, torch AdamW.

    Args:
        rate: by the name of a parameter, at how much of `lr` it learns; 0: it is frozen.
        change: is given the Hugging Face encoder before training.
    """
    tasks, mixture = tiny.data(), tiny.mixture(tiny.data())
    hf = tiny.masked_lm()
    model = tiny.model(hf)
    if change:
        change(hf.base_model)
    hf.set_attn_implementation("eager")  # undo the packed attention: this is Hugging Face's own forward
    norms = {id(p) for m in model.modules() if isinstance(m, torch.nn.LayerNorm) for p in m.parameters()}
    named = dict(model.named_parameters())
    for name, parameter in named.items():
        parameter.requires_grad_(rate(name) > 0)
    trained = {name: parameter for name, parameter in named.items() if parameter.requires_grad}
    plain = {name for name, p in trained.items() if id(p) in norms or name.endswith("bias")}
    recipe = tiny.TRAINING
    optimizer = torch.optim.AdamW(
        [
            {"params": p, "rate": rate(name), "weight_decay": 0.0 if name in plain else recipe.weight_decay}
            for name, p in trained.items()
        ],
        lr=lr, betas=recipe.adam_betas, eps=recipe.adam_eps, fused=False, foreach=False,
    )  # fmt: skip

    def batch_loss(step: int) -> torch.Tensor:
        slots = mixture.step(step)
        loss = torch.zeros(())
        for name, item in tasks.items():
            own = [(place, index) for place, (task, index) in enumerate(slots) if task == name]
            if own:
                weight = recipe.tasks[name].loss_weight * len(own) / len(slots)
                loss = loss + weight * _task_mean(name, own, item.prepared, hf, model, step)
        return loss

    with torch.no_grad():
        untrained = [float(batch_loss(step)) for step in range(STEPS)]
    losses = []
    for step in range(STEPS):
        factor = step / WARMUP if step < WARMUP else (STEPS - step) / (STEPS - WARMUP)
        for group in optimizer.param_groups:
            group["lr"] = lr * group["rate"] * factor
        loss = batch_loss(step)
        losses.append(float(loss.detach()))
        for parameter in trained.values():
            parameter.grad = torch.zeros_like(parameter)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), recipe.clip)
        optimizer.step()
    final = {f"model.{name}": parameter.detach().numpy() for name, parameter in named.items()}
    return PlainRun(losses, untrained, final)


def _task_mean(name: str, own: list[tuple[int, int]], prepared: Any, hf: Any, model: Any, step: int) -> torch.Tensor:
    sequences = []
    for place, item in own:
        for index in range(prepared.item_starts[item], prepared.item_starts[item + 1]):
            ids, rows, targets = prepared.ids[index], prepared.rows[index], prepared.targets[index]
            if name == "text":
                rng = mask_generator(tiny.MASKING.seed, step, place)
                ids, rows, targets = mask(ids, tiny.SPECIAL, tiny.VOCABULARY, tiny.MASK, 0.15, rng)
            sequences.append((ids, rows, targets))
    longest = max(len(ids) for ids, _, _ in sequences)
    padded = torch.full((len(sequences), longest), 1)
    attention = torch.zeros(len(sequences), longest, dtype=torch.long)
    for i, (ids, _, _) in enumerate(sequences):
        padded[i, : len(ids)] = torch.as_tensor(ids.astype(np.int64))
        attention[i, : len(ids)] = 1
    states = hf.base_model(input_ids=padded, attention_mask=attention).last_hidden_state
    targets = torch.as_tensor(np.concatenate([t for _, _, t in sequences]).astype(np.int64))
    if name == "qa":
        starts, ends = [], []
        for i, (ids, _, target) in enumerate(sequences):
            start, end = model.heads["qa"](states[i, : len(ids)]).unbind(-1)
            starts.append(F.cross_entropy(start[None], torch.tensor([int(target[0])])))
            ends.append(F.cross_entropy(end[None], torch.tensor([int(target[1])])))
        return (torch.stack(starts).mean() + torch.stack(ends).mean()) / 2
    rows = torch.cat([states[i, torch.as_tensor(r.astype(np.int64))] for i, (_, r, _) in enumerate(sequences)])
    logits = model.heads[name](rows)
    return F.cross_entropy(logits.view(-1, 3) if name == "choice" else logits, targets)
