"""What validations of a study's phases have seen besides: which step each rule would keep, and how translations lie.

Invariants: means are over seeds, and how many there are is told; a step that some seed has not reached has no mean.
Nothing is computed from rows: these are records of the phases while they trained (`records`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ds_stilts.engine.choosing import RULES
from ds_stilts.phases.selection import NAME
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.records import done_stages, logged
from ds_stilts.studies.store import read_json


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What one rule would have kept."""

    steps: tuple[int, ...]
    """By seed."""
    score: float | None
    """Mean over seeds, in percent, on the labels that nothing is chosen by; None where they were not read."""
    gap: float | None
    """How far that is below the best of the same runs, in points."""


@dataclass(frozen=True, kw_only=True)
class Selected:
    """One target of one arm."""

    arm: str
    target: str
    chosen_by: tuple[str, ...]
    """What the weights were really kept by; several if runs differ."""
    split: str
    seeds: int
    rules: Mapping[str, Kept]


@dataclass(frozen=True, kw_only=True)
class ProbedStep:
    """What a probe has found after one step, means over languages and seeds, in the order of the hidden states."""

    step: int
    accuracy: tuple[float, ...]
    alignment: tuple[float, ...]
    uniformity: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ProbedStage:
    """The probes of one stage."""

    stage: str
    task: str
    layers: tuple[int, ...]
    languages: tuple[str, ...]
    seeds: int
    steps: tuple[ProbedStep, ...]
    """Ascending; at least one."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """All such records of a study; empty where its phases looked at nothing besides."""

    selected: tuple[Selected, ...]
    probed: tuple[ProbedStage, ...]


def watched(evidence: Evidence) -> Watched:
    """Read the records of the stages that are done."""
    stages = done_stages(evidence)
    selected = (_selected(stage, folders) for stage, folders in stages.items())
    probed = (_probed(stage, folders) for stage, folders in stages.items())
    return Watched(
        selected=tuple(one for one in selected if one is not None),
        probed=tuple(one for one in probed if one is not None),
    )


def _selected(stage: str, folders: Sequence[Path]) -> Selected | None:
    found = [values for folder in folders if (values := read_json(folder / NAME))]
    if not found:
        return None
    _, arm, target = stage.split("/")
    rules = {
        rule: _kept([values["rules"][rule] for values in found])
        for rule in RULES
        if all(rule in values["rules"] for values in found)
    }
    return Selected(
        arm=arm,
        target=target,
        chosen_by=tuple(dict.fromkeys(values["chosen_by"] for values in found)),
        split=", ".join(dict.fromkeys(values["split"] for values in found)),
        seeds=len(found),
        rules=rules,
    )


def _kept(seeds: Sequence[Mapping[str, Any]]) -> Kept:
    def mean(key: str) -> float | None:
        values = [own[key] for own in seeds]
        return None if None in values else fmean(values)

    return Kept(steps=tuple(own["step"] for own in seeds), score=mean("score"), gap=mean("gap"))


def _probed(stage: str, folders: Sequence[Path]) -> ProbedStage | None:
    looks = [by_step for folder in folders if (by_step := _probes(folder))]
    if not looks:
        return None
    first = next(iter(looks[0].values()))
    like = [own for own in looks if all(_shape(probe) == _shape(first) for probe in own.values())]
    common = sorted(set.intersection(*map(set, like)))
    if not common:
        return None
    return ProbedStage(
        stage=stage,
        task=first["task"],
        layers=tuple(first["layers"]),
        languages=tuple(first["languages"]),
        seeds=len(like),
        steps=tuple(_step(step, [own[step] for own in like]) for step in common),
    )


def _step(step: int, seeds: Sequence[Mapping[str, Any]]) -> ProbedStep:
    def mean(figure: str) -> tuple[float, ...]:
        return tuple(fmean(column) for column in zip(*(own[figure] for own in seeds), strict=True))

    return ProbedStep(step=step, accuracy=mean("accuracy"), alignment=mean("alignment"), uniformity=mean("uniformity"))


def _shape(probe: Mapping[str, Any]) -> Any:
    """What must be equal for a mean over seeds to mean something."""
    return probe["task"], probe["layers"], {code: own["examples"] for code, own in probe["languages"].items()}


def _probes(folder: Path) -> dict[int, dict[str, Any]]:
    """By step."""
    looks = logged(folder, "validation")
    return {step: found["probe"] for step, found in looks.items() if "probe" in found}
