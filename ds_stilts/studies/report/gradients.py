"""How far the gradients of a phase's tasks agreed while it trained: cosines by pair and layer, from its log lines.

Invariants: every log line and every seed counts the same; of a pair that a line lacks, since one of the two had no item
then, that line says nothing. What a cosine is, and why a task has one with itself, is in `ds_stilts.engine.agreement`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.records import done_stages, logged


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Of two tasks in one layer, the mean over log lines and seeds, -1 to 1."""

    whole: float
    first_half: float | None
    """Of the log lines up to half of the last step; None: none of them has the pair."""
    second_half: float | None


@dataclass(frozen=True, kw_only=True)
class GradientCosines:
    """One stage."""

    stage: str
    seeds: int
    lines: int
    """Log lines of all seeds together."""
    layers: tuple[int, ...]
    pairs: Mapping[tuple[str, str], Mapping[int, Cosine]]
    """By pair of tasks and layer; a task's with itself is that between even and odd steps."""


def gradient_cosines(evidence: Evidence) -> tuple[GradientCosines, ...]:
    """Of each stage that logged its tasks' cosines."""
    found = (_of_stage(stage, folders) for stage, folders in done_stages(evidence).items())
    return tuple(one for one in found if one is not None)


def _of_stage(stage: str, folders: Sequence[Path]) -> GradientCosines | None:
    seeds = [by_step for folder in folders if (by_step := logged(folder, "cosines"))]
    values: dict[tuple[str, str], dict[int, list[tuple[bool, float]]]] = {}
    for by_step in seeds:
        last = max(by_step)
        for step, cosines in by_step.items():
            for layer, pair, value in _flat(cosines):
                values.setdefault(pair, {}).setdefault(layer, []).append((2 * step > last, value))
    if not values:
        return None
    return GradientCosines(
        stage=stage,
        seeds=len(seeds),
        lines=sum(map(len, seeds)),
        layers=tuple(sorted({layer for own in values.values() for layer in own})),
        pairs={pair: {layer: _cosine(own) for layer, own in layers.items()} for pair, layers in values.items()},
    )


def _flat(cosines: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[tuple[int, tuple[str, str], float]]:
    for layer, tasks in cosines.items():
        for first, others in tasks.items():
            for second, value in others.items():
                yield int(layer), (first, second), value


def _cosine(values: Sequence[tuple[bool, float]]) -> Cosine:
    def mean(late: bool) -> float | None:
        found = [value for is_late, value in values if is_late == late]
        return fmean(found) if found else None

    return Cosine(whole=fmean(value for _, value in values), first_half=mean(False), second_half=mean(True))
