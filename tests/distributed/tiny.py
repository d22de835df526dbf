"""A tiny XLM-R and four tasks with random prepared items: enough to hold every kind of head in one mixture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from ds_stilts.data.batch import Masking
from ds_stilts.data.mixture import Mixture
from ds_stilts.data.prepared import Prepared, Ragged
from ds_stilts.data.sampling import shares
from ds_stilts.data.steps import StepPlanner, TaskData, task_data
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import TaskUse, Training
from ds_stilts.tasks.task import Task

VOCABULARY, SPECIAL, MASK = 120, frozenset({0, 1, 2, 3, 119}), 119
TASKS = [
    Task(name=name, title=name, format=form, languages=("en",), splits={}, labels=labels, num_choices=n, metrics=("x",))
    for name, form, labels, n in [
        ("choice", "multiple_choice", (), 3),
        ("nli", "sentence_pair", ("a", "b", "c"), 0),
        ("pos", "tagging", ("N", "V", "A", "P"), 0),
        ("qa", "span_qa", (), 0),
        ("text", "masked_lm", (), 0),
    ]
]
TRAINING = Training(
    tasks={
        task.name: TaskUse(loss_weight=weight) for task, weight in zip(TASKS, (0.7, 1.0, 1.3, 1.0, 0.5), strict=True)
    },
    mixing="uniform",
    steps=12,
    batch_examples=6,
    micro_batch_tokens=60,
    lr=1e-3,
    warmup=0.25,
    # Softmax ignores a shift of its input, so key biases and the span head's bias have a gradient of exactly zero in
    # theory and of pure rounding in practice; Adam's usual 1e-8 would blow them up to whole steps of the learning rate.
    adam_eps=1e-4,
    log_every=1,
)


def masked_lm(seed: int = 3, dropout: float = 0.0) -> XLMRobertaForMaskedLM:
    torch.manual_seed(seed)
    return XLMRobertaForMaskedLM(
        XLMRobertaConfig(
            vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=66, type_vocab_size=1, hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
    )  # fmt: skip


def model(hf: XLMRobertaForMaskedLM) -> MultiTaskModel:
    torch.manual_seed(11)
    outputs = {"choice": 1, "nli": 3, "pos": 4, "qa": 2}
    kinds = {"choice": "choice", "nli": "classification", "pos": "tokens", "qa": "span"}
    heads: dict[str, Any] = {
        name: build_head(kinds[name], 32, width, hf.config.hidden_dropout_prob) for name, width in outputs.items()
    }
    return MultiTaskModel(PackedEncoder(hf.base_model), {**heads, "text": hf.lm_head})


def _ragged(lists: Sequence[Sequence[int]]) -> Ragged:
    values = np.array([x for row in lists for x in row], np.int32)
    return Ragged([(values, np.cumsum([0] + [len(row) for row in lists]))])


def _prepared(form: str, rng: np.random.Generator, num_items: int) -> Prepared:
    ids, rows, targets, starts = [], [], [], []
    for _ in range(num_items):
        starts.append(len(ids))
        for part in range(3 if form == "multiple_choice" else 1):
            length = int(rng.integers(4, 30))
            ids.append([0, *rng.integers(4, 119, length - 2).tolist(), 2])
            if form == "tagging":
                chosen = np.sort(rng.choice(np.arange(1, length - 1), size=max(1, (length - 2) // 2), replace=False))
                rows.append(chosen.tolist())
                targets.append(rng.integers(0, 4, len(chosen)).tolist())
            elif form == "span_qa":
                rows.append(list(range(length)))
                targets.append(sorted(rng.integers(0, length, 2).tolist()))
            elif form == "masked_lm":
                rows.append([])
                targets.append([])
            else:
                rows.append([0])
                targets.append([int(rng.integers(0, 3))] if part == 0 else [])
    return Prepared(
        ids=_ragged(ids), rows=_ragged(rows), targets=_ragged(targets), info=_ragged([[] for _ in ids]),
        example=np.arange(len(ids), dtype=np.int32), second=np.zeros(len(ids), np.int32),
        item_starts=np.array([*starts, len(ids)]), checksum="none",
    )  # fmt: skip


def data(training: Training = TRAINING) -> dict[str, TaskData]:
    rng = np.random.default_rng(5)
    return {
        task.name: task_data(task, _prepared(task.format, rng, size), training, SPECIAL)
        for task, size in zip(TASKS, (13, 40, 17, 23, 31), strict=True)
    }


def mixture(tasks: dict[str, TaskData], training: Training = TRAINING) -> Mixture:
    sizes = {name: item.prepared.num_items for name, item in tasks.items()}
    assert training.steps is not None
    drawn, batch = shares(sizes, training, training.steps), training.batch_tokens or training.batch_examples
    lengths = {name: item.tokens for name, item in tasks.items()} if training.batch_tokens else None
    assert batch is not None
    return Mixture(sizes=sizes, shares=drawn, seed=9, batch=batch, lengths=lengths, one_task=training.one_task_steps)


def planner(tasks: dict[str, TaskData], world_size: int, training: Training = TRAINING) -> StepPlanner:
    return StepPlanner(
        mixture=mixture(tasks, training),
        tasks=tasks,
        world_size=world_size,
        micro_batch_tokens=training.micro_batch_tokens,
    )


MASKING = Masking(seed=21, rate=0.15, special_ids=SPECIAL, mask_id=MASK, vocabulary_size=VOCABULARY)
