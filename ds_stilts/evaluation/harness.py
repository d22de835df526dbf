"""Runs a model over every language of one task and writes prediction rows.

All ranks go through the same languages and the same number of forward passes in the same order; the model may be
partitioned. Which rank scores an example, and with which neighbours in a batch, changes no prediction.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ds_stilts.data.batch import scoring_batch
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.prepared import Prepared
from ds_stilts.engine.stop import Pace, StopSource
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.engine.world import World
from ds_stilts.evaluation.generation import most_examples, predict_text
from ds_stilts.evaluation.rows import Row, write_shard
from ds_stilts.evaluation.work import ForwardBatch, deal
from ds_stilts.formats import get_format
from ds_stilts.formats.base import Prediction
from ds_stilts.formats.embedding import Embedding
from ds_stilts.recipe import Evaluation
from ds_stilts.tasks.examples import Example


@dataclass(frozen=True, kw_only=True)
class LanguageWork:
    """One language to score, or the pool that all languages are searched for in, which has no rows of its own."""

    key: SplitKey
    prepared: Prepared
    zero_shot: bool
    tokenizer: Any = None
    """The model's, where it writes text."""

    @property
    def is_pool(self) -> bool:
        return self.key.split == "pool"

    @property
    def writes_text(self) -> bool:
        """Whether answers are written; texts that are only compared never are."""
        return self.key.text and not self.key.task.is_searched


@dataclass(frozen=True, kw_only=True)
class _Embedded:
    """The texts of one language and their vectors, which are on rank 0 only."""

    unit: LanguageWork
    examples: list[Example]
    vectors_ND: torch.Tensor


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

    Where texts are searched, rank 0 holds their vectors in fp32 (4 bytes x width x texts) and searches on its device:
    those of one language at a time, or of all, where they are one pool (1.0 million entities of Mewsli-X at width 1024:
    4.1 GB). Their rows are then written after the last language. While one language's vectors are gathered, every rank
    holds them.

    Args:
        model: an engine or module over `Objective`, in evaluation mode.
        work: languages of one task.
        root: data root (decoding looks at the raw examples).
        layer: hidden_states index that is pooled over where texts are searched.
        label: what progress lines call this, e.g. "targets/none/xnli".
    """
    start = time.monotonic()
    waiting: list[_Embedded] = []
    for place, unit in enumerate(work):
        form = get_format(unit.key.task.format)
        batches = deal_unit(unit, evaluation, world)
        so_far = f"{label}: {place} of {len(work)} languages scored"
        turns = Pace(stop, world).through(batches, f"{label} in {unit.key.language}", so_far)
        examples = unit.key.examples(root)
        if not isinstance(form, Embedding):
            predictions = predict(model, unit, turns, examples, layer, world)
            _write(unit, examples, predictions, folder, world)
        else:
            vectors = _embed(model, unit, turns, layer, world)
            waiting.append(_Embedded(unit=unit, examples=examples, vectors_ND=vectors))
            if not form.joint:
                _match(form, waiting, folder, world)
                waiting = []
        if world.is_main:
            spent, left = time.monotonic() - start, len(work) - place - 1
            say(
                f"{label}  scored {unit.key.language}: {len(examples):,} examples, language {place + 1} of {len(work)}"
                + (f"  {duration(spent / (place + 1) * left)} left" if left else ""),
                passing=True,
            )
    if waiting:
        joint = get_format(work[0].key.task.format)
        assert isinstance(joint, Embedding)
        _match(joint, waiting, folder, world)
    world.barrier()


def _write(
    unit: LanguageWork, examples: list[Example], predictions: dict[int, Prediction], folder: Path, world: World
) -> None:
    """One rank's rows of one language."""
    tokens = np.bincount(unit.prepared.example, weights=unit.prepared.ids.lengths, minlength=len(examples))
    rows = [
        Row(
            task=unit.key.task.name,
            language=unit.key.language,
            split=unit.key.split,
            id=examples[index].id,
            index=index,
            gold=prediction.gold,
            prediction=prediction.prediction,
            score=prediction.score,
            tokens=int(tokens[index]),
            zero_shot=unit.zero_shot,
            confidence=prediction.confidence,
            written=prediction.written,
            legal=prediction.legal,
        )
        for index, prediction in sorted(predictions.items())
    ]
    write_shard(rows, folder, unit.key.language, world.rank)


def _forward(
    model: Callable[..., Any], unit: LanguageWork, batch: ForwardBatch, layer: int | None, world: World
) -> Any:
    packed = scoring_batch(unit.key.task.name, unit.prepared, batch.sequences).to(world.device)
    with torch.no_grad():
        states, logits = model(packed, None, layer)
    return packed.tasks[unit.key.task.name], states, logits


def deal_unit(unit: LanguageWork, evaluation: Evaluation, world: World) -> list[ForwardBatch]:
    """This rank's forward batches of a language, as many as every other rank's."""
    limit = evaluation.batch_examples
    if unit.writes_text:
        limit = most_examples(unit.key.task, unit.tokenizer, limit)
    return deal(unit.prepared, rank=world.rank, size=world.size, max_tokens=evaluation.batch_tokens, max_examples=limit)


def predict(
    model: Callable[..., Any],
    unit: LanguageWork,
    batches: Iterable[ForwardBatch],
    examples: list[Example],
    layer: int | None,
    world: World,
) -> dict[int, Prediction]:
    """One rank's predictions by the place of their example: head logits, reduced on the device, decoded; or text.

    Args:
        batches: this rank's part of the language; under ZeRO-3 all ranks must have as many (see `work.deal`).
        examples: all raw examples of the language.
    """
    task, form = unit.key.task, get_format(unit.key.task.format)
    if unit.writes_text:
        return predict_text(model, task, unit.prepared, batches, examples, unit.tokenizer, world)
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


def _embed(
    model: Callable[..., Any], unit: LanguageWork, batches: Iterable[ForwardBatch], layer: int | None, world: World
) -> torch.Tensor:
    """Pooled states [N, D] of every text in file order, fp32, on rank 0 and its device; [0, 0] on the others."""
    form = get_format(unit.key.task.format)
    places: list[int] = []
    vectors: list[np.ndarray] = []
    for batch in batches:
        own, states, _ = _forward(model, unit, batch, layer, world)
        if batch.ghost:
            continue
        vectors += form.reduce(states[own.rows], own.rows_per_sequence, unit.key.task)
        places += [int(unit.prepared.example[index]) for index in batch.sequences]
    gathered = world.gather((places, np.stack(vectors) if vectors else None))
    if not world.is_main:
        return torch.empty(0, 0)
    parts = [(own_places, matrix) for own_places, matrix in gathered if own_places]
    in_order = np.empty((sum(len(own_places) for own_places, _ in parts), parts[0][1].shape[1]), dtype=np.float32)
    for own_places, matrix in parts:
        in_order[own_places] = matrix
    return torch.from_numpy(in_order).to(world.device)


def _match(form: Embedding, embedded: list[_Embedded], folder: Path, world: World) -> None:
    """Search what was embedded as one, on rank 0, and write every language's rows."""
    predictions: dict[int, Prediction] = {}
    if world.is_main:
        examples = [example for part in embedded for example in part.examples]
        predictions = form.match(examples, torch.cat([part.vectors_ND for part in embedded]))
    first = 0
    for part in embedded:
        own = range(first, first + len(part.examples))
        first = own.stop
        if not part.unit.is_pool:
            found = {index - own.start: predictions[index] for index in own if index in predictions}
            _write(part.unit, part.examples, found, folder, world)
