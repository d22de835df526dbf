"""The parts of a report that say how far to trust it: typology, budget, integrity, plan, claims."""

from ds_stilts.report.numbers import NOTHING, count, duration, points, signed, signed_between
from ds_stilts.studies.report.costs import SHARED, ArmCost
from ds_stilts.studies.report.document import (
    TONES,
    Block,
    Bullets,
    Figure,
    Figures,
    Fold,
    Part,
    Table,
    Td,
    Text,
    note,
    td,
)
from ds_stilts.studies.report.plots import distance_svg
from ds_stilts.studies.report.results import p_text
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.typology import OverLanguages

MEGA = 1e6
JOULES_IN_KWH = 3.6e6


def distance_part(report: StudyReport) -> Part:
    """Gain against typological distance."""
    shown = {name: one.distance for name, one in report.gains.arms.items() if one.distance.languages}
    if not shown:
        why = "; ".join(dict.fromkeys(why for one in report.gains.arms.values() for why in one.distance.notes))
        return Part(id="distance", title="Gain and distance", short="Distance",
                    blocks=(Text(text=f"Not drawn: {why or 'no arm can be compared with the baseline yet'}."),))  # fmt: skip
    edges = [value for one in shown.values() for value in _heights(one)]
    span = (min(0.0, *edges), max(0.0, *edges))
    figures = tuple(
        Figure(caption=name, svg=distance_svg(one, span=span, label=f"Gain over distance, {name}: {_said(one)}"))
        for name, one in shown.items()
    )
    rows = []
    for name, one in shown.items():
        slope, shuffled = one.slope, one.permutation
        rows.append(
            (
                Td(text=name),
                Td(text=signed(slope.estimate if slope else one.finding.estimate),
                   sub=(signed_between(slope.interval),) if slope and slope.interval else ()),
                Td(text=p_text(slope.p if slope else None)),
                Td(text=p_text(shuffled.p if shuffled else None), sub=(f"least {p_text(shuffled.least_p)}",) if shuffled else ()),
                Td(text=str(len(one.languages))),
                Td(text="; ".join([slope.method if slope else "", shuffled.method if shuffled else "", *one.notes]).strip("; ")),
            )
        )  # fmt: skip
    languages = list(dict.fromkeys(code for one in shown.values() for code in one.languages))
    facts = {code: value for one in shown.values() for code, (value, _) in one.languages.items()}
    unknown = dict.fromkeys(code for one in shown.values() for code in one.unknown)
    blocks: list[Block] = [
        Figures(figures=figures),
        note(
            "Each dot is a language (its gain with what tasks and seeds add taken off); the line is least squares through "
            "them with its pointwise 95 % band, which takes languages for independent. The tests below do not: the mixed model "
            "has a random family, and the permutation shuffles within families."
        ),
        Table(
            id="slopes-table",
            caption="Change of the gain with one unit of distance, in points.",
            head=("Arm", "Slope", "p, mixed model", "p, families shuffled", "Languages", "Methods"),
            rows=tuple(rows),
            wide=(5,),
        ),
        Fold(
            title="Gains behind the dots",
            blocks=(
                Table(
                    id="dots-table",
                    caption="Distance and gain of each language, in points.",
                    head=("Language", "Distance", *shown),
                    rows=tuple(
                        (Td(text=code), Td(text=f"{facts[code]:g}"),
                         *(Td(text=signed(one.languages[code][1]) if code in one.languages else NOTHING) for one in shown.values()))
                        for code in languages
                    ),
                ),
            ),
        ),
        note(
            "Distance: of natural languages the syntactic cosine distance of URIEL from English, 0 to 1; of made-up languages "
            "how many of five switches of the grammar differ." + (f" Not known of {', '.join(unknown)}." if unknown else "")
        ),
    ]  # fmt: skip
    return Part(id="distance", title="Gain and typological distance", short="Distance", blocks=tuple(blocks))


def _heights(one: OverLanguages) -> list[float]:
    """What a plot has to hold: every dot and the line; a band may leave the frame."""
    return [gain for _, gain in one.languages.values()] + list(one.line.y if one.line else ())


def _said(one: OverLanguages) -> str:
    return "; ".join(f"{code} at {fact:g}: {signed(gain)}" for code, (fact, gain) in one.languages.items())


def budget_part(report: StudyReport) -> Part:
    """What it cost."""
    costs = report.costs
    rows = []
    for name, one in costs.arms.items():
        label = "start model" if name == SHARED else name
        rows.append((Td(text=label), *_cost_cells(one)))
    blocks: list[Block] = [
        Table(
            id="budget-table",
            caption="Used by the finished stages of each arm, all seeds together; a stage that runs share counts once.",
            head=("Arm", "Stages", "Steps", "Tokens trained on", "Tokens scored", "FLOPs", "Device time", "Energy", "Matched, used", "planned"),
            rows=tuple(rows),
        ),
        note("FLOPs: 6 N a trained and 2 N a scored token, without embedding tables. Energy where the machine's counters can be read."),
    ]  # fmt: skip
    if not costs.matched:
        blocks.append(Text(text="Nothing was matched over arms: what differs between them may be their budget."))
    elif costs.mismatch:
        blocks.append(Text(text=f"Budgets do not agree in {costs.matched}: {costs.mismatch}."))
    elif any(
        one.used is None
        for name, one in costs.arms.items()
        if name in report.study.arms and report.study.arms[name].is_matched
    ):
        blocks.append(Text(text=f"Matched: {costs.matched}, within {costs.tolerance:.0%}; not known of every arm yet."))
    else:
        blocks.append(Text(text=f"Matched: {costs.matched}; what the arms used agrees within {costs.tolerance:.0%}."))
    apart = [f"{name}: {arm.unmatched}" for name, arm in report.study.arms.items() if arm.unmatched]
    blocks += [note(f"Not matched on purpose: {'; '.join(apart)}.")] if apart else []
    return Part(id="budget", title="Budget", short="Budget", blocks=tuple(blocks))


