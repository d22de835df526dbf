"""Validation of a phase while it trains: its tasks' scores on the engine as it stands. Nothing is written.

When a phase is validated, and what follows from it, lives in `ds_stilts.engine.watch` and the training loop.
"""

import json
from statistics import fmean
from typing import Any

from ds_stilts.data.adaptive import AdaptiveMixture
from ds_stilts.data.mixture import Mixture
from ds_stilts.data.prepared import open_prepared
from ds_stilts.engine.watch import Watch
from ds_stilts.engine.world import World
from ds_stilts.evaluation.harness import deal_unit, predict
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.formats import get_format
from ds_stilts.phases.context import Ranks, Run, prepare_all
from ds_stilts.phases.splits import validation_keys
from ds_stilts.plan import validated_tasks
from ds_stilts.recipe import Evaluation, Training
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.task import Task


def make_watch(
    run: Run, ranks: Ranks, training: Training, tasks: list[Task], engine: Any, tokenizer: Any, *, max_tokens: int,
    num_steps: int, order: Mixture | None = None,
) -> Watch | None:  # fmt: skip
    """What watches a phase as its `validation` says; None without one. A collective: it prepares the splits.

    Args:
        engine: a training engine over an `Objective` of `tasks`.
        max_tokens: longest sequence of the model.
        order: of the phase's items; it is told what each validation finds if it is adaptive.
    """
    wanted = training.validation
    if wanted is None:
        return None
    parts = [
        _Part(work, work.key.examples(run.data_root))
        for task in validated_tasks(training, tasks)
        for work in _work(run, ranks, training, task, tokenizer, max_tokens)
    ]

    def measure() -> dict[str, float]:
        engine.eval()
        try:
            values: dict[str, list[float]] = {}
            for part in parts:
                task = part.work.key.task
                metrics = part.metrics(engine, run.recipe.evaluation, ranks.world)
                names = (wanted.metric,) if wanted.metric else task.value_metrics
                values.setdefault(task.name, []).append(fmean(metrics[name] for name in names))
        finally:
            engine.train()
        # Every rank has worked them out of the same rows; that they stop together must not hang on that.
        agreed: dict[str, float] = ranks.world.gather({name: fmean(own) for name, own in values.items()})[0]
        return agreed

    return Watch(
        every=wanted.every,
        patience=wanted.patience,
        num_steps=num_steps,
        measure=measure,
        order=order if isinstance(order, AdaptiveMixture) else None,
    )


class _Part:
    """One language of one task, and its raw examples."""

    def __init__(self, work: LanguageWork, examples: list[Example]) -> None:
        self.work, self._examples = work, examples

    def metrics(self, engine: Any, evaluation: Evaluation, world: World) -> dict[str, float]:
        """Metrics in percent; a collective, the same on every rank."""
        task = self.work.key.task
        batches = deal_unit(self.work, evaluation, world)
        own = predict(engine, self.work, batches, self._examples, world)
        found = {index: prediction for part in world.gather(own) for index, prediction in part.items()}
        rows = [
            {
                "id": self._examples[index].id,
                "index": index,
                "gold": json.loads(found[index].gold),
                "prediction": json.loads(found[index].prediction),
                "score": found[index].score,
            }
            for index in sorted(found)
        ]
        return get_format(task.format).score(rows, task, self.work.key.language)


def _work(
    run: Run, ranks: Ranks, training: Training, task: Task, tokenizer: Any, max_tokens: int
) -> list[LanguageWork]:
    keys = validation_keys(run, training, task, max_tokens)
    return [
        LanguageWork(key=key, prepared=open_prepared([path]), zero_shot=False, tokenizer=tokenizer)
        for key, path in zip(keys, prepare_all(run, ranks, keys, tokenizer), strict=True)
    ]
