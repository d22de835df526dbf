"""What runs say of each claim: CONFIRMED, REFUTED, INCONCLUSIVE or NOT RUN, with number, interval, n and rule.

A part of a claim is judged in the first study whose arms, targets, split and start model it is about. Parts that are
judged in one study are corrected together. A claim about what there is asks no run.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ds_stilts.studies.claims.claims_file import Claim, Claims
from ds_stilts.studies.claims.scope import why_not
from ds_stilts.studies.claims.structure import STRUCTURES
from ds_stilts.studies.covariates import UNITS
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.contrasts import judge_contrasts, question_contrasts
from ds_stilts.studies.report.estimates import answer
from ds_stilts.studies.report.verdicts import Judgement, Verdict, rule_text
from ds_stilts.studies.sections import Contrast


@dataclass(frozen=True, kw_only=True)
class ClaimResult:
    """One claim."""

    id: str
    text: str
    version: str
    metric: str
    verdict: Verdict
    why: str
    rule: str
    parts: dict[str, Judgement]
    where: str
    """The study's folder, or "catalogue"; "" where nothing was run."""
    note: str
    unverified: str


def judge_claims(claims: Claims, studies: Sequence[Evidence]) -> tuple[ClaimResult, ...]:
    """Judge every claim of a file.

    Args:
        studies: what was run; none at all leaves the claims about runs NOT RUN.
    """
    wanted = {
        f"{id}/{name}": (claim, part) for id, claim in claims.entries.items() for name, part in claim.parts.items()
    }
    reasons: dict[str, list[str]] = {key: [] for key in wanted}
    judged: dict[str, tuple[Judgement, str]] = {}
    for evidence in studies:
        own: dict[str, Contrast] = {}
        for key, (claim, part) in wanted.items():
            if key in judged:
                continue
            found_on = _splits(evidence, part)
            if reason := why_not(claims, claim, part, evidence.study, evidence.recipes, found_on):
                reasons[key].append(reason)
            else:
                own[key] = part
        questions = question_contrasts(evidence, own)
        findings = answer(evidence, questions.to_answer())
        found = judge_contrasts(evidence, questions, findings, claims.statistics, family=True)
        for key, one in found.items():
            if one.judgement.verdict == "NOT RUN":
                reasons[key].append(one.judgement.why)
            else:
                judged[key] = one.judgement, str(evidence.folder)
    return tuple(_result(claims, id, claim, judged, reasons) for id, claim in claims.entries.items())


def _splits(evidence: Evidence, part: Contrast) -> dict[str, set[str]]:
    """By target, the splits that the rows of a part's arms are of."""
    return {
        target: {
            split
            for arm in part.arms
            for seed in evidence.scored.get((arm, target), {}).values()
            for one in seed
            for split in one.splits.values()
        }
        for target in evidence.study.targets
    }


def _result(
    claims: Claims,
    id: str,
    claim: Claim,
    judged: dict[str, tuple[Judgement, str]],
    reasons: dict[str, list[str]],
) -> ClaimResult:
    common: dict[str, Any] = {
        "id": id, "text": claim.text, "version": claims.version, "metric": claim.metric, "note": claim.note,
        "unverified": claim.unverified,
    }  # fmt: skip
    if claim.structure is not None:
        found = STRUCTURES[claim.structure]()
        return ClaimResult(
            verdict="CONFIRMED" if found.holds else "REFUTED", why=found.found, rule=found.rule, parts={},
            where="catalogue", **common,
        )  # fmt: skip
    rules = {
        name: rule_text(part.predicted, claims.statistics, in_family=True, unit=_unit(part))
        for name, part in claim.parts.items()
    }
    parts = {
        name: judged[key][0]
        if (key := f"{id}/{name}") in judged
        else Judgement(verdict="NOT RUN", remarks=tuple(reasons[key]) or ("no study was given",), rule=rules[name])
        for name in claim.parts
    }
    folders = dict.fromkeys(judged[f"{id}/{name}"][1] for name in parts if f"{id}/{name}" in judged)
    return ClaimResult(
        verdict=_together(claim, parts), why=_why(parts), rule=_rule(claim, rules), parts=parts,
        where=", ".join(folders), **common,
    )  # fmt: skip


def _rule(claim: Claim, rules: dict[str, str]) -> str:
    """The rule of each group; of groups with the same one once."""
    said: dict[str, list[str]] = {}
    for group, names in claim.groups().items():
        of = len(names)
        how_many = "" if of == 1 else f"all {of} " if claim.needed(group) == of else f"{claim.needed(group)} of {of} "
        said.setdefault("; ".join(dict.fromkeys(rules[name] for name in names)), []).append(f"{how_many}{group}")
    return "; ".join(f"{', '.join(groups)}: {rule}" for rule, groups in said.items())


def _unit(part: Contrast) -> str:
    return UNITS[part.slope] if part.slope else "points"


def _together(claim: Claim, parts: dict[str, Judgement]) -> Verdict:
    """Confirmed if every group has as many confirmed parts as it needs; refuted if one cannot have them any more."""
    if all(one.verdict == "NOT RUN" for one in parts.values()):
        return "NOT RUN"
    confirmed, refuted = [], []
    for group, names in claim.groups().items():
        count, needed = Counter(parts[name].verdict for name in names), claim.needed(group)
        confirmed.append(count["CONFIRMED"] >= needed)
        refuted.append(count["REFUTED"] > len(names) - needed)
    return "CONFIRMED" if all(confirmed) else "REFUTED" if any(refuted) else "INCONCLUSIVE"


def _why(parts: dict[str, Judgement]) -> str:
    """Of one part its numbers; of several how many fared how, or why none was run."""
    count = Counter(one.verdict for one in parts.values())
    said = list(dict.fromkeys(one.why for one in parts.values()))
    if len(said) == 1:
        return said[0]
    if count["NOT RUN"] == len(parts):
        return f"{said[0]} (and {len(said) - 1} more such)"
    return ", ".join(f"{number} {verdict}" for verdict, number in count.items())