def _cost_cells(one: ArmCost) -> tuple[Td, ...]:
    def whole(value: float | None) -> str:
        return NOTHING if value is None else f"{value:,.0f}"

    sums = one.sums
    flops = [sums.get("flops"), sums.get("scoring_flops")]
    energy = sums.get("energy_j")
    return td(
        f"{one.done} of {one.planned}",
        whole(sums.get("steps")),
        whole(sums.get("tokens")),
        whole(sums.get("scored_tokens")),
        NOTHING if None in flops else f"{sum(value for value in flops if value is not None):.2e}",
        duration(sums.get("device_s")),
        NOTHING if energy is None else f"{energy / JOULES_IN_KWH:.3f} kWh",
        whole(one.used),
        whole(one.planned_amount),
    )


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
        id="integrity-table", caption="Checks, from recipes and rows.", head=("Check", "Result", "Found"), rows=rows,
        text_columns=3, wide=(2,),
    )  # fmt: skip
    return Part(id="integrity", title="Integrity", short="Integrity", blocks=(table,))


def plan_part(report: StudyReport) -> Part:
    """Planned against done."""
    plan, study = report.plan, report.study
    if plan.problem:
        locked = f"The lock counts for nothing: {plan.problem}."
    elif not plan.locked:
        locked = "Not locked: hypotheses were not frozen before the runs, so read confirmatory as declared, not as registered."
    else:
        after = (
            f", after {count(plan.scored_before, 'target')} had scores"
            if plan.scored_before
            else ", before any target was scored"
        )
        locked = f"Locked on {plan.locked}{after} (sha256 {plan.hash[:16]}…)."
        locked += (
            f" Changed since: {plan.changed}." if plan.changed else " Nothing that was declared has changed since."
        )
    rows = tuple(
        (Td(text=name, sub=(study.arms[name].role,)), *td(f"{pair[1]}", f"{pair[0]}"))
        for name, pair in plan.done.items()
    )
    blocks: list[Block] = [
        Text(text=locked),
        Table(
            id="plan-table",
            caption=f"Targets to score, over {count(len(study.seeds.intermediate), 'seed')}"
            + (f" with {study.seeds.targets_each} target seeds each" if study.seeds.targets_each > 1 else "") + ".",
            head=("Arm", "planned", "scored"),
            rows=rows,
        ),
    ]  # fmt: skip
    if plan.missing:
        blocks += [Text(text="Not done yet, and left out of every number that needs it:"), Bullets(items=plan.missing)]
    told = {name: one.judgement.verdict for name, one in report.contrasts.items()}
    not_run = [name for name, verdict in told.items() if verdict == "NOT RUN"]
    blocks.append(
        note(f"{count(len(told), 'contrast')} declared, {len(told) - len(not_run)} answered"
             + (f"; not run: {', '.join(not_run)}." if not_run else ", none left out and none added."))
    )  # fmt: skip
    if study.unverified:
        blocks += [
            Text(text="Constants that were not verified:"),
            Bullets(items=tuple(f"{k}: {v}" for k, v in study.unverified.items())),
        ]
    notes = [f"{name}: {arm.note}" for name, arm in study.arms.items() if arm.note]
    notes += [f"{name}: {one.note}" for name, one in study.contrasts.items() if one.note]
    blocks += [Bullets(items=tuple(notes))] if notes else []
    return Part(id="plan", title="Planned and done", short="Plan", blocks=tuple(blocks))


def claims_part(report: StudyReport) -> Part:
    """What this study says of published claims."""
    judged = [one for one in report.claims if one.verdict != "NOT RUN"]
    rows = tuple(
        (
            Td(text=one.id),
            Td(text=one.verdict, tone=TONES[one.verdict]),
            Td(text=one.text),
            Td(text=f"{one.why}. Rule: {one.rule}." + (f" Unverified: {one.unverified}." if one.unverified else "")),
        )
        for one in judged
    )
    blocks: list[Block] = [Text(text=f"{report.claims_title}.")]
    if rows:
        head = ("Claim", "Verdict", "Text", "Found, and the rule")
        blocks.append(
            Table(
                id="claims-table",
                caption="Claims that can be judged here.",
                head=head,
                rows=rows,
                text_columns=4,
                wide=(2, 3),
            )
        )
    reasons: dict[str, list[str]] = {}
    for one in report.claims:
        if one.verdict == "NOT RUN":
            reasons.setdefault(one.why, []).append(one.id)
    blocks += [note(f"NOT RUN: {', '.join(ids)}: {why}.") for why, ids in reasons.items()]
    details = [
        (Td(text=f"{one.id} / {name}"), Td(text=part.verdict, tone=TONES[part.verdict]), Td(text=signed(part.estimate),
         sub=(signed_between(part.interval),) if part.interval else ()), *td(p_text(part.adjusted_p), str(part.n or NOTHING), points(part.detectable)))
        for one in judged
        for name, part in one.parts.items()
    ]  # fmt: skip
    if details:
        head = ("Part", "Verdict", "Estimate", "Holm p", "n", "Detectable")
        table = Table(id="parts-table", caption="Parts of the claims.", head=head, rows=tuple(details), text_columns=2)
        blocks.append(Fold(title="Parts of the claims", blocks=(table,)))
    return Part(id="claims", title="Published claims", short="Claims", blocks=tuple(blocks))
