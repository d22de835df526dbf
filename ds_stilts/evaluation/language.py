"""One language of one task: what there is to score, its forward pass, and its rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ds_stilts.data.batch import TaskRows, scoring_batch
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.prepared import Prepared
from ds_stilts.engine.world import World
from ds_stilts.evaluation.rows import Row
from ds_stilts.evaluation.work import ForwardBatch
from ds_stilts.formats.base import Prediction
from ds_stilts.models.encoder import Layer
from ds_stilts.tasks.examples import Example


@dataclass(frozen=True, kw_only=True)
class LanguageWork:
    """One language to score, or the pool that all languages are searched for in, which has no rows of its own."""

    key: SplitKey
    prepared: Prepared
    zero_shot: bool
    tokenizer: Any = None
    """The model's, where it writes text or special tokens must be told from others."""
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

    def rows(self, examples: list[Example], predictions: Mapping[int, Prediction], tokens: np.ndarray) -> list[Row]:
        """Rows of predictions by the place of their example, in that order.

        Args:
            tokens: as `tokens` gives them.
        """
        return [
            Row(
                task=self.key.task.name,
                language=self.key.language,
                split=self.key.split,
                id=examples[index].id,
                index=index,
                gold=prediction.gold,
                prediction=prediction.prediction,
                score=prediction.score,
                tokens=int(tokens[index]),
                zero_shot=self.zero_shot,
                confidence=prediction.confidence,
                margin=prediction.margin,
                written=prediction.written,
                legal=prediction.legal,
            )
            for index, prediction in sorted(predictions.items())
        ]


def forward(
    model: Callable[..., Any], unit: LanguageWork, batch: ForwardBatch, layer: Layer, world: World
) -> tuple[TaskRows, torch.Tensor, dict[str, torch.Tensor]]:
    """The rows of a batch, the states at `layer`, and each head's logits."""
    packed = scoring_batch(unit.key.task.name, unit.prepared, batch.sequences).to(world.device)
    with torch.no_grad():
        states, logits = model(packed, None, layer)
    return packed.tasks[unit.key.task.name], states, logits
