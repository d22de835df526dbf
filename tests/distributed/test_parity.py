"""Training on the engine equals plain PyTorch on padded Hugging Face models, whatever the ranks hold."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ds_stilts.data.mixture import mask_generator
from ds_stilts.formats.masked_lm import mask
from tests.distributed import scenarios, tiny
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)
STEPS = scenarios.STEPS


@cache
def plain_run() -> dict[str, np.ndarray]:
    """The same twelve steps without anything of ours in the forward pass: padded input, means per task, torch AdamW."""
    tasks, mixture = tiny.data(), tiny.mixture(tiny.data())
    hf = tiny.masked_lm()
    model = tiny.model(hf)
    hf.set_attn_implementation("eager")  # undo the packed attention: this is Hugging Face's own forward
    norms = {id(p) for m in model.modules() if isinstance(m, torch.nn.LayerNorm) for p in m.parameters()}
    named = dict(model.named_parameters())
    plain = [p for name, p in named.items() if id(p) in norms or name.endswith("bias")]
    decayed = [p for p in named.values() if all(p is not q for q in plain)]
    recipe = tiny.TRAINING
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.lr, betas=recipe.adam_betas, eps=recipe.adam_eps, fused=False, foreach=False,
    )  # fmt: skip
    warmup = 3
    for step in range(STEPS):
        factor = step / warmup if step < warmup else (STEPS - step) / (STEPS - warmup)
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr * factor
        slots = mixture.step(step)
        loss = torch.zeros(())
        for name, item in tasks.items():
            own = [(place, index) for place, (task, index) in enumerate(slots) if task == name]
            if own:
                weight = recipe.tasks[name].loss_weight * len(own) / len(slots)
                loss = loss + weight * _task_mean(name, own, item.prepared, hf, model, step)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
    return {f"model.{name}": parameter.detach().numpy() for name, parameter in model.named_parameters()}


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


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("config", ["zero1_fp32", "zero2_fp32", "zero3_release_fp32"])
def test_twelve_mixed_steps_equal_plain_pytorch(config: str, size: int) -> None:
    results = run_world(size, scenarios.parity, config)
    trained, expected = results[0]["parameters"], plain_run()
    assert trained.keys() == expected.keys()
    start = {f"model.{n}": p.detach().numpy() for n, p in tiny.model(tiny.masked_lm()).named_parameters()}
    assert max(np.abs(expected[n] - start[n]).max() for n in expected) > 1e-3, "the steps must move the parameters"
    worst = max(expected, key=lambda n: np.abs(trained[n] - expected[n]).max())
    assert np.abs(trained[worst] - expected[worst]).max() <= 1e-6, worst
    every = {task.name for task in tiny.TASKS}
    held = [set(h) for r in results for h in r["held"]]
    assert any(h != every for h in held), "some micro-batches must lack some tasks"
    if size == 2:
        assert any(a != b for a, b in zip(results[0]["held"], results[1]["held"], strict=True)), "ranks must differ"
    if config.startswith("zero3"):
        assert results[0]["released"] > 0, "parameters must really have been released"


def test_accumulation_is_exercised() -> None:
    assert tiny.planner(tiny.data(), 1).accumulation > 1
