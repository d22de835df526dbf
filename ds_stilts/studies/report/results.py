"""The parts of a report that show what was found: contrasts, gains, languages, kinds, decomposition, fairness."""

from collections.abc import Iterable
from statistics import fmean

from ds_stilts.report.facts import LanguageFacts, language_facts
from ds_stilts.report.heatmap import difference_limit, diverging_step
from ds_stilts.report.kinds import KINDS
from ds_stilts.report.numbers import NOTHING, count, points, signed, signed_between
from ds_stilts.statistics.bootstrap import Interval
from ds_stilts.studies.guards import FEWEST_LANGUAGES
from ds_stilts.studies.report.contrasts import Answered
from ds_stilts.studies.report.document import TONES, Block, Bullets, Figure, Figures, Fold, Part, Table, Td, Text, note
from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.report.gains import FAIR, Gain, Gains
from ds_stilts.studies.report.plots import Bar, forest_svg
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.sections import Contrast, Prediction
from ds_stilts.tasks import get_task

FAIR_WORDS = {
    "worst_language": "worst language",
    "worst_decile": "worst decile",
    "family_mean": "families alike",
    "sd_over_languages": "SD over languages",
    "gini": "Gini",
}
RATE = 0.05
"""False discovery rate below which a language's gain is marked."""


def p_text(p: float | None) -> str:
    """ "0.012", "< 0.001"; an en dash for None."""
    return NOTHING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def contrasts_part(report: StudyReport) -> Part:
    """Every declared contrast with its verdict, and the forest plot."""
    answered = list(report.contrasts.values())
    rows = [_contrast_row(one) for one in answered]
    blocks: list[Block] = [
        Table(
            id="contrasts-table",
            caption="Declared contrasts, in points of the primary metric "
            f"({report.study.aggregate.replace('_', ' ')} over languages, then the mean over targets).",
            head=(
                "Contrast",
                "Verdict",
                "Arms",
                "Over",
                "Predicted",
                "Estimate",
                "p",
                "Holm p",
                "n",
                "Rule, and what was found",
            ),
            rows=tuple(rows),
            text_columns=5,
            wide=(9,),
        ),
        *_forests(answered),
        note("n: paired seeds, of a slope languages. " + _methods(one.judgement.method for one in answered)),
    ]
    chosen = [f"{one.name}, best of several: {one.chosen}" for one in answered if one.chosen]
    blocks += [Bullets(items=tuple(chosen))] if chosen else []
    return Part(id="contrasts", title="Contrasts and verdicts", short="Contrasts", blocks=tuple(blocks))


def _methods(methods: Iterable[str]) -> str:
    found = [method for method in dict.fromkeys(methods) if method]
    return f"Methods: {'; '.join(found)}." if found else ""


def arms_text(contrast: Contrast) -> str:
    """ "qa − none"."""
    ours = contrast.arm or f"best of {', '.join(contrast.best_of or [])}"
    return f"{ours} − {contrast.against}"


def predicted_text(predicted: Prediction | None) -> str:
    """What was expected, in few words."""
    if predicted is None:
        return NOTHING
    if predicted.sign:
        return "above 0" if predicted.sign == "positive" else "below 0"
    if predicted.number is not None:
        return f"{signed(predicted.number, 1)} ± {predicted.within:g}"
    if predicted.equal_within is not None:
        return f"within ±{predicted.equal_within:g}"
    return f"above {signed(predicted.not_below, 1)}"


def _contrast_row(one: Answered) -> tuple[Td, ...]:
    judged, contrast = one.judgement, one.contrast
    over = [", ".join(one.targets) if len(one.targets) < 4 else count(len(one.targets), "target")]
    over += [f"minus {', '.join(contrast.minus.targets or ['all'])}"] if contrast.minus else []
    over += [f"slope over {contrast.slope}"] if contrast.slope else []
    return (
        Td(text=one.name, sub=("confirmatory" if contrast.confirmatory else "exploratory",)),
        Td(text=judged.verdict, tone=TONES[judged.verdict]),
        Td(text=arms_text(contrast)),
        Td(text="; ".join(over), sub=(count(one.num_languages, "language"),)),
        Td(text=predicted_text(contrast.predicted)),
        _estimate_td(judged.estimate, judged.interval),
        Td(text=p_text(judged.p)),
        Td(text=p_text(judged.adjusted_p)),
        Td(text=str(judged.n) if judged.n else NOTHING),
        Td(text=f"{judged.rule}: {judged.why}"),
    )


