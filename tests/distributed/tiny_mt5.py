"""A tiny mT5 with three text-to-text tasks, and with the heads of `tiny`; and both trained in plain PyTorch on padded
Hugging Face models: what every engine must compute."""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import MT5Config, MT5EncoderModel, MT5ForConditionalGeneration

from ds_stilts.data.mixture import mask_generator
from ds_stilts.data.prepared import Prepared
from ds_stilts.data.steps import TaskData, task_data
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.text_objective import TextObjective
from ds_stilts.formats.text_to_text.span_corruption import corrupt
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.models.seq2seq import PackedSeq2Seq
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.recipe import Training
from tests.distributed import plain, tiny

VOCABULARY, END, SENTINELS = 120, 1, tuple(range(119, 109, -1))
STEPS = plain.STEPS
TASKS = [task for task in tiny.TASKS if task.name in ("nli", "pos", "text")]
HEAD_TASKS = [task for task in tiny.TASKS if task.name != "text"]
TRAINING = tiny.TRAINING.model_copy(update={"tasks": {t.name: tiny.TRAINING.tasks[t.name] for t in TASKS}})
HEAD_TRAINING = tiny.TRAINING.model_copy(update={"tasks": {t.name: tiny.TRAINING.tasks[t.name] for t in HEAD_TASKS}})


def config(dropout: float = 0.0) -> MT5Config:
    return MT5Config(
        vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_decoder_layers=2, num_heads=4,
        dropout_rate=dropout, relative_attention_num_buckets=8, relative_attention_max_distance=20,
    )  # fmt: skip


def whole(dropout: float = 0.0) -> MT5ForConditionalGeneration:
    torch.manual_seed(3)
    model = MT5ForConditionalGeneration(config(dropout))
    model.lm_head.weight = nn.Parameter(torch.randn(VOCABULARY, 32) * 0.3)  # mT5's output matrix is its own
    return model


def text_objective(dropout: float = 0.0) -> TextObjective:
    return TextObjective(PackedSeq2Seq(PackedT5Encoder(whole(dropout))), TASKS)


def heads_objective() -> Objective:
    torch.manual_seed(4)
    encoder = PackedT5Encoder(MT5EncoderModel(config()))
    torch.manual_seed(11)
    outputs = {"choice": ("choice", 1), "nli": ("classification", 3), "pos": ("tokens", 4), "qa": ("span", 2)}
    heads = {name: build_head(kind, 32, width, 0.0) for name, (kind, width) in outputs.items()}
    return Objective(MultiTaskModel(encoder, heads), HEAD_TASKS)


def _prepared(rng: np.random.Generator, size: int, *, written: bool) -> Prepared:
    ids = [[*rng.integers(3, 110, rng.integers(3, 28)).tolist(), END] for _ in range(size)]
    targets = [[*rng.integers(3, 110, rng.integers(0, 7)).tolist(), END] if written else [] for _ in ids]
    empty: list[list[int]] = [[] for _ in ids]
    return Prepared(
        ids=tiny._ragged(ids), rows=tiny._ragged(empty), targets=tiny._ragged(targets), info=tiny._ragged(empty),
        example=np.arange(size, dtype=np.int32), second=np.zeros(size, np.int32),
        item_starts=np.arange(size + 1), checksum="none",
    )  # fmt: skip


def text_data(training: Training = TRAINING) -> dict[str, TaskData]:
    rng = np.random.default_rng(5)
    return {
        task.name: task_data(
            task, _prepared(rng, size, written=task.name != "text"), training, frozenset(), sentinels=SENTINELS
        )
        for task, size in zip(TASKS, (40, 17, 31), strict=True)
    }


def heads_data(training: Training = HEAD_TRAINING) -> dict[str, TaskData]:
    return {name: data for name, data in tiny.data(training).items() if name != "text"}


@cache
def plain_text(lr: float = TRAINING.lr) -> plain.PlainRun:
    """Twelve steps on Hugging Face's own padded forward pass: its loss is the mean over target tokens of each task."""
    objective, tasks = text_objective(), text_data()
    hf = objective.model.encoder.hf
    return plain_steps(objective, tasks, TRAINING, lr, lambda name, own, step: _text_mean(hf, tasks[name], own, step))


