"""XTREME and XTREME-R as wholes: their tasks, their groups, and the totals that follow from the scores of tasks.

The languages of each task stand in its declaration (`Task.benchmarks`). The rules are those of `evaluate.py` of
google-research/xtreme (838c13b): a task's score is the mean over its languages, and of exact match and F1 in question
answering; a total is the mean of tasks, not of groups, and there is none while a task or a language is missing. Where
scores come from is not known here.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass, field

from ds_stilts.errors import DataError, suggestion
from ds_stilts.tasks import Task, get_task


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark."""

    name: str
    """As `Task.benchmarks` has it."""
    title: str
    groups: Mapping[str, tuple[str, ...]]
    """Groups of tasks as the official script has them."""
    composed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Groups that the official script lacks."""
    score_is_official: bool
    """Whether the official script gives the total; False where it is put together here by the same rule."""

    def tasks(self) -> list[Task]:
        """Every task, in the order of the groups, each once."""
        groups = [*self.groups.values(), *self.composed.values()]
        return [get_task(name) for name in dict.fromkeys(name for group in groups for name in group)]

    def languages(self, task: Task) -> tuple[str, ...]:
        """The languages that a task's score is the mean of, in the official order."""
        return task.benchmarks[self.name]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Means over tasks, in percent."""

    groups: dict[str, float]
    """Groups of which every task is there."""
    score: float | None
    """Mean over all tasks; None where one is missing."""


XTREME = Benchmark(
    name="xtreme",
    title="XTREME",
    groups={
        "classification": ("pawsx", "xnli"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
    score_is_official=True,
)
XTREME_R = Benchmark(
    name="xtreme-r",
    title="XTREME-R",
    groups={
        "classification": ("xnli", "xcopa"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "mewslix"),
        "multi_choice": ("xcopa",),
    },
    # The official groups leave LAReQA out, and its script stops with a KeyError at a folder of it.
    composed={"retrieval_with_lareqa": ("tatoeba", "mewslix", "lareqa")},
    score_is_official=False,
)
BENCHMARKS = {benchmark.name: benchmark for benchmark in (XTREME, XTREME_R)}


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        DataError: there is none; suggests the nearest name.
    """
    if name not in BENCHMARKS:
        known = ", ".join(BENCHMARKS)
        raise DataError(f"there is no benchmark '{name}'{suggestion(name, list(BENCHMARKS))}; there are: {known}")
    return BENCHMARKS[name]


def averages(languages: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The unweighted mean of each metric over languages (English included), from {language: {metric: value}}."""
    metrics = next(iter(languages.values()))
    return {metric: sum(cell[metric] for cell in languages.values()) / len(languages) for metric in metrics}


def task_score(task: Task, means: Mapping[str, float]) -> float:
    """The one number of a task from its `averages`: the mean of its `value_metrics`."""
    return sum(means[metric] for metric in task.value_metrics) / len(task.value_metrics)


def totals(benchmark: Benchmark, scores: Mapping[str, float]) -> Totals:
    """Means of groups and of all tasks, each task once.

    Args:
        scores: `task_score` by task, of those that have every language of the benchmark and no others.
    """
    groups = {**benchmark.groups, **benchmark.composed}
    names = [task.name for task in benchmark.tasks()]
    return Totals(
        groups={name: _mean(scores, group) for name, group in groups.items() if scores.keys() >= set(group)},
        score=_mean(scores, names) if scores.keys() >= set(names) else None,
    )


def _mean(scores: Mapping[str, float], names: Seq[str]) -> float:
    return sum(scores[name] for name in names) / len(names)
