"""The part of a report with gains by target, arm by arm, and the seeds behind them."""

from ds_stilts.report.numbers import NOTHING, count, points, signed
from ds_stilts.studies.report.document import Block, Figure, Figures, Part, Table, Td, note
from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.report.gains import Gains
from ds_stilts.studies.report.overlap import MARK, mark_of
from ds_stilts.studies.report.plots import Bar, forest_svg
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import limit_of, method_of, methods_notes, table_td
from ds_stilts.tasks import get_task


def targets_part(report: StudyReport) -> Part:
    """Arm × task, and every seed's overall gain."""
    gains = report.gains
    base, arms = gains.baseline, gains.arms
    limit = limit_of(gain.finding for one in arms.values() for gain in one.targets.values())
    rows = []
    for target in report.study.targets:
        row = [_target_td(report, target), Td(text=points(gains.targets.get((base, target))))]
        for name, one in arms.items():
            row.append(table_td(one.targets.get(target), limit, mark_of(gains.overlaps, (name, base), [target])))
        rows.append(tuple(row))
    words = "without overlap, in every arm" if gains.overlaps else "finished in every arm"
    rows.append(
        (
            Td(text=f"mean of {count(len(gains.common), 'target')}", sub=(words,)),
            Td(text=points(gains.levels.get((base, "mean")))),
            *(table_td(one.overall, limit) for one in arms.values()),
        )
    )
    if any(one.with_overlap for one in arms.values()):
        apart = [table_td(one.with_overlap, limit) for one in arms.values()]
        rows.append((Td(text="mean with overlap", sub=("all finished targets",)), Td(text=NOTHING), *apart))
    blocks: list[Block] = [
        Table(
            id="targets-table",
            caption=f"Mean gain over “{base}” in points, over languages that are zero-shot in both arms; below it the "
            "95 % interval, Holm's p over this table, and the number of paired seeds.",
            head=("Target", f"{base}, %", *arms),
            rows=tuple(rows),
        ),
        *methods_notes(method_of(one.overall.finding) for one in arms.values()),
        *_notes(gains),
        *_strips(report),
    ]
    return Part(id="targets", title="Gain by target", short="Targets", blocks=tuple(blocks))


def _target_td(report: StudyReport, target: str) -> Td:
    task = get_task(target)
    splits = [", ".join(report.scored_splits[target])] if report.scored_splits.get(target) else []
    apart = [] if target in report.study.clean_targets() else ["perturbed, in no mean"]
    return Td(text=target, sub=(", ".join([" and ".join(task.value_metrics), *splits, *apart]),), title=task.title)


def _notes(gains: Gains) -> list[Block]:
    """What must be known of the numbers of single arms."""
    said: dict[str, list[str]] = {}
    for name, one in gains.arms.items():
        for finding in [one.overall.finding, *(gain.finding for gain in one.targets.values())]:
            if finding.note:
                said.setdefault(finding.note, []).append(name)
    found = [f"{', '.join(dict.fromkeys(names))}: {text}." for text, names in said.items()]
    if gains.overlaps:
        cells = "; ".join(f"{arm} / {target}: {what}" for (arm, target), what in gains.overlaps.items())
        found.append(f"{MARK} The arm's intermediate tasks hold the target's training data ({cells}).")
    if gains.uneven:
        by = {code: [name for name in gains.not_zero_shot[code] if name not in gains.labelled] for code in gains.uneven}
        seen = "; ".join(f"{code} by {', '.join(arms)}" for code, arms in by.items())
        found.append(
            f"Labels were seen in {seen}: means of these arms are over fewer languages. “{gains.baseline}, %” is over "
            "those that all arms have."
        )
    if gains.labelled:
        arms = ", ".join(gains.labelled)
        found.append(
            f"Labels were seen in every compared language of {arms}: these gains are not zero-shot, and their means "
            f"are over all languages that “{gains.baseline}” is not trained in."
        )
    return [note(text) for text in found]


def _strips(report: StudyReport) -> list[Block]:
    """Each seed's overall gain, as dots and as numbers."""
    shown = {
        name: one.overall.finding for name, one in report.gains.arms.items() if one.overall.finding.per_seed
    }  # fmt: skip
    if not shown:
        return []
    bars = [
        Bar(
            label=name,
            verdict="ESTIMATE",
            estimate=finding.estimate or 0.0,
            interval=finding.found.interval if finding.found else None,
            band=None,
            dots=finding.per_seed,
        )
        for name, finding in shown.items()
    ]
    said = "; ".join(f"{name} {', '.join(signed(value) for value in one.per_seed)}" for name, one in shown.items())
    spread = [points(one.seed_sd if len(one.per_seed) > 1 else None) for one in shown.values()]
    table = Table(
        id="seeds-table",
        caption="Overall mean gain of each seed, in points.",
        head=("Seed", *shown),
        rows=(
            *(
                (Td(text=str(seed)), *(Td(text=_of_seed(finding, seed)) for finding in shown.values()))
                for seed in report.study.seeds.intermediate
            ),
            (Td(text="SD over seeds"), *(Td(text=value) for value in spread)),
        ),
    )
    figure = Figure(
        caption="Single seeds (dots), their mean (diamond) and its 95 % interval",
        svg=forest_svg(bars, label=f"Gains of single seeds: {said}", unit="points"),
    )
    return [Figures(figures=(figure,)), table]


def _of_seed(finding: Finding, seed: int) -> str:
    return signed(finding.per_seed[finding.seeds.index(seed)]) if seed in finding.seeds else NOTHING