def _estimate_td(estimate: float | None, interval: Interval | None, *more: str) -> Td:
    sub = ((signed_between(interval),) if interval else ()) + tuple(one for one in more if one)
    return Td(text=signed(estimate), sub=sub)


def _forests(answered: list[Answered]) -> list[Block]:
    """Slopes have another unit, and an axis of their own."""
    figures = []
    for slopes in (False, True):
        own = [one for one in answered if one.judgement.estimate is not None and bool(one.contrast.slope) == slopes]
        if not own:
            continue
        bars = [
            Bar(
                label=f"{one.name}: {arms_text(one.contrast)}  {one.judgement.verdict}",
                verdict=one.judgement.verdict,
                estimate=one.judgement.estimate or 0.0,
                interval=one.judgement.interval,
                band=_band(one.contrast.predicted),
                dots=one.finding.per_seed,
            )
            for one in own
        ]
        unit = "points per unit of the fact" if slopes else "points"
        said = "; ".join(f"{bar.label} {signed(bar.estimate)} {signed_between(bar.interval)}" for bar in bars)
        kind = "Slopes over a fact of the language" if slopes else "Forest plot of the contrasts"
        figures.append(
            Figure(caption=f"{kind}, 95 % intervals.", svg=forest_svg(bars, label=f"{kind}: {said}", unit=unit))
        )
    if not figures:
        return []
    key = (
        "Filled circle: confirmed; square: refuted; ring: inconclusive; diamond: an estimate without prediction. Small "
        "dots: single seeds. Shaded: what was predicted, where that is a range. Below 0 is to the left of the heavy line."
    )
    return [Figures(figures=tuple(figures)), note(key)]


def _band(predicted: Prediction | None) -> Interval | None:
    if predicted is None:
        return None
    if predicted.number is not None and predicted.within is not None:
        return predicted.number - predicted.within, predicted.number + predicted.within
    return (-predicted.equal_within, predicted.equal_within) if predicted.equal_within is not None else None


def gains_part(report: StudyReport) -> Part:
    """Arm × task, and the seeds behind the overall means."""
    gains = report.gains
    limit = _limit(gain.finding for one in gains.arms.values() for gain in one.targets.values())
    rows = []
    for target in report.study.targets:
        row = [_target_td(report, target), Td(text=points(gains.targets.get((gains.baseline, target))))]
        for name, one in gains.arms.items():
            mark = "†" if (name, target) in gains.overlaps or (gains.baseline, target) in gains.overlaps else ""
            row.append(_gain_td(one.targets.get(target), limit, mark))
        rows.append(tuple(row))
    means = [Td(text=f"mean of {count(len(gains.common), 'target')}", sub=(_mean_words(gains),))]
    means.append(Td(text=points(gains.levels.get((gains.baseline, "mean")))))
    rows.append(tuple([*means, *(_gain_td(one.overall, limit) for one in gains.arms.values())]))
    if any(one.with_overlap for one in gains.arms.values()):
        apart = [_gain_td(one.with_overlap, limit) for one in gains.arms.values()]
        rows.append((Td(text="mean with overlap", sub=("all finished targets, †",)), Td(text=NOTHING), *apart))
    blocks: list[Block] = [
        Table(
            id="gains-table",
            caption=f"Mean gain over “{gains.baseline}” in points, over languages that are zero-shot in both arms; below "
            "it the 95 % interval, Holm's p over this table, and the paired seeds.",
            head=("Target", f"{gains.baseline}, %", *gains.arms),
            rows=tuple(rows),
            limit=limit,
        ),
        note(_methods(_method(one.overall.finding) for one in gains.arms.values())),
    ]
    if gains.overlaps:
        said = "; ".join(f"{arm} / {target}: {what}" for (arm, target), what in gains.overlaps.items())
        blocks.append(note(f"† The arm's intermediate tasks hold the target's training data ({said})."))
    if gains.labelled:
        blocks.append(
            note(f"Labels were seen in every compared language of {', '.join(gains.labelled)}: not zero-shot.")
        )
    blocks += _notes(gains)
    blocks += _strips(report)
    return Part(id="gains", title="Gain by target", short="Targets", blocks=tuple(blocks))


