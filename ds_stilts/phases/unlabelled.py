"""What a target's predictions in languages that it is not trained in say at a validation, without their labels.

Labels are taken off as files are read (`SplitKey.unlabelled`). Where the recipe asks for the oracle, they are read a
second time, into an object of their own that turns predictions into a score to show: what the kept step is chosen by
(`ds_stilts.engine.choosing.Figures`) has no place for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from ds_stilts.data.prepare import SplitKey
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.errors import DataError
from ds_stilts.evaluation.benchmarks import task_score
from ds_stilts.evaluation.harness import predict_whole, unwritten_row
from ds_stilts.evaluation.label_free import LabelFree, label_free
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.formats import get_format
from ds_stilts.formats.base import Prediction
from ds_stilts.formats.text_to_text import get_text_form
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import oracle_keys, unlabelled_keys
from ds_stilts.plan_validation import pivot_language
from ds_stilts.recipe import Evaluation, Target, Training
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one validation has found; means are over languages."""

    entropy: float
    agreement: float | None
    oracle: float | None
    shown: Mapping[str, Any] = field(default_factory=dict)
    """For its record."""
    points: Mapping[str, float] = field(default_factory=dict)
    """For curves."""
    said: str
    """For the progress line."""


class Oracle:
    """Scores by labels, to be shown.

    Args:
        keys: the languages, with labels; DataError where one has none.
    """

    def __init__(self, keys: Sequence[SplitKey], run: Run) -> None:
        self._golds = {key.language: _golds(key, run) for key in keys}

    def score(self, language: str, predictions: Mapping[str, Prediction], task: Task) -> float:
        """Of one language, in percent, the mean of the task's value metrics.

        Args:
            predictions: by the id of their example.
        """
        rows = [
            unwritten_row(id, index, self._golds[language][id], prediction)
            for index, (id, prediction) in enumerate(predictions.items())
        ]
        return task_score(task, get_format(task.format).score(rows, task, language))


class Unlabelled:
    """Predicts the same texts at each call.

    Args:
        task: the target's.
        units: languages with their texts, whose labels were not read; that of the pivot first, where there is one.
        pivot: its code.
        oracle: shows the scores by labels; None: they are not read.
    """

    def __init__(
        self, task: Task, units: Sequence[tuple[LanguageWork, list[Example]]], pivot: str | None, oracle: Oracle | None
    ) -> None:
        self._task, self._units, self._pivot, self._oracle = task, units, pivot, oracle

    def measure(self, engine: Any, evaluation: Evaluation, world: World, stop: StopSource) -> Found:
        """Predict, and look at the predictions; a collective that gives all ranks the same, or may be stopped."""
        predictions = {}
        for unit, examples in self._units:
            found = predict_whole(engine, unit, examples, evaluation, world, stop)
            predictions[unit.key.language] = {examples[index].id: one for index, one in found.items()}
        pivot = predictions.pop(self._pivot) if self._pivot else None
        figures = {language: label_free(own, pivot, self._task) for language, own in predictions.items()}
        scores = {}
        if self._oracle:
            scores = {language: self._oracle.score(language, own, self._task) for language, own in predictions.items()}
        return _found(figures, scores)


def make_unlabelled(
    run: Run,
    training: Training,
    tasks: list[Task],
    work: Callable[[list[SplitKey]], list[LanguageWork]],
    max_tokens: int,
) -> Unlabelled | None:
    """What looks at texts without labels as a target's validation says; None where it does not. A collective.

    Args:
        work: prepares splits.
        max_tokens: longest sequence of the model.
    """
    wanted = training.validation.unlabelled if training.validation else None
    if wanted is None or not isinstance(training, Target):
        return None
    (task,) = tasks
    units = work(unlabelled_keys(run, training, task, max_tokens))
    labelled = oracle_keys(run, training, task, max_tokens)
    return Unlabelled(
        task,
        [(unit, unit.key.examples(run.data_root)) for unit in units],
        pivot_language(training, task),
        Oracle(labelled, run) if labelled else None,
    )


def _golds(key: SplitKey, run: Run) -> dict[str, Any]:
    """By id, in the form that the format's `score` reads."""
    form = get_text_form(key.task.format)
    golds = {example.id: form.gold(example) for example in key.examples(run.data_root)}
    if all(gold is None for gold in golds.values()):
        file = key.task.files(key.split, key.language, run.data_root)[0]
        raise DataError(f"{file} has no labels, and validation.unlabelled.oracle asks for them; remove `oracle`")
    return golds


def _found(figures: Mapping[str, LabelFree], scores: Mapping[str, float]) -> Found:
    entropy = fmean(own.entropy for own in figures.values())
    agreeing = [own.agreement for own in figures.values() if own.agreement is not None]
    # A language without a common item would make means of other steps mean other languages.
    agreement = fmean(agreeing) if len(agreeing) == len(figures) else None
    oracle = fmean(scores.values()) if scores else None
    languages = {
        language: {"entropy": own.entropy, **({} if own.agreement is None else {"agreement": own.agreement})}
        for language, own in figures.items()
    }
    means = {"entropy": entropy, **({} if agreement is None else {"agreement": agreement})}
    shown: dict[str, Any] = {"unlabelled": {**means, "languages": languages}}
    points = {f"unlabelled/{name}": value for name, value in means.items()}
    said = f"without labels: entropy {entropy:.3f}" + ("" if agreement is None else f", agreement {agreement:.1f}")
    if oracle is not None:
        shown["oracle"] = {"score": oracle, "languages": dict(scores)}
        points["unlabelled/oracle"] = oracle
        said += f" (by labels {oracle:.1f})"
    return Found(entropy=entropy, agreement=agreement, oracle=oracle, shown=shown, points=points, said=said)
