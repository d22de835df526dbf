"""Runs a model over every language of one task and writes prediction rows.

All ranks go through the same languages and the same number of forward passes in the same order; the model may be
partitioned. Which rank scores an example, and with which neighbours in a batch, changes no prediction. Examples that
have a row already are left out on all ranks alike (see `kept`).
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.stop import Pace, StopSource
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.engine.world import World
from ds_stilts.evaluation.embedding import Search
from ds_stilts.evaluation.finite import check_finite
from ds_stilts.evaluation.generation import most_examples, predict_text
from ds_stilts.evaluation.kept import Kept, Shard, keep_rows
from ds_stilts.evaluation.language import LanguageWork, forward
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.rows import Origin
from ds_stilts.evaluation.work import ForwardBatch, deal
from ds_stilts.formats import get_format
from ds_stilts.formats.base import Prediction
from ds_stilts.formats.entropy import entropies
from ds_stilts.recipe import Evaluation
from ds_stilts.tasks.examples import Example


def score_languages(
    model: Callable[..., Any],
    work: list[LanguageWork],
    evaluation: Evaluation,
    *,
    root: Path,
    folder: Path,
    pooling: Pooling | None,
    label: str,
    world: World,
    stop: StopSource,
) -> None:
    """Predict every example of every language that has no row yet; rows go to `folder`, a shard per language and rank.

    Args:
        model: an engine or module over `Objective`, in evaluation mode.
        work: languages of one task.
        root: data root (decoding looks at the raw examples).
        pooling: how texts become vectors where they are searched, else None (see `embedding`).
        label: what progress lines call this, e.g. "targets/none/xnli".
    """
    start = time.monotonic()
    search = Search(work, pooling, folder, world) if pooling else None
    kept = {} if search else keep_rows(folder, {unit.key.language: unit.made_by for unit in work}, world)
    left = search.left() if search else [unit for unit in work if not kept[unit.key.language].is_whole]
    num_done = search.num_done if search else sum(len(each.done) for each in kept.values())
    if world.is_main and num_done:
        say(
            f"{label}  goes on: {num_done:,} examples are scored already, {len(left)} of {len(work)} languages are left"
        )
    for place, unit in enumerate(left):
        batches = deal_unit(unit, evaluation, world, () if search else kept[unit.key.language].done)
        so_far = f"{label}: {len(work) - len(left) + place} of {len(work)} languages scored"
        turns = Pace(stop, world).through(batches, f"{label} in {unit.key.language}", so_far)
        examples = unit.key.examples(root)
        if search:
            search.take(model, unit, turns, examples)
        else:
            _predict_and_write(model, unit, turns, examples, kept[unit.key.language], folder, world)
        if world.is_main:
            spent, to_go = time.monotonic() - start, len(left) - place - 1
            say(
                f"{label}  scored {unit.key.language}: {len(examples):,} examples, language "
                f"{len(work) - to_go} of {len(work)}"
                + (f"  {duration(spent / (place + 1) * to_go)} left" if to_go else ""),
                passing=True,
            )
    if search:
        search.finish()
    world.barrier()


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
            predictions = predict(model, unit, [batch], examples, world)
            shard.add(unit.rows(examples, predictions, tokens))


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
    world: World,
) -> dict[int, Prediction]:
    """One rank's predictions by the place of their example: head logits, reduced on the device, decoded; or text.

    Args:
        batches: this rank's part of the language; under ZeRO-3 all ranks must have as many (see `work.deal`).
        examples: all raw examples of the language.

    Raises:
        CheckpointError: the model's logits are not finite.
    """
    task, form = unit.key.task, get_format(unit.key.task.format)
    if unit.writes_text:
        return predict_text(model, task, unit.prepared, batches, examples, unit.tokenizer, world)
    predictions = {}
    for batch in batches:
        own, _, logits = forward(model, unit, batch, None, world)
        if batch.ghost:
            continue
        check_finite(logits[task.head], f"task '{task.name}', language '{unit.key.language}': the logits")
        kept = form.reduce(logits[task.head], own.rows_per_sequence, task)
        undecided = entropies(logits[task.head], own.rows_per_sequence, task) or [(0.0, 0)] * len(kept)
        parts: dict[int, list[Any]] = {}
        sums: dict[int, list[tuple[float, int]]] = {}
        for index, reduced, entropy in zip(batch.sequences, kept, undecided, strict=True):
            sequence = unit.prepared.sequence(index)
            parts.setdefault(sequence.example, []).append((sequence, reduced))
            sums.setdefault(sequence.example, []).append(entropy)
        for example, own_parts in parts.items():
            prediction = form.decode(examples[example], own_parts, task)
            total, decisions = (sum(column) for column in zip(*sums[example], strict=True))
            predictions[example] = replace(prediction, entropy=total / decisions) if decisions else prediction
    return predictions


def predict_whole(
    model: Callable[..., Any],
    unit: LanguageWork,
    examples: list[Example],
    evaluation: Evaluation,
    world: World,
    stop: StopSource,
) -> dict[int, Prediction]:
    """All predictions of a language by the place of their example, in that order, on every rank; nothing is written.

    Args: as `predict`.

    Raises:
        StoppedCleanly: a stop was asked for, on all ranks after the same batch.
        CheckpointError: as `predict`.
    """
    own = predict(model, unit, validation_turns(unit, deal_unit(unit, evaluation, world), world, stop), examples, world)
    found = {index: prediction for part in world.gather(own) for index, prediction in part.items()}
    return {index: found[index] for index in sorted(found)}


def validation_turns(
    unit: LanguageWork, batches: list[ForwardBatch], world: World, stop: StopSource
) -> Iterator[ForwardBatch]:
    """The batches of a part of a validation, which may be left with the other ranks before each of them."""
    name = f"validation, {unit.key.task.name} in {unit.key.language}"
    for batch in Pace(stop, world).through(batches, name, f"{name}, was not ended"):
        fail_at("validation.batch")
        yield batch


def unwritten_row(id: str, index: int, gold: Any, prediction: Prediction) -> dict[str, Any]:
    """What a format's `score` reads of a prediction that is not written.

    Args:
        index: place of its example.
        gold: as a row has it, before JSON; it need not be the prediction's own.
    """
    return {
        "id": id,
        "index": index,
        "gold": gold,
        "prediction": json.loads(prediction.prediction),
        "score": prediction.score,
    }