def _mean_words(gains: Gains) -> str:
    return "without overlap, in every arm" if gains.overlaps else "finished in every arm"


def _target_td(report: StudyReport, target: str) -> Td:
    task = get_task(target)
    splits = ", ".join(report.scored_splits.get(target, ()))
    return Td(
        text=target, sub=(f"{' and '.join(task.value_metrics)}{f', {splits}' if splits else ''}",), title=task.title
    )


def _gain_td(gain: Gain | None, limit: float, mark: str = "") -> Td:
    if gain is None or gain.finding.estimate is None:
        return Td(text=NOTHING, tone="none", sub=("not finished",))
    found, finding = gain.finding.found, gain.finding
    p = f"p {p_text(gain.adjusted_p)}, " if gain.adjusted_p is not None else ""
    return Td(
        text=f"{signed(finding.estimate)}{mark}",
        sub=((signed_between(found.interval),) if found and found.interval else ()) + (f"{p}n {len(finding.seeds)}",),
        step=diverging_step(finding.estimate, limit),
    )


def _limit(findings: Iterable[Finding]) -> float:
    return difference_limit([one.estimate for one in findings if one.estimate is not None])


def _method(finding: Finding) -> str:
    return finding.found.method if finding.found else ""


def _notes(gains: Gains) -> list[Block]:
    said: dict[str, list[str]] = {}
    for name, one in gains.arms.items():
        for finding in [one.overall.finding, *(gain.finding for gain in one.targets.values())]:
            if finding.note:
                said.setdefault(finding.note, []).append(name)
    return [note(f"{', '.join(dict.fromkeys(names))}: {text}.") for text, names in said.items()]


def _strips(report: StudyReport) -> list[Block]:
    """Each seed's overall gain."""
    gains = report.gains
    shown = {name: one.overall.finding for name, one in gains.arms.items() if one.overall.finding.per_seed}
    if not shown:
        return []
    bars = [
        Bar(
            label=name, verdict="ESTIMATE", estimate=finding.estimate or 0.0,
            interval=finding.found.interval if finding.found else None, band=None, dots=finding.per_seed,
        )
        for name, finding in shown.items()
    ]  # fmt: skip
    said = "; ".join(f"{name} {', '.join(signed(value) for value in one.per_seed)}" for name, one in shown.items())
    table = Table(
        id="seeds-table",
        caption="Overall mean gain of each seed, in points.",
        head=("Seed", *shown),
        rows=(
            *(
                (Td(text=str(seed)), *(Td(text=_of_seed(finding, seed)) for finding in shown.values()))
                for seed in report.study.seeds.intermediate
            ),
            (
                Td(text="SD over seeds"),
                *(Td(text=points(one.seed_sd if len(one.per_seed) > 1 else None)) for one in shown.values()),
            ),
        ),
    )
    figure = Figure(
        caption="Every seed: overall gain (dots), their mean (diamond) and its 95 % interval.",
        svg=forest_svg(bars, label=f"Gains of single seeds: {said}", unit="points"),
    )
    return [Figures(figures=(figure,)), table]


def _of_seed(finding: Finding, seed: int) -> str:
    return signed(finding.per_seed[finding.seeds.index(seed)]) if seed in finding.seeds else NOTHING


