"""Gains of a study's arms against how far their domains are from what is scored, where that was measured.

Baseline and controls are no points of the line, and neither are arms with a start model or targets of their own, nor a
target whose training data an arm has seen: these differ from the others in more than the domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.cell_slope import Cell, CellSlope, cell_slope
from ds_stilts.studies.domain_distances import MEASURES
from ds_stilts.studies.domains import Domains, kept_domains
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.gains import Gains

WITHIN: Mapping[str, bool] = {"targets": False, "targets and arms": True}
"""Effects that are taken off; by it, whether those of arms are."""


@dataclass(frozen=True, kw_only=True)
class DomainGains:
    """What is known of gains and domains."""

    distances: Domains
    gains: Mapping[Cell, float]
    """By (arm, target) that counts, in points over `seeds`."""
    seeds: tuple[int, ...]
    """That all of them have."""
    slopes: Mapping[tuple[str, str], CellSlope]
    """By measure (`ds_stilts.studies.domain_distances.MEASURES`) and what they are within (`WITHIN`)."""
    notes: tuple[str, ...]
    """Why a slope is missing, and what does not count."""


def domain_gains(evidence: Evidence, gains: Gains) -> DomainGains | None:
    """Hold gains against distances; None where nobody has measured these (`ds-stilts study domains`)."""
    distances = kept_domains(evidence.folder, evidence.runs)
    if distances is None:
        return None
    per_seed: dict[Cell, Mapping[int, float]] = {}
    overlapping: list[str] = []
    for name, one in gains.arms.items():
        arm = evidence.study.arms[name]
        if arm.role == "control" or arm.stands_apart:
            continue
        for target, gain in one.targets.items():
            if target not in distances.targets or name not in distances.targets[target].divergence.arms:
                continue
            if (name, target) in gains.overlaps:
                overlapping.append(f"{name} in {target}")
                continue
            finding = gain.finding
            if finding.per_seed:
                per_seed[name, target] = dict(zip(finding.seeds, finding.per_seed, strict=True))
    seeds = _common(evidence, list(per_seed.values()))
    cells = list(per_seed) if seeds else []
    table = np.array([[per_seed[cell][seed] for cell in cells] for seed in seeds])
    slopes, notes = _slopes(table, cells, distances) if cells else ({}, ["no arm and target with a distance is scored"])
    if overlapping:
        notes.append(f"not counted, since the arm has seen the target's training data: {', '.join(overlapping)}")
    if gains.uneven:
        notes.append(
            f"arms have seen labels in different languages ({', '.join(gains.uneven)}), so that their gains are means "
            "over different ones"
        )
    return DomainGains(
        distances=distances,
        gains={cell: float(table[:, place].mean()) for place, cell in enumerate(cells)},
        seeds=seeds,
        slopes=slopes,
        notes=tuple(notes),
    )


def _common(evidence: Evidence, per_seed: Sequence[Mapping[int, float]]) -> tuple[int, ...]:
    common = set.intersection(*(set(own) for own in per_seed)) if per_seed else set()
    return tuple(seed for seed in evidence.study.seeds.intermediate if seed in common)


def _slopes(
    table: np.ndarray, cells: Sequence[Cell], distances: Domains
) -> tuple[dict[tuple[str, str], CellSlope], list[str]]:
    found, notes = {}, []
    for measure in MEASURES:
        values = {
            (arm, target): distance
            for target, own in distances.targets.items()
            if measure in own.by_measure()
            for arm, distance in own.by_measure()[measure].arms.items()
        }
        known = [place for place, cell in enumerate(cells) if cell in values]
        for within, arms_too in WITHIN.items() if known else ():
            try:
                found[measure, within] = cell_slope(
                    table[:, known], [cells[place] for place in known], values, arms_too=arms_too
                )
            except StatisticsError as error:
                notes.append(f"{measure}, within {within} no slope: {error}")
    return found, notes
