"""Vectors of the tasks that a run's phases learn, each made once, and how much of each task an arm learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path

import torch

from ds_stilts.data.batch import Masking
from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import prepare, prepared_folder
from ds_stilts.data.prepared import open_prepared
from ds_stilts.data.sampling import items_drawn
from ds_stilts.data.steps import TaskData, task_data
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import DataError, RecipeError
from ds_stilts.evaluation.similarity import TaskReader, TaskVectors, draw
from ds_stilts.formats.text_to_text.span_corruption import sentinel_ids
from ds_stilts.models.loading import StartModel
from ds_stilts.phases.context import Run, seed_for
from ds_stilts.phases.splits import training_keys
from ds_stilts.phases.training import build_objective, load_source
from ds_stilts.recipe import Training
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One task of one phase of an arm."""

    task: Task
    weight: float
    """Share of the arm's examples; of an arm that merges others times their weight, which may be negative."""
    vectors: TaskVectors


class Tasks:
    """What the start model sees of tasks.

    All heads are drawn with the seed that the recipe draws an intermediate phase's with, one task at a time: tasks that
    have heads of one shape have the same head.

    Args:
        source: folder or hub id of the start model.
        examples: items of each task that are read at most.
        layers: numbers of the layers whose gradients are compared; none: all.
        seed: of what is drawn of each task.

    Raises:
        CheckpointError: the start model cannot be loaded.
        RecipeError: it has not so many layers.
    """

    def __init__(self, run: Run, source: str, *, examples: int, layers: Sequence[int], seed: int) -> None:
        self._run, self._examples, self._seed = run, examples, seed
        self._start: StartModel = load_source(run, source)
        if self._start.weights is not None:
            self._start.weights.fill()
        most = self._start.encoder.num_layers
        for number in layers:
            if not 1 <= number <= most:
                raise RecipeError(f"--layer: the start model has layers 1 to {most}, and no layer {number}")
        self.layers = sorted(set(layers)) or list(range(1, most + 1))
        self._encoder = Encoder(self._start.tokenizer)
        self._reader = TaskReader(self._start.encoder, self.layers, "cuda" if torch.cuda.is_available() else "cpu")
        self._made: dict[tuple[object, ...], TaskVectors] = {}

    def parts(self, arm: str) -> list[Part]:
        """Everything that an arm's model learns before the targets, a task of a phase each; weights add up to 1 unless
        the arm merges others.

        Raises:
            DataError: a file is missing or malformed, or holds no training item.
        """
        phase = self._run.recipe.arms[arm]
        assert phase is not None
        if phase.merge:
            return [
                Part(task=part.task, weight=float(weight) * part.weight, vectors=part.vectors)
                for other, weight in phase.merge.weights.items()
                for part in self.parts(other)
            ]
        found = [(one, *self._drawn(one)) for one in phase.phases]
        total = fsum(items for _, items, _ in found)
        return [
            Part(task=get_task(name), weight=items / total * share, vectors=self.vectors(one, get_task(name)))
            for one, items, shares in found
            for name, share in shares.items()
        ]

    def vectors(self, phase: Training, task: Task) -> TaskVectors:
        """Those of one task as a phase reads it.

        Raises:
            DataError: as `parts`.
        """
        paths = self._files(phase, task)
        key = (task.name, paths, phase.masking)
        if key not in self._made:
            data = self._data(phase, task, paths)
            items = draw(data.prepared.num_items, self._examples, self._seed)
            say(f"reading {len(items):,} of {data.prepared.num_items:,} training items of {task.name}", passing=True)
            torch.manual_seed(seed_for(self._run, "arms:heads"))
            objective = build_objective(self._start, [task])
            self._made[key] = self._reader.read(objective, data, items, self._masking(phase), phase.micro_batch_tokens)
        return self._made[key]

    def _drawn(self, phase: Training) -> tuple[float, dict[str, float]]:
        """As `ds_stilts.data.sampling.items_drawn`."""
        data = {name: self._data(phase, get_task(name), self._files(phase, get_task(name))) for name in phase.tasks}
        sizes = {name: one.prepared.num_items for name, one in data.items()}
        lengths = {name: float(one.tokens.mean()) for name, one in data.items()}
        return items_drawn(phase, sizes, lengths)

    def _files(self, phase: Training, task: Task) -> tuple[Path, ...]:
        keys = training_keys(self._run, phase, task, self._start.encoder.max_tokens)
        return tuple(prepare(key, self._encoder, self._run.data_root, prepared_folder()) for key in keys)

    def _data(self, phase: Training, task: Task, paths: Sequence[Path]) -> TaskData:
        prepared = open_prepared(paths)
        if prepared.num_items == 0:
            raise DataError(f"task '{task.name}' has no training item in {', '.join(map(str, paths))}")
        tokenizer, sentinels = self._start.tokenizer, None
        if self._start.text:
            sentinels = sentinel_ids(tokenizer) if task.format == "masked_lm" else ()
        return task_data(task, prepared, phase, frozenset(tokenizer.all_special_ids), sentinels)

    def _masking(self, phase: Training) -> Masking:
        tokenizer = self._start.tokenizer
        return Masking(
            seed=seed_for(self._run, "arms:masks"),
            rate=phase.masking,
            special_ids=frozenset(tokenizer.all_special_ids),
            mask_id=tokenizer.mask_token_id,
            vocabulary_size=len(tokenizer),
        )