def languages_part(report: StudyReport) -> Part:
    """Arm × language heat map, and each target's."""
    gains = report.gains
    codes = list(dict.fromkeys(code for one in gains.arms.values() for code in one.languages))
    limit = _limit(gain.finding for one in gains.arms.values() for gain in one.languages.values())
    marked = any(_is_sure(gain) for one in gains.arms.values() for gain in one.languages.values())
    rows: list[tuple[Td, ...]] = []
    for order, facts in _by_order(codes):
        rows.append((Td(text=order, tone="group"),))
        for one in facts:
            seen = gains.not_zero_shot.get(one.code, ())
            label = Td(text=f"{one.name} {one.code}", title=f"{one.family}, {one.script}",
                       sub=(("every arm: " if len(seen) == len(report.study.arms) else f"{', '.join(seen)}: ") + "labels seen",) if seen else ())  # fmt: skip
            rows.append((label, *(_tile(arm.languages.get(one.code), limit) for arm in gains.arms.values())))
    blocks: list[Block] = [
        Table(
            id="map",
            caption=f"Gain over “{gains.baseline}” by language, points, mean over the targets that have it",
            head=("Language", *gains.arms),
            rows=tuple(rows),
            is_map=True,
            limit=limit,
        ),
        note(
            f"{'* ' if marked else 'No gain is marked by *: '}false discovery rate below {RATE:.0%} over the whole map "
            "(Benjamini and Hochberg). Labels seen: not zero-shot, and in no mean."
        ),
        Fold(title="Each target's languages", blocks=tuple(_target_maps(report, limit))),
    ]
    return Part(id="languages", title="Gain by language", short="Languages", blocks=tuple(blocks))


def _is_sure(gain: Gain) -> bool:
    return gain.adjusted_p is not None and gain.adjusted_p < RATE


def _by_order(codes: Iterable[str]) -> list[tuple[str, list[LanguageFacts]]]:
    groups: dict[str, list[LanguageFacts]] = {}
    for facts in sorted(map(language_facts, codes), key=LanguageFacts.sort_key):
        groups.setdefault(facts.word_order, []).append(facts)
    return list(groups.items())


def _tile(gain: Gain | None, limit: float) -> Td:
    if gain is None or gain.finding.estimate is None:
        return Td(text=NOTHING, tone="none")
    value = gain.finding.estimate
    return Td(text=f"{signed(value, 1)}{'*' if _is_sure(gain) else ''}", step=diverging_step(value, limit))


def _target_maps(report: StudyReport, limit: float) -> Iterable[Block]:
    gains = report.gains
    for place, target in enumerate(report.study.targets, start=1):
        codes = list(dict.fromkeys(cell[1] for one in gains.arms.values() for cell in one.cells if cell[0] == target))
        if not codes:
            continue
        rows = []
        for _, facts in _by_order(codes):
            for one in facts:
                own = [arm.cells.get((target, one.code)) for arm in gains.arms.values()]
                tiles = [_tile(Gain(finding=finding) if finding else None, limit) for finding in own]
                rows.append((Td(text=f"{one.name} {one.code}"), *tiles))
        yield Table(
            id=f"map-{place}", caption=f"{target}, points", head=("Language", *gains.arms), rows=tuple(rows), is_map=True,
            limit=limit,
        )  # fmt: skip


def kinds_part(report: StudyReport) -> Part:
    """Groups of languages."""
    gains = report.gains
    limit = _limit(finding for one in gains.arms.values() for finding in one.kinds.values())
    rows: list[tuple[Td, ...]] = []
    small = False
    for by in KINDS:
        rows.append((Td(text=f"by {by}", tone="group"),))
        for (fact, kind), languages in gains.kinds.items():
            if fact != by:
                continue
            few = len(languages) < FEWEST_LANGUAGES
            small |= few
            cells = [
                _gain_td(Gain(finding=one.kinds[by, kind]) if (by, kind) in one.kinds else None, limit)
                for one in gains.arms.values()
            ]
            rows.append(
                (Td(text=kind), Td(text=f"{len(languages)}{'‡' if few else ''}", title=", ".join(languages)), *cells)
            )
    blocks: list[Block] = [
        Table(
            id="kinds-table",
            caption=f"Mean gain over “{gains.baseline}” by kind of language, in points; intervals are not corrected.",
            head=("Kind", "Languages", *gains.arms),
            rows=tuple(rows),
            limit=limit,
        )
    ]
    if small:
        blocks.append(note("‡ One or two languages: nothing can be said of their kind, only of them."))
    blocks.append(
        note("Kinds differ in more than their name says: a difference between them is not yet an effect of it.")
    )
    return Part(id="kinds", title="Kinds of languages", short="Kinds", blocks=tuple(blocks))