@cache
def plain_heads(lr: float = HEAD_TRAINING.lr) -> plain.PlainRun:
    """The same for heads on the encoder."""
    objective, tasks = heads_objective(), heads_data()
    model = objective.model

    def task_mean(name: str, own: list[tuple[int, int]], step: int) -> torch.Tensor:
        return plain._task_mean(name, own, tasks[name].prepared, _Padded(model.encoder.hf), model, step)

    return plain_steps(objective, tasks, HEAD_TRAINING, lr, task_mean)


class _Padded:
    """What `plain._task_mean` takes for a model with a base model."""

    def __init__(self, base_model: MT5EncoderModel) -> None:
        base_model.encoder.config._attn_implementation = "eager"  # undo the packed attention
        self.base_model = base_model


def _text_mean(hf: Any, data: TaskData, own: list[tuple[int, int]], step: int) -> torch.Tensor:
    for stack in (hf.encoder, hf.decoder):
        stack.config._attn_implementation = "eager"  # undo the packed attention: this is Hugging Face's own forward
    sources, targets = [], []
    for place, item in own:
        source, target = data.prepared.ids[item], data.prepared.targets[item]
        if data.task.format == "masked_lm":
            rng = mask_generator(tiny.MASKING.seed, step, place)
            source, target = corrupt(source, SENTINELS, tiny.MASKING.rate, rng)
        sources.append(torch.as_tensor(source.astype(np.int64)))
        targets.append(torch.as_tensor(target.astype(np.int64)))
    attention = nn.utils.rnn.pad_sequence([torch.ones_like(source) for source in sources], batch_first=True)
    padded = nn.utils.rnn.pad_sequence(sources, batch_first=True)
    labels = nn.utils.rnn.pad_sequence(targets, batch_first=True, padding_value=-100)
    loss: torch.Tensor = hf(input_ids=padded, attention_mask=attention, labels=labels).loss
    return loss


def plain_steps(
    objective: nn.Module, tasks: dict[str, TaskData], recipe: Training, lr: float, task_mean: Any
) -> plain.PlainRun:
    """Twelve steps of torch's AdamW with linear warm-up and decay, on weighted means of the tasks."""
    mixture = tiny.mixture(tasks, recipe)
    named = dict(objective.named_parameters())
    unchanged = [p for name, p in named.items() if name.endswith(("layer_norm.weight", "bias"))]
    decayed = [p for p in named.values() if all(p is not q for q in unchanged)]
    # The table of position biases is a weight like any other, whatever its module is called.
    tables = [p for name, p in named.items() if name.endswith("relative_attention_bias.weight")]
    assert all(any(p is q for q in decayed) for p in tables)
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": unchanged, "weight_decay": 0.0}],
        lr=lr, betas=recipe.adam_betas, eps=recipe.adam_eps, fused=False, foreach=False,
    )  # fmt: skip

    def batch_loss(step: int) -> torch.Tensor:
        slots = mixture.step(step)
        loss = torch.zeros(())
        for name in tasks:
            own = [(place, index) for place, (task, index) in enumerate(slots) if task == name]
            if own:
                loss = loss + recipe.tasks[name].loss_weight * len(own) / len(slots) * task_mean(name, own, step)
        return loss

    with torch.no_grad():
        untrained = [float(batch_loss(step)) for step in range(STEPS)]
    losses = []
    for step in range(STEPS):
        factor = step / plain.WARMUP if step < plain.WARMUP else (STEPS - step) / (STEPS - plain.WARMUP)
        for group in optimizer.param_groups:
            group["lr"] = lr * factor
        loss = batch_loss(step)
        losses.append(float(loss.detach()))
        for parameter in objective.parameters():
            parameter.grad = torch.zeros_like(parameter)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(objective.parameters(), recipe.clip)
        optimizer.step()
    return plain.PlainRun(losses, untrained, {name: p.detach().numpy() for name, p in named.items()})
