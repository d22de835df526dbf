"""Validation of a phase while it trains: its tasks' scores on the engine as it stands. Nothing is written.

With `validation.unlabelled` also what its predictions in the target languages say without labels, and with
`validation.probe` how translations lie together. When a phase is validated, and what follows from it, lives in
`ds_stilts.engine.watch` and the training loop.
"""

import json
from collections.abc import Callable
from statistics import fmean
from typing import Any

from ds_stilts.data.adaptive import AdaptiveMixture
from ds_stilts.data.mixture import Mixture
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.prepared import open_prepared
from ds_stilts.engine.choosing import Look
from ds_stilts.engine.watch import Watch
from ds_stilts.evaluation.harness import predict_whole, unwritten_row
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.pooling import probe_pooling
from ds_stilts.evaluation.probe import AlignmentProbe
from ds_stilts.formats import get_format
from ds_stilts.phases.context import Ranks, Run, prepare_all
from ds_stilts.phases.splits import probe_keys, validation_keys
from ds_stilts.phases.unlabelled import Unlabelled, make_unlabelled
from ds_stilts.plan_validation import validated_tasks
from ds_stilts.recipe import Evaluation, Training
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.task import Task


def make_watch(
    run: Run, ranks: Ranks, training: Training, tasks: list[Task], engine: Any, tokenizer: Any, *, max_tokens: int,
    num_layers: int, num_steps: int, order: Mixture | None = None,
) -> Watch | None:  # fmt: skip
    """What watches a phase as its `validation` says; None without one. A collective: it prepares the splits.

    Args:
        engine: a training engine over an `Objective` of `tasks`.
        max_tokens: longest sequence of the model.
        num_layers: of its encoder.
        order: of the phase's items; it is told what each validation finds if it is adaptive.
    """
    wanted, evaluation = training.validation, run.recipe.evaluation
    if wanted is None:
        return None

    def work(keys: list[SplitKey]) -> list[LanguageWork]:
        return [
            LanguageWork(key=key, prepared=open_prepared([path]), zero_shot=False, tokenizer=tokenizer)
            for key, path in zip(keys, prepare_all(run, ranks, keys, tokenizer), strict=True)
        ]

    parts = [
        _Part(unit, unit.key.examples(run.data_root))
        for task in validated_tasks(training, tasks)
        for unit in work(validation_keys(run, training, task, max_tokens))
    ]
    unlabelled = make_unlabelled(run, training, tasks, work, max_tokens)
    probe = _make_probe(run, training, work, max_tokens, num_layers)

    def measure() -> Look:
        engine.eval()
        try:
            found = _look(engine, parts, wanted.metric, unlabelled, probe, evaluation, ranks)
        finally:
            engine.train()
        # Every rank has worked it out of the same rows; that they stop together must not hang on that.
        agreed: Look = ranks.world.gather(found)[0]
        return agreed

    return Watch(
        every=wanted.every,
        patience=wanted.patience,
        num_steps=num_steps,
        measure=measure,
        order=order if isinstance(order, AdaptiveMixture) else None,
        rule=wanted.choose_by,
    )


class _Part:
    """One language of one task, and its raw examples."""

    def __init__(self, work: LanguageWork, examples: list[Example]) -> None:
        self.work, self._examples = work, examples

    def metrics(self, engine: Any, evaluation: Evaluation, ranks: Ranks) -> dict[str, float]:
        """Metrics in percent; a collective, the same on every rank, which may be stopped."""
        task = self.work.key.task
        found = predict_whole(engine, self.work, self._examples, evaluation, ranks.world, ranks.stop)
        rows = [
            unwritten_row(self._examples[index].id, index, json.loads(prediction.gold), prediction)
            for index, prediction in found.items()
        ]
        return get_format(task.format).score(rows, task, self.work.key.language)


def _look(
    engine: Any, parts: list[_Part], metric: str | None, unlabelled: Unlabelled | None, probe: AlignmentProbe | None,
    evaluation: Evaluation, ranks: Ranks,
) -> Look:  # fmt: skip
    values: dict[str, list[float]] = {}
    for part in parts:
        task = part.work.key.task
        metrics = part.metrics(engine, evaluation, ranks)
        names = (metric,) if metric else task.value_metrics
        values.setdefault(task.name, []).append(fmean(metrics[name] for name in names))
    shown: dict[str, Any] = {}
    points: dict[str, float] = {}
    said = []
    free = unlabelled.measure(engine, evaluation, ranks.world, ranks.stop) if unlabelled else None
    if free:
        shown |= free.shown
        points |= free.points
        said.append(free.said)
    if probe:
        probed = probe.measure(engine, evaluation, ranks.world, ranks.stop)
        shown |= {"probe": probed.shown()}
        points |= probed.points()
        said.append(probed.said())
    return Look(
        values={name: fmean(own) for name, own in values.items()},
        entropy=free.entropy if free else None,
        agreement=free.agreement if free else None,
        oracle=free.oracle if free else None,
        shown=shown,
        points=points,
        said=said,
    )


def _make_probe(
    run: Run,
    training: Training,
    work: Callable[[list[SplitKey]], list[LanguageWork]],
    max_tokens: int,
    num_layers: int,
) -> AlignmentProbe | None:
    wanted = training.validation.probe if training.validation else None
    if wanted is None:
        return None
    units = work(probe_keys(run, training, max_tokens))
    examples = [unit.key.examples(run.data_root) for unit in units]
    return AlignmentProbe(units, examples, probe_pooling(wanted, num_layers, "validation.probe"), wanted.examples)
