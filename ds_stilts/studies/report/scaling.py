"""Gains of a study's arms over the amount in which they differ, as its `scaling` declares it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.scaling_shape import ScalingShape, scaling_shape
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.contrasts import cells_in
from ds_stilts.studies.report.estimates import Asked, Finding, arm
from ds_stilts.studies.sections import Cells, Contrast, Scaling


@dataclass(frozen=True, kw_only=True)
class ScaledLine:
    """One line: a group of scores."""

    amounts: Mapping[float, Finding]
    """By amount, the mean gain of its arms, with its interval."""
    arms: Mapping[str, Finding]
    """The gain of each arm."""
    shape: ScalingShape | None
    note: str
    """Why there is no shape."""


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """What one entry of `scaling` asks, answered."""

    asked: Scaling
    lines: Mapping[str, ScaledLine]


def _name(where: tuple[str, str], what: str | float) -> Hashable:
    """Of what is asked of an arm, or of an amount."""
    return ("scaling", *where, what)


def question_scaling(evidence: Evidence) -> list[Asked]:
    """What to ask of the rows, so that it can be answered from one set of draws with other things."""
    return [
        asked
        for name, scaling in evidence.study.scaling.items()
        for line, cells in scaling.of.items()
        for amount, arms in scaling.arms.items()
        for asked in _ask(evidence, scaling, (name, line), cells, amount, arms)
    ]


def _ask(
    evidence: Evidence, scaling: Scaling, where: tuple[str, str], cells: Cells, amount: float, arms: list[str]
) -> list[Asked]:
    """Each arm, and the mean over those of one amount."""
    each = []
    for name in arms:
        contrast = Contrast(arm=name, against=scaling.against, of=cells, zero_shot=scaling.zero_shot)
        each.append(
            Asked(
                name=_name(where, name),
                ours=arm(name, evidence.study.targets),
                theirs=scaling.against,
                cells=cells_in(evidence, contrast, cells),
                aggregate=evidence.study.aggregate,
            )
        )
    return [*each, replace(each[0], name=_name(where, amount), also=tuple(each[1:]))]


def all_scaling(evidence: Evidence, findings: Mapping[Hashable, Finding]) -> dict[str, Scaled]:
    """By name, from answers to what `question_scaling` asks."""
    return {
        name: Scaled(asked=one, lines={line: _line(evidence, one, (name, line), findings) for line in one.of})
        for name, one in evidence.study.scaling.items()
    }


def _line(
    evidence: Evidence, scaling: Scaling, where: tuple[str, str], findings: Mapping[Hashable, Finding]
) -> ScaledLine:
    arms = {name: findings[_name(where, name)] for _, name in scaling.named}
    shape, note = None, ""
    common = set.intersection(*(set(one.seeds) for one in arms.values()))
    seeds = [seed for seed in evidence.study.seeds.intermediate if seed in common]
    lacking = [name for name, one in arms.items() if one.estimate is None]
    if lacking:
        note = f"no shape before all arms have finished a seed; not yet: {', '.join(lacking)}"
    else:
        by_seed = [dict(zip(one.seeds, one.per_seed, strict=True)) for one in arms.values()]
        try:
            shape = scaling_shape(
                np.array([[own[seed] for own in by_seed] for seed in seeds]).reshape(len(seeds), len(arms)),
                np.array([amount for amount, _ in scaling.named]),
            )
        except StatisticsError as error:
            note = f"no shape: {error}"
    return ScaledLine(
        amounts={amount: findings[_name(where, amount)] for amount in sorted(scaling.arms)},
        arms=arms,
        shape=shape,
        note=note,
    )
