"""The parts of a report that say how far to trust it: budget, integrity, planned against done, published claims."""

from ds_stilts.report.numbers import NOTHING, count, duration, points
from ds_stilts.studies.report.costs import SHARED, ArmCost, Plan
from ds_stilts.studies.report.document import TONES, Block, Bullets, Fold, Part, Table, Td, Text, note, td
from ds_stilts.studies.report.overlap import MARK
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import estimate_td, p_text

JOULES_IN_KWH = 3.6e6


def budget_part(report: StudyReport) -> Part:
    """What it cost, and whether what was to be equal is."""
    costs, arms = report.costs, report.study.arms
    head = ("Arm", "Stages", "Steps", "Tokens trained on", "Tokens scored", "FLOPs", "Device time", "Energy")
    matched = ("Matched, used", "planned") if costs.matched else ()
    rows = tuple(
        (Td(text="start model" if name == SHARED else name), *_cost_cells(one, with_matched=bool(matched)))
        for name, one in costs.arms.items()
    )
    known = all(one.used is not None for name, one in costs.arms.items() if name in arms and arms[name].is_matched)
    if not costs.matched:
        said = "Nothing was matched over arms: what differs between them may be their budget."
    elif costs.mismatch:
        said = f"Budgets do not agree in {costs.matched}: {costs.mismatch}."
    elif known:
        said = f"Matched: {costs.matched}; what the arms used agrees within {costs.tolerance:.0%}."
    else:
        said = f"To be matched: {costs.matched}, within {costs.tolerance:.0%}; not known of every arm yet."
    apart = "; ".join(f"{name}: {arm.unmatched}" for name, arm in arms.items() if arm.unmatched)
    merged = ", ".join(name for name, arm in arms.items() if arm.is_merged)
    blocks: list[Block] = [
        Text(text=said),
        *([note(f"Not matched on purpose: {apart}.")] if apart else []),
        *([note(f"Merged from other arms, so the matched quantity is theirs: {merged}.")] if merged else []),
        Table(
            id="budget-table",
            caption="Used by the finished stages of each arm, all seeds together; a stage that runs share counts once.",
            head=(*head, *matched),
            rows=rows,
        ),
        note(
            "FLOPs: 6 N a trained and 2 N a scored token, N without embedding tables. Energy: where the machine's "
            "counters can be read. The matched quantity is a mean over seeds."
        ),
    ]
    return Part(id="budget", title="Budget", short="Budget", blocks=tuple(blocks))


def _cost_cells(one: ArmCost, *, with_matched: bool) -> tuple[Td, ...]:
    def whole(value: float | None) -> str:
        return NOTHING if value is None else f"{value:,.0f}"

    sums = one.sums
    flops = [sums.get("flops"), sums.get("scoring_flops")]
    energy = sums.get("energy_j")
    cells = td(
        f"{one.done} of {one.planned}",
        whole(sums.get("steps")),
        whole(sums.get("tokens")),
        whole(sums.get("scored_tokens")),
        NOTHING if None in flops else f"{sum(value for value in flops if value is not None):.2e}",
        duration(sums.get("device_s")),
        NOTHING if energy is None else f"{energy / JOULES_IN_KWH:.3f} kWh",
    )
    return (*cells, *td(whole(one.used), whole(one.planned_amount))) if with_matched else cells


def integrity_part(report: StudyReport) -> Part:
    """What was looked at before believing a number."""
    rows = tuple(
        (
            Td(text=one.title),
            Td(text="fine" if one.is_fine else "look here", tone="good" if one.is_fine else "bad"),
            Td(text=f"{'; '.join(one.found)}."),
        )
        for one in report.checks
    )
    table = Table(
        id="integrity-table",
        caption="Checks, from recipes and rows.",
        head=("Check", "Result", "Found"),
        rows=rows,
        text_columns=3,
        wide=(2,),
    )
    return Part(id="integrity", title="Integrity", short="Integrity", blocks=(table,))


