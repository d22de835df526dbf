"""The peer's model and batches: sequences padded to the longest of their batch, Hugging Face's own forward pass, and
the same heads and loss as ours, as one would write them for the Trainer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ds_stilts.bench.slices import Item
from ds_stilts.data.steps import TaskData
from ds_stilts.formats import get_format
from ds_stilts.models.dropout import use_torch_dropout
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.tasks.task import Task

Feature = dict[str, Any]
"""One item: "task" and its "sequences", each with "input_ids", "token_type_ids", "rows" and "targets"."""


def feature(item: Item, data: Mapping[str, TaskData]) -> Feature:
    """An item as a dataset of the Trainer holds it: lists of integers."""
    name, number = item
    prepared = data[name].prepared
    sequences = []
    for index in range(int(prepared.item_starts[number]), int(prepared.item_starts[number + 1])):
        ids, second = prepared.ids[index].tolist(), int(prepared.second[index])
        types = [int(second > 0 and place >= second) for place in range(len(ids))]
        sequences.append(
            {
                "input_ids": ids,
                "token_type_ids": types,
                "rows": prepared.rows[index].tolist(),
                "targets": prepared.targets[index].tolist(),
            }
        )
    return {"task": name, "sequences": sequences}


class PaddingCollator:
    """`DataCollatorWithPadding`, and where in the padded batch each task's rows lie.

    Args:
        with_types: whether the model tells segment A from B.
    """

    def __init__(self, tokenizer: Any, *, with_types: bool) -> None:
        from transformers import DataCollatorWithPadding

        self._pad = DataCollatorWithPadding(tokenizer)
        self._inputs = ["input_ids", "token_type_ids"] if with_types else ["input_ids"]

    def __call__(self, features: Sequence[Feature]) -> dict[str, Any]:
        """Pad the sequences of a batch.

        Returns:
            "input_ids" and "attention_mask" [S, L], "token_type_ids" if the model has them; "tasks": by name the "rows"
            (indices into the S · L positions), "targets" and "rows_per_sequence", all int64; "shares": by name the
            share of the items.
        """
        sequences = [(own["task"], sequence) for own in features for sequence in own["sequences"]]
        padded = self._pad([{name: sequence[name] for name in self._inputs} for _, sequence in sequences])
        width = padded["input_ids"].shape[1]
        counts = Counter(own["task"] for own in features)
        tasks = {}
        for name in counts:
            own = [(place, sequence) for place, (task, sequence) in enumerate(sequences) if task == name]
            tasks[name] = {
                "rows": _int64([np.asarray(sequence["rows"]) + place * width for place, sequence in own]),
                "targets": _int64([np.asarray(sequence["targets"]) for _, sequence in own]),
                "rows_per_sequence": torch.tensor([len(sequence["rows"]) for _, sequence in own]),
            }
        return {**padded, "tasks": tasks, "shares": {name: n / len(features) for name, n in counts.items()}}


class PaddedMultiTask(nn.Module):
    """Args:
    model: encoder and heads; the encoder is given back its own attention and dropout.
    tasks: of the mixture.
    """

    def __init__(self, model: MultiTaskModel, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.encoder = model.encoder.hf
        self.encoder.set_attn_implementation("sdpa")
        self.heads = model.heads
        use_torch_dropout(self)
        self._tasks = {task.name: task for task in tasks}

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        tasks: Mapping[str, Mapping[str, torch.Tensor]],
        shares: Mapping[str, float],
        token_type_ids: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """The loss of a padded batch: Σ_t (share of t) · (mean unit loss of t); see `PaddingCollator`."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        output = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types)
        states = output.last_hidden_state.flatten(0, 1)
        loss = torch.zeros((), device=input_ids.device)
        for name, own in tasks.items():
            task = self._tasks[name]
            form = get_format(task.format)
            logits = self.heads[task.head](states[own["rows"]])
            units = len(own["targets"]) // form.targets_per_unit
            loss = loss + shares[name] / units * form.loss(logits, own["targets"], own["rows_per_sequence"], task)
        return {"loss": loss}


def _int64(parts: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64))
