"""Everything that a study's report shows, as plain values: computed once, written as `report.json`.

The two sentences at the top live here: what was asked is the study's, what was found is made of the verdicts.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ds_stilts.report.numbers import count, signed, signed_between
from ds_stilts.studies.claims.claims_file import Claims
from ds_stilts.studies.claims.judge import ClaimResult, judge_claims
from ds_stilts.studies.report import costs as ledgers
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.contrasts import Answered, judge_contrasts, question_contrasts
from ds_stilts.studies.report.domains import DomainGains, domain_gains
from ds_stilts.studies.report.estimates import answer
from ds_stilts.studies.report.gains import Gains, compare, gains
from ds_stilts.studies.report.gradients import GradientCosines, gradient_cosines
from ds_stilts.studies.report.integrity import Check, checks
from ds_stilts.studies.report.learning import Learning, learning
from ds_stilts.studies.report.orders import Orders, order_effects
from ds_stilts.studies.report.scaling import Scaled, all_scaling, question_scaling
from ds_stilts.studies.report.secondary import Secondary, question_secondary, secondary
from ds_stilts.studies.report.watched import Watched, watched
from ds_stilts.studies.study import Study

FORMAT = 1
"""Version of the layout of `report.json`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyReport:
    """A study's results, unrounded."""

    study: Study
    verdict: str
    contrasts: Mapping[str, Answered]
    gains: Gains
    scaling: Mapping[str, Scaled]
    """By the name of a scaling."""
    domains: DomainGains | None
    secondary: Secondary
    orders: tuple[Orders, ...]
    learning: Mapping[str, tuple[Learning, ...]]
    """By arm, its phases."""
    checks: tuple[Check, ...]
    costs: ledgers.Costs
    plan: ledgers.Plan
    claims: tuple[ClaimResult, ...]
    claims_title: str
    scored_splits: Mapping[str, tuple[str, ...]]
    """By target."""
    watched: Watched
    gradients: tuple[GradientCosines, ...]


def summarise(evidence: Evidence, claims: Claims) -> StudyReport:
    """Compute everything from a study's rows."""
    study = evidence.study
    questions, compared = question_contrasts(evidence, study.contrasts), compare(evidence)
    beside = question_secondary(evidence, compared)
    # Answered together, from the same draws: what is asked twice has one answer.
    asked = [*questions.to_answer(), *compared.to_answer(evidence), *beside.to_answer(evidence)]
    findings = answer(evidence, [*asked, *question_scaling(evidence)])
    contrasts = judge_contrasts(evidence, questions, findings, study.statistics)
    found = gains(evidence, compared, findings)
    plan = ledgers.plan(evidence)
    return StudyReport(
        study=study,
        verdict=verdict(contrasts, plan),
        contrasts=contrasts,
        gains=found,
        scaling=all_scaling(evidence, findings),
        domains=domain_gains(evidence, found),
        secondary=secondary(evidence, beside, findings),
        orders=order_effects(evidence, found),
        learning=learning(evidence.runs, evidence.folder),
        checks=checks(evidence, found),
        costs=ledgers.costs(evidence),
        plan=plan,
        claims=judge_claims(claims, [evidence]),
        claims_title=f"{claims.title}, {claims.version}",
        scored_splits={target: _splits(evidence, target) for target in study.targets},
        watched=watched(evidence),
        gradients=gradient_cosines(evidence),
    )


def _splits(evidence: Evidence, target: str) -> tuple[str, ...]:
    return tuple(
        sorted(
            {
                split
                for arm in evidence.study.arms
                for seed in evidence.scored.get((arm, target), {}).values()
                for one in seed
                for split in one.splits.values()
            }
        )
    )


def verdict(contrasts: Mapping[str, Answered], plan: ledgers.Plan) -> str:
    """One sentence: what became of the confirmatory predictions; without any, of all predictions, then of estimates."""
    kinds = (
        ("confirmatory prediction", [one for one in contrasts.values() if one.contrast.confirmatory]),
        ("exploratory prediction", [one for one in contrasts.values() if one.contrast.predicted]),
        ("unpredicted contrast", list(contrasts.values())),
    )
    noun, told = next((noun, found) for noun, found in kinds if found)
    counts: Counter[str] = Counter(one.judgement.verdict for one in told)
    words = {
        "CONFIRMED": "confirmed", "REFUTED": "refuted", "INCONCLUSIVE": "inconclusive", "NOT RUN": "not run yet",
        "ESTIMATE": "estimated",
    }  # fmt: skip
    lead = ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts[key])
    details = "; ".join(_detail(one) for one in told[:4])
    more = f"; and {len(told) - 4} more below" if len(told) > 4 else ""
    scored, planned = (sum(pair[side] for pair in plan.done.values()) for side in (0, 1))
    half = "" if plan.is_complete else f" The study is not finished: {scored} of {planned} targets are scored."
    return f"Of {count(len(told), noun)}: {lead} ({details}{more}).{half}"


def _detail(one: Answered) -> str:
    judged = one.judgement
    if judged.estimate is None:
        return f"{one.name}: {judged.why}"
    interval = f", {signed_between(judged.interval)}" if judged.interval else ""
    return f"{one.name}: {signed(judged.estimate)}{interval}"


def plain(value: Any) -> Any:
    """A value as JSON holds it: keys of several parts are joined with " / ", what is not finite is null."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            " / ".join(map(str, key)) if isinstance(key, tuple) else str(key): plain(one) for key, one in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
