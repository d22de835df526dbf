"""From items to one packed batch of tensors: tokens of all tasks side by side, and the rows that each head reads, or
the text that is to be written for each sequence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ds_stilts.data.mixture import mask_generator
from ds_stilts.data.prepared import Prepared
from ds_stilts.data.steps import Slot, TaskData
from ds_stilts.data.targets import PackedTargets, pack_targets
from ds_stilts.formats.masked_lm import mask
from ds_stilts.formats.text_to_text.span_corruption import corrupt
from ds_stilts.models.packing import Packing, order_by_length


@dataclass(frozen=True, kw_only=True)
class TaskRows:
    """What one task reads of a packed batch."""

    rows: torch.Tensor
    """int64 [N]: token indices, all rows of the task's sequences in order; in text-to-text, of the packed targets."""
    rows_per_sequence: torch.Tensor
    """int64 [S]."""
    targets: torch.Tensor
    """int64: the sequences' targets, concatenated."""


@dataclass(frozen=True, kw_only=True)
class PackedBatch:
    """Tokens of several tasks, no padding."""

    ids: torch.Tensor
    """int64 [T]."""
    types: torch.Tensor
    """int64 [T]: 0 for segment A, 1 for segment B."""
    packing: Packing
    tasks: Mapping[str, TaskRows]
    """By task, in the order of the sequences given; a task without sequences is missing."""
    targets: PackedTargets | None = None
    """What is to be written, in text-to-text."""

    def tasks_of_tokens(self, names: Sequence[str]) -> torch.Tensor:
        """int64 [T]: the place in `names` of each token's task; -1 in sequences of which no row is read, and for
        a task that is none of them, as a probe's is."""
        device = self.ids.device
        owners_T = self.packing.owners(device)
        of_sequence = torch.full((len(self.packing.lengths),), -1, device=device)
        written = self.targets.pairing if self.targets else None
        for name, own in self.tasks.items():
            if written:
                source_of = torch.tensor(written.source_of, device=device)
                sequences = source_of[written.targets.owners(device)[own.rows]]
            else:
                sequences = owners_T[own.rows]
            of_sequence[sequences] = names.index(name) if name in names else -1
        return of_sequence[owners_T]

    def to(self, device: torch.device | str) -> "PackedBatch":
        """On a device; from pinned memory without waiting for the copy."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "PackedBatch":
        """In memory from which a GPU copies while other work goes on."""
        return self._each(torch.Tensor.pin_memory)

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "PackedBatch":
        return replace(
            self,
            ids=change(self.ids),
            types=change(self.types),
            tasks={
                name: replace(own, rows=change(own.rows), targets=change(own.targets))
                for name, own in self.tasks.items()
            },
            targets=self.targets and replace(self.targets, ids=change(self.targets.ids)),
        )


@dataclass(frozen=True)
class Masking:
    """What masked LM needs to draw its masks."""

    seed: int
    rate: float
    special_ids: frozenset[int]
    mask_id: int
    vocabulary_size: int


@dataclass
class _Piece:
    task: str
    ids: np.ndarray
    second: int
    rows: np.ndarray
    targets: np.ndarray
    is_text: bool = False
    """Whether `targets` are tokens to be written."""


def training_batch(slots: list[Slot], tasks: Mapping[str, TaskData], step: int, masking: Masking) -> PackedBatch:
    """Pack the items of one micro-batch; running text is masked or corrupted by (seed, step, place), on any
    rank the same."""
    pieces = []
    for slot in slots:
        data = tasks[slot.task]
        first, last = data.prepared.item_starts[slot.item], data.prepared.item_starts[slot.item + 1]
        for index in range(int(first), int(last)):
            piece = _piece(slot.task, data.prepared, index)
            piece.is_text = data.sentinels is not None
            if data.sentinels is not None and data.task.format == "masked_lm":
                rng = mask_generator(masking.seed, step, slot.place)
                piece.ids, piece.targets = corrupt(piece.ids, data.sentinels, masking.rate, rng)
            elif data.task.format == "masked_lm":
                rng = mask_generator(masking.seed, step, slot.place)
                piece.ids, piece.rows, piece.targets = mask(
                    piece.ids, masking.special_ids, masking.vocabulary_size, masking.mask_id, masking.rate, rng
                )
            pieces.append(piece)
    return _pack(pieces)


def scoring_batch(task: str, prepared: Prepared, sequences: list[int]) -> PackedBatch:
    """Pack sequences of one task for a forward pass; rows keep the order of `sequences`."""
    return _pack([_piece(task, prepared, index) for index in sequences])


def _piece(task: str, prepared: Prepared, index: int) -> _Piece:
    return _Piece(task, prepared.ids[index], int(prepared.second[index]), prepared.rows[index], prepared.targets[index])


def _pack(pieces: list[_Piece]) -> PackedBatch:
    order = order_by_length([len(piece.ids) for piece in pieces])
    packing = Packing(lengths=tuple(len(pieces[i].ids) for i in order))
    start_of = dict(zip(order, packing.starts, strict=True))
    types: list[np.ndarray] = [np.zeros(len(pieces[i].ids), np.int64) for i in order]
    for kind, i in zip(types, order, strict=True):
        if pieces[i].second:
            kind[pieces[i].second :] = 1
    written = None
    if any(piece.is_text for piece in pieces):
        assert all(piece.is_text for piece in pieces), "a model writes text for all tasks or for none"
        place_of = {i: place for place, i in enumerate(order)}
        written = pack_targets([piece.targets for piece in pieces], [place_of[i] for i in range(len(pieces))], packing)
    tasks = {}
    for name in dict.fromkeys(piece.task for piece in pieces):
        own = [(i, piece) for i, piece in enumerate(pieces) if piece.task == name]
        rows = written.rows_of([i for i, _ in own]) if written else _int64([p.rows + start_of[i] for i, p in own])
        tasks[name] = TaskRows(
            rows=rows,
            rows_per_sequence=torch.tensor([len(p.targets if written else p.rows) for _, p in own], dtype=torch.long),
            targets=_int64([piece.targets for _, piece in own]),
        )
    return PackedBatch(
        ids=_int64([pieces[i].ids for i in order]), types=_int64(types), packing=packing, tasks=tasks, targets=written
    )


def _int64(parts: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64)) if parts else torch.zeros(0, dtype=torch.long)
