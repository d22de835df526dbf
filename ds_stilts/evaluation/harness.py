"""Runs a model over every language of one task and writes prediction rows.

All ranks go through the same languages and the same number of forward passes in the same order; the model may be
partitioned. Which rank scores an example, and with which neighbours in a batch, changes no prediction. Examples that
have a row already are left out on all ranks alike (see `kept`).
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ds_stilts.data.batch import scoring_batch
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.prepared import Prepared
from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.stop import Pace, StopSource
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.engine.world import World
from ds_stilts.evaluation.generation import most_examples, predict_text
from ds_stilts.evaluation.kept import Kept, Shard, keep_rows
from ds_stilts.evaluation.rows import Origin, Row
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
    made_by: str = ""
    """Everything that decides the rows, as text: rows that an earlier start made of something else are made again."""

    @property
    def is_pool(self) -> bool:
        return self.key.split == "pool"

    @property
    def writes_text(self) -> bool:
        """Whether answers are written; texts that are only compared never are."""
        return self.key.text and not self.key.task.is_searched

    def tokens(self) -> np.ndarray:
        """int [N]: tokens that the encoder reads for each example."""
        return np.bincount(self.prepared.example, weights=self.prepared.ids.lengths).astype(int)


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
    """Predict every example of every language that has no row yet; rows go to `folder`, a shard per language and rank.

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
    kept = keep_rows(folder, {unit.key.language: unit.made_by for unit in work if not unit.is_pool}, world)
    left = _left(work, kept)
    if world.is_main and any(each.done for each in kept.values()):
        rows = sum(len(each.done) for each in kept.values())
        say(f"{label}  goes on: {rows:,} examples are scored already, {len(left)} of {len(work)} languages are left")
    waiting: list[_Embedded] = []
    for place, unit in enumerate(left):
        form = get_format(unit.key.task.format)
        own = None if unit.is_pool else kept[unit.key.language]
        searched = isinstance(form, Embedding)
        batches = deal_unit(unit, evaluation, world, own.done if own and not searched else ())
        so_far = f"{label}: {len(work) - len(left) + place} of {len(work)} languages scored"
        turns = Pace(stop, world).through(batches, f"{label} in {unit.key.language}", so_far)
        examples = unit.key.examples(root)
        if not isinstance(form, Embedding):
            assert own is not None
            _predict_and_write(model, unit, turns, examples, own, folder, world)
        else:
            vectors = _embed(model, unit, turns, layer, world)
            waiting.append(_Embedded(unit=unit, examples=examples, vectors_ND=vectors))
            if not form.joint:
                _match(form, waiting, kept, folder, world)
                waiting = []
        if world.is_main:
            spent, to_go = time.monotonic() - start, len(left) - place - 1
            say(
                f"{label}  scored {unit.key.language}: {len(examples):,} examples, language "
                f"{len(work) - to_go} of {len(work)}"
                + (f"  {duration(spent / (place + 1) * to_go)} left" if to_go else ""),
                passing=True,
            )
    if waiting:
        joint = get_format(work[0].key.task.format)
        assert isinstance(joint, Embedding)
        _match(joint, waiting, kept, folder, world)
    world.barrier()


def _left(work: list[LanguageWork], kept: Mapping[str, Kept]) -> list[LanguageWork]:
    """What there is still to do: languages that lack rows, and where all are searched as one, all or none."""
    left = [unit for unit in work if not unit.is_pool and not kept[unit.key.language].is_whole]
    form = get_format(work[0].key.task.format) if work else None
    return work if left and isinstance(form, Embedding) and form.joint else left


def _predict_and_write(
    model: Callable[..., Any],
    unit: LanguageWork,
    batches: Iterable[ForwardBatch],
    examples: list[Example],
    kept: Kept,
    folder: Path,
    world: World,
) -> None:
    """This rank's part of one language, batch by batch, into its own shard."""
    tokens = unit.tokens()
    origin = Origin(made_by=unit.made_by, num_rows=len(np.unique(unit.prepared.example)))
    with Shard(folder, unit.key.language, kept.next_number + world.rank, origin) as shard:
        for turn, batch in enumerate(batches):
            fail_at("score.batch", step=turn)
            predictions = predict(model, unit, [batch], examples, None, world)
            shard.add(_rows(unit, examples, predictions, tokens))


def _rows(
    unit: LanguageWork, examples: list[Example], predictions: Mapping[int, Prediction], tokens: np.ndarray
) -> list[Row]:
    return [
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
            margin=prediction.margin,
            written=prediction.written,
            legal=prediction.legal,
        )
        for index, prediction in sorted(predictions.items())
    ]


def _forward(
    model: Callable[..., Any], unit: LanguageWork, batch: ForwardBatch, layer: int | None, world: World
) -> Any:
    packed = scoring_batch(unit.key.task.name, unit.prepared, batch.sequences).to(world.device)
    with torch.no_grad():
        states, logits = model(packed, None, layer)
    return packed.tasks[unit.key.task.name], states, logits


def deal_unit(
    unit: LanguageWork, evaluation: Evaluation, world: World, done: Collection[int] = ()
) -> list[ForwardBatch]:
    """This rank's forward batches of a language without the examples that are done, as many as every other rank's."""
    limit = evaluation.batch_examples
    if unit.writes_text:
        limit = most_examples(unit.key.task, unit.tokenizer, limit)
    return deal(
        unit.prepared,
        rank=world.rank,
        size=world.size,
        max_tokens=evaluation.batch_tokens,
        max_examples=limit,
        done=done,
    )


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


def _match(form: Embedding, embedded: list[_Embedded], kept: Mapping[str, Kept], folder: Path, world: World) -> None:
    """Search what was embedded as one, on rank 0, and write the rows of each language that has none, at once."""
    if not world.is_main:
        return
    examples = [example for part in embedded for example in part.examples]
    predictions = form.match(examples, torch.cat([part.vectors_ND for part in embedded]))
    first = 0
    for part in embedded:
        own = range(first, first + len(part.examples))
        first = own.stop
        unit = part.unit
        if unit.is_pool or kept[unit.key.language].is_whole:
            continue
        found = {index - own.start: predictions[index] for index in own if index in predictions}
        origin = Origin(made_by=unit.made_by, num_rows=len(found))
        with Shard(folder, unit.key.language, kept[unit.key.language].next_number, origin) as shard:
            shard.add(_rows(unit, part.examples, found, unit.tokens()))
