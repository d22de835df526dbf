"""What lies behind a task's mean: its worst language, the gap to English, and means of kinds of languages.

Kinds are those of `ds_stilts.tasks.languages`: family, script, dominant word order, and the resource class of Joshi et
al. 2020. They are compared within a task only: tasks differ in their languages, so a mean over tasks would compare
tasks. A language's value is the mean of the task's value metrics, in percent.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ds_stilts.evaluation.benchmarks import task_score
from ds_stilts.tasks.languages import Language, known_languages, language_facts
from ds_stilts.tasks.task import Task

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Languages of one task that have something in common."""

    languages: list[str]
    score: float
    """Mean of their values."""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One task."""

    worst: str
    """The language with the lowest value, the first of equals."""
    worst_score: float
    gap_to_english: float | None
    """English minus the mean of all others, XTREME's cross-lingual transfer gap (Hu et al. 2020); None without both."""
    by: dict[str, dict[str, Kind]]
    """By "family", "script", "word_order" and "joshi", then by its value; what the sources lack is "unknown"."""


def analyse(task: Task, languages: Mapping[str, Mapping[str, float]]) -> Analysis:
    """Look at one task, from {language: {metric: value}}."""
    values = {code: task_score(task, metrics) for code, metrics in languages.items()}
    worst = min(values, key=lambda code: values[code])
    others = [value for code, value in values.items() if code != "en"]
    gap = values["en"] - sum(others) / len(others) if "en" in values and others else None
    known = set(known_languages())
    facts = {code: language_facts(code) if code in known else Language(code=code, name=code) for code in values}
    return Analysis(
        worst=worst,
        worst_score=values[worst],
        gap_to_english=gap,
        by={
            "family": _kinds(values, {code: one.family for code, one in facts.items()}),
            "script": _kinds(values, {code: one.script for code, one in facts.items()}),
            "word_order": _kinds(values, {code: one.word_order for code, one in facts.items()}),
            "joshi": _kinds(values, {code: one.joshi for code, one in facts.items()}),
        },
    )


def _kinds(values: Mapping[str, float], kind_of: Mapping[str, str | int | None]) -> dict[str, Kind]:
    """Kinds in alphabetical order, the unknown last."""
    members = defaultdict(list)
    for code, kind in kind_of.items():
        members[UNKNOWN if kind is None else str(kind)].append(code)
    return {
        kind: Kind(languages=members[kind], score=sum(values[code] for code in members[kind]) / len(members[kind]))
        for kind in sorted(members, key=lambda kind: (kind == UNKNOWN, kind))
    }