def plan_part(report: StudyReport) -> Part:
    """Planned against done."""
    plan, study = report.plan, report.study
    each = f" with {study.seeds.targets_each} target seeds each" if study.seeds.targets_each > 1 else ""
    blocks: list[Block] = [
        Text(text=_locked(plan)),
        Table(
            id="plan-table",
            caption=f"Targets to score, over {count(len(study.seeds.intermediate), 'seed')}{each}.",
            head=("Arm", "planned", "scored"),
            rows=tuple(
                (Td(text=name, sub=(study.arms[name].role,)), *td(str(planned), str(scored)))
                for name, (scored, planned) in plan.done.items()
            ),
        ),
    ]
    if plan.missing:
        blocks += [Text(text="Not done yet, and left out of every number that needs it:"), Bullets(items=plan.missing)]
    not_run = [name for name, one in report.contrasts.items() if one.judgement.verdict == "NOT RUN"]
    answered = f"{len(report.contrasts) - len(not_run)} answered"
    rest = f"; not run: {', '.join(not_run)}" if not_run else "; none is left out and none was added"
    blocks.append(note(f"{count(len(report.contrasts), 'contrast')} declared, {answered}{rest}."))
    if study.not_verified():
        items = tuple(f"{key}: {text}" for key, text in study.not_verified().items())
        blocks += [Text(text="Constants that were not verified:"), Bullets(items=items)]
    notes = [f"arm {name}: {arm.note}" for name, arm in study.arms.items() if arm.note]
    notes += [f"contrast {name}: {one.note}" for name, one in study.contrasts.items() if one.note]
    blocks += [Text(text="Notes of the study's file:"), Bullets(items=tuple(notes))] if notes else []
    return Part(id="plan", title="Planned and done", short="Plan", blocks=tuple(blocks))


def _locked(plan: Plan) -> str:
    if plan.problem:
        return f"The lock counts for nothing: {plan.problem}."
    if not plan.locked:
        return "Not locked: its hypotheses were not frozen before the runs, so “confirmatory” is its word only."
    when = "before any target was scored"
    if plan.scored_before:
        when = f"after {count(plan.scored_before, 'target')} had scores"
    changed = f"Changed since: {plan.changed}." if plan.changed else "Nothing that was declared has changed since."
    return f"Locked on {plan.locked}, {when} (sha256 {plan.hash[:16]}…). {changed}"


def claims_part(report: StudyReport) -> Part:
    """What this study says of published claims."""
    judged = [one for one in report.claims if one.verdict != "NOT RUN"]
    blocks: list[Block] = [Text(text=f"{report.claims_title}.")]
    if judged:
        rows = tuple(
            (
                Td(text=one.id),
                Td(text=one.verdict, tone=TONES[one.verdict]),
                Td(text=one.text),
                Td(
                    text=f"{one.why}. Rule: {one.rule}." + (f" Unverified: {one.unverified}." if one.unverified else "")
                ),
            )
            for one in judged
        )
        head = ("Claim", "Verdict", "Text", "Found, and the rule")
        caption = "Claims that can be judged here."
        blocks.append(Table(id="claims-table", caption=caption, head=head, rows=rows, text_columns=4, wide=(2, 3)))
    reasons: dict[str, list[str]] = {}
    for one in report.claims:
        if one.verdict == "NOT RUN":
            reasons.setdefault(one.why, []).append(one.id)
    blocks += [note(f"NOT RUN, {', '.join(ids)}: {why}.") for why, ids in reasons.items()]
    details = tuple(
        (
            Td(text=f"{one.id} / {name}", sub=(part.overlap,) if part.overlap else ()),
            Td(text=part.verdict, tone=TONES[part.verdict]),
            estimate_td(part.estimate, part.interval, mark=MARK if part.overlap else ""),
            *td(p_text(part.adjusted_p), str(part.n or NOTHING), points(part.detectable)),
        )
        for one in judged
        for name, part in one.parts.items()
    )
    if details:
        table = Table(
            id="parts-table",
            caption="Parts of the claims.",
            head=("Part", "Verdict", "Estimate", "Holm p", "n", "Detectable"),
            rows=details,
            text_columns=2,
        )
        blocks.append(Fold(title="Parts of the claims", blocks=(table,)))
    return Part(id="claims", title="Published claims", short="Claims", blocks=tuple(blocks))
