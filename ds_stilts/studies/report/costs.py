"""What each arm cost, from the ledgers of its stages; what was to be matched; and how much of the plan is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds_stilts.errors import UserError
from ds_stilts.studies.budget import mismatch
from ds_stilts.studies.cells import stage_folders, used_amounts
from ds_stilts.studies.guards import planned_amounts
from ds_stilts.studies.ledger import read_ledger, summed
from ds_stilts.studies.lock import changes_since, declared_hash, read_lock
from ds_stilts.studies.plan import arm_costs
from ds_stilts.studies.report.collect import Evidence

SHARED = "start"
"""Row of what all arms begin with."""


@dataclass(frozen=True, kw_only=True)
class ArmCost:
    """The stages of one arm, over all seeds; a stage that several runs share is counted once."""

    done: int
    planned: int
    sums: Mapping[str, float | None]
    """Totals of the ledgers' entries (`ledger.SUMMED`); None where one stage does not say."""
    used: int | None = None
    """Of the matched quantity, the mean over seeds."""
    planned_amount: int | None = None


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The ledger."""

    arms: Mapping[str, ArmCost]
    matched: str
    """What was to be equal; "" where nothing was."""
    tolerance: float
    mismatch: str
    """A sentence where arms differ by more than that."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was planned, and what of it there is."""

    locked: str
    """When; "" where it was not."""
    hash: str
    scored_before: int
    """Targets that had scores when it was locked."""
    changed: str
    """What the study declares otherwise than its lock."""
    problem: str
    """Why the lock counts for nothing; "" where it does."""
    done: Mapping[str, tuple[int, int]]
    """By arm: targets that are scored, and that were planned, over all seeds."""
    missing: tuple[str, ...]
    """Clauses: which seeds of which arm lack which targets."""

    @property
    def is_complete(self) -> bool:
        return not self.missing


def costs(evidence: Evidence) -> Costs:
    """Read the ledgers."""
    study, folder = evidence.study, evidence.folder
    stages: dict[str, dict[Path, dict[str, Any]]] = {}
    for _, stage, place in stage_folders(study, folder):
        kind, *names = stage.split("/")
        own = stages.setdefault(SHARED if kind == "start" else names[0], {})
        own[place.resolve()] = read_ledger(place)
    budget = study.budget
    used = used_amounts(study, folder, budget) if budget else {}
    planned = planned_amounts(study, arm_costs(study, evidence.runs)) if budget else {}
    odd = mismatch(used, budget) if budget else None
    return Costs(
        arms={
            name: ArmCost(
                done=sum(bool(ledger) for ledger in stages[name].values()),
                planned=len(stages[name]),
                sums=summed(ledger for ledger in stages[name].values() if ledger),
                used=used.get(name),
                planned_amount=planned.get(name),
            )
            for name in [SHARED, *study.arms]
            if name in stages
        },
        matched=f"{budget.match} of {'intermediate phases' if budget.over == 'intermediate' else 'all training'}"
        if budget
        else "",
        tolerance=budget.tolerance if budget else 0.0,
        mismatch=f"{odd[0]} used {odd[2]:.1%} more than {odd[1]}: these two are not comparable" if odd else "",
    )


def plan(evidence: Evidence) -> Plan:
    """Hold what is there against what was planned and locked."""
    study = evidence.study
    lock, problem = None, ""
    try:
        lock = read_lock(evidence.folder)
    except UserError as error:
        problem = str(error)
    done = {
        name: (
            sum(cell.is_done for cell in evidence.cells if cell.arm == name),
            sum(cell.arm == name for cell in evidence.cells),
        )
        for name in study.arms
    }
    return Plan(
        locked=lock["locked"] if lock else "",
        hash=lock["hash"] if lock else declared_hash(study),
        scored_before=lock["scored_before"] if lock else 0,
        changed=changes_since(lock, study) if lock else "",
        problem=problem,
        done=done,
        missing=tuple(_missing(evidence)),
    )


def _missing(evidence: Evidence) -> list[str]:
    """Seeds of an arm that lack the same targets are one clause."""
    lacking: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    by_seed: dict[tuple[str, str], list[str]] = {}
    for cell in evidence.cells:
        if not cell.is_done:
            by_seed.setdefault((cell.arm, cell.seed.label), []).append(cell.target)
    for (name, seed), targets in by_seed.items():
        lacking.setdefault((name, tuple(targets)), []).append(seed)
    found = []
    for (name, lacks), seeds in lacking.items():
        which = "no target is" if len(lacks) == len(evidence.study.targets) else f"{', '.join(lacks)} not"
        found.append(f"{name}, seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {which} scored")
    return found