def decomposition_part(report: StudyReport) -> Part:
    """Where the overall mean comes from."""
    gains = report.gains
    limit = _limit(finding for one in gains.arms.values() for finding in [*one.groups.values(), *one.left_out.values()])
    groups = list(dict.fromkeys(group for one in gains.arms.values() for group in one.groups))
    sizes = {group: sum(_group(target) == group for target in gains.common) for group in groups}
    rows: list[tuple[Td, ...]] = [(Td(text="by group of tasks", tone="group"),)] if groups else []
    for group in groups:
        cells = []
        for one in gains.arms.values():
            cell = _gain_td(Gain(finding=one.groups[group]), limit)
            estimate = one.groups[group].estimate
            part = "" if estimate is None else f"adds {signed(estimate * sizes[group] / len(gains.common))}"
            cells.append(Td(text=cell.text, sub=(*cell.sub, part), step=cell.step, tone=cell.tone))
        rows.append((Td(text=group, sub=(count(sizes[group], "target"),)), *cells))
    left = list(dict.fromkeys(target for one in gains.arms.values() for target in one.left_out))
    rows += [(Td(text="overall mean without one target", tone="group"),)] if left else []
    for target in left:
        cells = [_gain_td(Gain(finding=one.left_out[target]), limit) for one in gains.arms.values()]
        rows.append((Td(text=f"without {target}"), *cells))
    blocks: tuple[Block, ...] = (
        Table(
            id="decomposition-table",
            caption="What the overall mean is made of: mean gain of each group of tasks and what it adds to the mean, and "
            "the mean with one target left out, in points.",
            head=("", *gains.arms),
            rows=tuple(rows),
            limit=limit,
        ),
    ) if rows else (Text(text="There is no overall mean yet."),)  # fmt: skip
    return Part(id="decomposition", title="What the mean is made of", short="Decomposition", blocks=blocks)


def _group(target: str) -> str:
    from ds_stilts.studies.report.gains import GROUPS

    return GROUPS[get_task(target).format]


def fairness_part(report: StudyReport) -> Part:
    """What a mean over languages hides."""
    gains = report.gains
    rows = []
    for name in report.study.arms:
        one = gains.arms.get(name)
        cells = [Td(text=points(gains.levels.get((name, "mean"))),
                    sub=(signed(one.overall.finding.estimate),) if one else ("baseline",) if name == gains.baseline else ())]  # fmt: skip
        for aggregate in FAIR:
            finding = one.fair.get(aggregate) if one else None
            digits = 3 if aggregate == "gini" else 2
            sub = ()
            if finding is not None and finding.estimate is not None:
                interval = finding.found.interval if finding.found else None
                sub = (signed(finding.estimate, digits), *((signed_between(interval, digits),) if interval else ()))
            cells.append(Td(text=points(gains.levels.get((name, aggregate)), digits), sub=sub))
        rows.append((Td(text=name), *cells))
    spread = [value for (name, what), value in gains.levels.items() if what == "mean" and value is not None]
    blocks: list[Block] = [
        Table(
            id="fairness-table",
            caption="Each arm over the same targets: value in percent, gain over the baseline and its 95 % interval.",
            head=("Arm", "mean", *(FAIR_WORDS[name] for name in FAIR)),
            rows=tuple(rows),
        ),
        note(
            "Per target over its zero-shot languages, then the mean over targets. Worst decile: mean of the lowest tenth (of "
            "ten or fewer languages the worst). Families alike: each family counts once. Gini: 0 where all languages are "
            "equal. Of SD and Gini less is fairer."
        ),
    ]
    if spread:
        blocks.append(
            note(
                f"The arms' means lie between {points(min(spread))} and {points(max(spread))}, {points(fmean(spread))} on average."
            )
        )
    return Part(id="fairness", title="Fair aggregates", short="Fairness", blocks=tuple(blocks[:2]))
