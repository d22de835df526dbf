"""Runs a model over every language of one task and writes prediction rows.

All ranks go through the same languages and the same number of forward passes in the same order; the model may be
partitioned. Which rank scores an example, and with which neighbours in a batch, changes no prediction.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ds_stilts.data.batch import scoring_batch
from ds_stilts.data.prepare import Prepared, SplitKey
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.engine.world import World
from ds_stilts.evaluation.rows import Row, write_shard
from ds_stilts.evaluation.work import ForwardBatch, deal
from ds_stilts.formats import get_format
from ds_stilts.formats.base import Prediction
from ds_stilts.formats.retrieval import match
from ds_stilts.recipe import Evaluation
from ds_stilts.tasks.examples import BitextExample, Example


@dataclass(frozen=True, kw_only=True)
class LanguageWork:
    """One language to score."""

    key: SplitKey
    prepared: Prepared
    zero_shot: bool


def score_languages(
    model: Callable[..., Any],
    work: list[LanguageWork],
    evaluation: Evaluation,
    *,
    root: Path,
    folder: Path,
    layer: int | None,
    label: str,
    world: World,
    stop: StopSource,
) -> None:
    """Predict every example of every language; rows go to `folder`, one shard per language and rank.

    Args:
        model: an engine or module over `Objective`, in evaluation mode.
        root: data root (decoding looks at the raw examples).
        layer: hidden_states index that retrieval pools over.
        label: what progress lines call this, e.g. "targets/none/xnli".
    """
    start = time.monotonic()
    for place, unit in enumerate(work):
        stop.check(f"{label}: {place} of {len(work)} languages scored")
        task = unit.key.task
        batches = deal(
            unit.prepared,
            rank=world.rank,
            size=world.size,
            max_tokens=evaluation.batch_tokens,
            max_examples=evaluation.batch_examples,
        )
        examples = unit.key.examples(root)
        score = _retrieve if get_format(task.format).head == "embedding" else _predict
        predictions = score(model, unit, batches, examples, layer, world)
        tokens = np.bincount(unit.prepared.example, weights=unit.prepared.ids.lengths, minlength=len(examples))
        rows = [
            Row(
                task=task.name,
                language=unit.key.language,
                split=unit.key.split,
                id=examples[index].id,
                index=index,
                gold=prediction.gold,
                prediction=prediction.prediction,
                score=prediction.score,
                tokens=int(tokens[index]),
                zero_shot=unit.zero_shot,
            )
            for index, prediction in sorted(predictions.items())
        ]
        write_shard(rows, folder, unit.key.language, world.rank)
        if world.is_main:
            spent, left = time.monotonic() - start, len(work) - place - 1
            say(
                f"{label}  scored {unit.key.language}: {len(examples):,} examples, language {place + 1} of {len(work)}"
                + (f"  {duration(spent / (place + 1) * left)} left" if left else ""),
                passing=True,
            )
    world.barrier()


def _forward(
    model: Callable[..., Any], unit: LanguageWork, batch: ForwardBatch, layer: int | None, world: World
) -> Any:
    packed = scoring_batch(unit.key.task.name, unit.prepared, batch.sequences).to(world.device)
    with torch.no_grad():
        states, logits = model(packed, None, layer)
    return packed.tasks[unit.key.task.name], states, logits


def _predict(
    model: Callable[..., Any],
    unit: LanguageWork,
    batches: list[ForwardBatch],
    examples: list[Example],
    layer: int | None,
    world: World,
) -> dict[int, Prediction]:
    """Head logits, reduced on the device, decoded per example."""
    task, form = unit.key.task, get_format(unit.key.task.format)
    predictions = {}
    for batch in batches:
        own, _, logits = _forward(model, unit, batch, layer, world)
        if batch.ghost:
            continue
        kept = form.reduce(logits[task.head], own.rows_per_sequence, task)
        parts: dict[int, list[Any]] = {}
        for index, reduced in zip(batch.sequences, kept, strict=True):
            sequence = unit.prepared.sequence(index)
            parts.setdefault(sequence.example, []).append((sequence, reduced))
        for example, own_parts in parts.items():
            predictions[example] = form.decode(examples[example], own_parts, task)
    return predictions


def _retrieve(
    model: Callable[..., Any],
    unit: LanguageWork,
    batches: list[ForwardBatch],
    examples: list[Example],
    layer: int | None,
    world: World,
) -> dict[int, Prediction]:
    """Mean-pooled states of every sentence; rank 0 searches the corpus for each query by cosine."""
    form = get_format(unit.key.task.format)
    vectors: dict[int, np.ndarray] = {}
    for batch in batches:
        own, states, _ = _forward(model, unit, batch, layer, world)
        if batch.ghost:
            continue
        pooled = form.reduce(states[own.rows], own.rows_per_sequence, unit.key.task)
        for index, vector in zip(batch.sequences, pooled, strict=True):
            vectors[int(unit.prepared.example[index])] = vector
    gathered = world.gather(vectors)
    if not world.is_main:
        return {}
    merged = {example: vector for part in gathered for example, vector in part.items()}
    sides: dict[str, list[tuple[int, BitextExample]]] = {"query": [], "corpus": []}
    for index, example in enumerate(examples):
        assert isinstance(example, BitextExample)
        sides[example.side].append((index, example))
    queries, corpus = (
        ([example for _, example in side], torch.from_numpy(np.stack([merged[index] for index, _ in side])))
        for side in (sides["query"], sides["corpus"])
    )
    return dict(zip((index for index, _ in sides["query"]), match(*queries, *corpus), strict=True))
