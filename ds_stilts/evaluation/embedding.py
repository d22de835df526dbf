"""Scores texts by search: vectors of all texts of a language, gathered on rank 0, which searches and writes the rows.

One forward pass gives the vectors of every hidden state that is asked for; each is searched on its own, and its rows
have a folder of their own (see `pooling`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError, in_common
from ds_stilts.evaluation.finite import REMEDY
from ds_stilts.evaluation.geometry import geometry, write_geometry
from ds_stilts.evaluation.kept import Kept, Shard, keep_rows
from ds_stilts.evaluation.language import LanguageWork, forward
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.rows import Origin
from ds_stilts.evaluation.work import ForwardBatch
from ds_stilts.formats import get_format
from ds_stilts.formats.embedding import Embedding, gold_pairs
from ds_stilts.tasks.examples import Example


@dataclass(frozen=True, kw_only=True)
class _Embedded:
    """The texts of one language and their vectors by hidden state, which are on rank 0 only."""

    unit: LanguageWork
    examples: list[Example]
    vectors_ND: dict[int, torch.Tensor]


class Search:
    """The languages of one searched task, taken one after another.

    Rank 0 holds vectors in fp32 (4 bytes x width x texts x hidden states) and searches on its device: those of one
    language at a time, or of all, where they are one pool (1.0 million entities of Mewsli-X at width 1024: 4.1 GB).
    Their rows are then written after the last language. While one language's vectors are gathered, every rank holds
    them.

    Args:
        work: languages, and the pool.
        predictions: folder of the rows.
    """

    def __init__(self, work: list[LanguageWork], pooling: Pooling, predictions: Path, world: World) -> None:
        form = get_format(work[0].key.task.format)
        assert isinstance(form, Embedding)
        self._form, self._work, self._pooling, self._world = form, work, pooling, world
        self._folders = {layer: pooling.folder(predictions, layer) for layer in pooling.layers}
        self._kept: dict[int, dict[str, Kept]] = {
            layer: keep_rows(folder, {u.key.language: _made_by(u, layer) for u in work if not u.is_pool}, world)
            for layer, folder in self._folders.items()
        }
        self._waiting: list[_Embedded] = []

    @property
    def num_done(self) -> int:
        """Examples that have a row for every hidden state."""
        codes = {unit.key.language for unit in self._work if not unit.is_pool}
        return sum(min(len(kept[code].done) for kept in self._kept.values()) for code in codes)

    def left(self) -> list[LanguageWork]:
        """What there is still to do: languages that lack rows, and where all are searched as one, all or none."""
        left = [
            u for u in self._work if not u.is_pool and not all(k[u.key.language].is_whole for k in self._kept.values())
        ]
        return self._work if left and self._form.joint else left

    def take(
        self, model: Callable[..., Any], unit: LanguageWork, batches: Iterable[ForwardBatch], examples: list[Example]
    ) -> None:
        """Embed a language; search it now, or with the last one."""
        vectors = _embed(model, unit, batches, examples, self._pooling, self._world)
        self._waiting.append(_Embedded(unit=unit, examples=examples, vectors_ND=vectors))
        if not self._form.joint:
            self.finish()

    def finish(self) -> None:
        """Search what waits as one, on rank 0, and write the rows of each language that has none, at once."""
        for layer in self._pooling.layers if self._world.is_main and self._waiting else ():
            self._match(layer)
        self._waiting = []

    def _match(self, layer: int) -> None:
        examples = [example for part in self._waiting for example in part.examples]
        vectors_ND = torch.cat([part.vectors_ND[layer] for part in self._waiting])
        predictions = self._form.match(examples, vectors_ND)
        first = 0
        for part in self._waiting:
            own = range(first, first + len(part.examples))
            first = own.stop
            unit, language = part.unit, part.unit.key.language
            if unit.is_pool or self._kept[layer][language].is_whole:
                continue
            found = {index - own.start: predictions[index] for index in own if index in predictions}
            pairs = gold_pairs(examples, own)
            write_geometry(self._folders[layer], language, geometry(vectors_ND, own, pairs))
            origin = Origin(made_by=_made_by(unit, layer), num_rows=len(found))
            with Shard(self._folders[layer], language, self._kept[layer][language].next_number, origin) as shard:
                shard.add(unit.rows(part.examples, found, unit.tokens()))


def _made_by(unit: LanguageWork, layer: int) -> str:
    return f"{unit.made_by}, hidden state {layer}"


def _embed(
    model: Callable[..., Any],
    unit: LanguageWork,
    batches: Iterable[ForwardBatch],
    examples: list[Example],
    pooling: Pooling,
    world: World,
) -> dict[int, torch.Tensor]:
    """Vectors [N, D] of every text in file order by hidden state, fp32, on rank 0 and its device; [0, 0] on the others.

    Raises:
        CheckpointError: a vector is not finite; on all ranks.
    """
    in_order = {}
    for layer, parts in gathered_vectors(model, unit, batches, examples, pooling, world):
        if not world.is_main:
            in_order[layer] = torch.empty(0, 0)
            continue
        shape = sum(len(own_places) for own_places, _ in parts), parts[0][1].shape[1]
        whole_ND: np.ndarray = np.empty(shape, dtype=np.float32)
        for own_places, matrix in parts:
            whole_ND[own_places] = matrix
        in_order[layer] = torch.from_numpy(whole_ND).to(world.device)
    return in_order


def gathered_vectors(
    model: Callable[..., Any],
    unit: LanguageWork,
    batches: Iterable[ForwardBatch],
    examples: list[Example],
    pooling: Pooling,
    world: World,
) -> Iterator[tuple[int, list[tuple[list[int], np.ndarray]]]]:
    """Vectors of the texts in `batches`, one hidden state after another, on every rank; a collective.

    Yields:
        The hidden state; and what each rank that had a text has made: their places in the file, and fp32 [n, D].

    Raises:
        CheckpointError: a vector is not finite; on all ranks.
    """
    form = get_format(unit.key.task.format)
    assert isinstance(form, Embedding)
    how = pooling.pool(unit.tokenizer)
    layers = pooling.layers
    places: list[int] = []
    vectors: dict[int, list[np.ndarray]] = {layer: [] for layer in layers}
    for batch in batches:
        own, states, _ = forward(model, unit, batch, layers if pooling.sweep else layers[0], world)
        if batch.ghost:
            continue
        for layer, of_layer in zip(layers, states if pooling.sweep else (states,), strict=True):
            vectors[layer] += form.pool(of_layer[own.rows], own.rows_per_sequence, how)
        places += [int(unit.prepared.example[index]) for index in batch.sequences]
    for layer in layers:
        gathered = world.gather((places, np.stack(vectors.pop(layer)) if places else None))
        parts = [(own_places, matrix) for own_places, matrix in gathered if own_places]
        _check_finite(unit, examples, parts, layer)
        yield layer, parts


def _check_finite(
    unit: LanguageWork, examples: list[Example], parts: list[tuple[list[int], np.ndarray]], layer: int
) -> None:
    broken = sorted(
        place for places, matrix in parts for place in np.asarray(places)[~np.isfinite(matrix).all(axis=1)].tolist()
    )
    if broken:
        raise in_common(
            CheckpointError(
                f"task '{unit.key.task.name}', language '{unit.key.language}': hidden state {layer} is not finite for "
                f"{len(broken):,} of {len(examples):,} texts, the first '{examples[broken[0]].id}'; {REMEDY}"
            )
        )
