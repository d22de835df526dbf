"""A run's totals of XTREME and XTREME-R, or what each lacks: an arm has one only where every task of it is whole.

Whole: every language of the benchmark, all examples of the split that the benchmark reports. The rules of totals are
those of `ds_stilts.evaluation.benchmarks`. Mining is worth its F1 with a threshold from sentences that are not scored.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ds_stilts.evaluation.benchmarks import BENCHMARKS, Benchmark, averages, task_score, totals
from ds_stilts.report.collect import Run, Scores
from ds_stilts.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class ArmTotals:
    """One arm on one benchmark."""

    tasks: Mapping[str, float]
    """Of whole tasks, over the benchmark's languages."""
    groups: Mapping[str, float]
    score: float | None
    missing: tuple[str, ...]
    """What keeps it from a total, a clause for each task that is not whole."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkTotals:
    """One benchmark across arms."""

    title: str
    num_tasks: int
    groups: Mapping[str, tuple[str, ...]]
    """Titles of the tasks that each is the mean of."""
    composed: bool
    """Whether the total is put together here, as the official script gives none."""
    arms: Mapping[str, ArmTotals]

    @property
    def is_empty(self) -> bool:
        """Whether no arm has even a group, so that there is only to say what is missing."""
        return not any(arm.groups for arm in self.arms.values())


def run_totals(run: Run) -> tuple[BenchmarkTotals, ...]:
    """Totals of every benchmark that the run has scored any task of."""
    found = []
    for benchmark in BENCHMARKS.values():
        names = {task.name for task in benchmark.tasks()}
        arms = [arm for arm in run.arms if any((arm, name) in run.scores for name in names)]
        if arms:
            titles = {task.name: task.title for task in benchmark.tasks()}
            groups = {**benchmark.groups, **benchmark.composed}
            found.append(
                BenchmarkTotals(
                    title=benchmark.title,
                    num_tasks=len(names),
                    groups={group: tuple(titles[name] for name in own) for group, own in groups.items()},
                    composed=not benchmark.score_is_official,
                    arms={arm: _arm_totals(run, arm, benchmark) for arm in arms},
                )
            )
    return tuple(found)


def _arm_totals(run: Run, arm: str, benchmark: Benchmark) -> ArmTotals:
    tasks, missing = {}, []
    for task in benchmark.tasks():
        languages = benchmark.languages(task)
        scores = run.scores.get((arm, task.name))
        reason = why_not_whole(run, scores, task, languages) if scores else "not scored"
        if scores and not reason:
            tasks[task.name] = task_score(task, averages({code: scores.languages[code].metrics for code in languages}))
        else:
            missing.append(f"{task.title} {reason}")
    whole = totals(benchmark, tasks)
    return ArmTotals(tasks=tasks, groups=whole.groups, score=whole.score, missing=tuple(missing))


def why_not_whole(run: Run, scores: Scores, task: Task, languages: tuple[str, ...]) -> str:
    """Why a target's scores are not those of all that the benchmark reports; "" where they are."""
    target = (run.recipe.get("targets") or {}).get(scores.task) or {}
    missing = [code for code in languages if code not in scores.languages]
    if missing:
        return f"not scored in {', '.join(missing)}"
    if not scores.score_split_is_official or any(scores.split_of(code) != task.score_split for code in languages):
        return f"not scored on the split that the benchmark reports, '{task.score_split}'"
    if target.get("max_score_examples"):
        return f"only the first {target['max_score_examples']:,} examples of each language are scored"
    for code in () if task.is_searched else languages:
        published = task.split(task.score_split).published_count(code)
        found = scores.languages[code].examples
        if published is not None and found != published:
            return f"scored in {code} on {found:,} examples of {published:,}"
    return ""
