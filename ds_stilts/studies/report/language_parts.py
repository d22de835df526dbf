"""The parts of a report with gains by language: the heat map, single targets, and kinds of languages."""

from collections.abc import Collection, Iterable

from ds_stilts.report.facts import LanguageFacts, language_facts, word_order_key
from ds_stilts.report.heatmap import diverging_step
from ds_stilts.report.kinds import KINDS
from ds_stilts.report.numbers import NOTHING, signed
from ds_stilts.studies.guards import FEWEST_LANGUAGES
from ds_stilts.studies.report.document import Block, Fold, Part, Table, Td, note
from ds_stilts.studies.report.gains import ArmGains, Gain, Gains, language_targets
from ds_stilts.studies.report.overlap import FOOTNOTE, mark_of
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import gain_td, kept_labels, limit_of

RATE = 0.05
"""False discovery rate below which a language's gain is marked."""


def languages_part(report: StudyReport) -> Part:
    """Arm × language, then each target's."""
    gains, num_arms = report.gains, len(report.study.arms)
    codes = dict.fromkeys(code for one in gains.arms.values() for code in one.languages)
    everything = [gain for one in gains.arms.values() for gain in one.languages.values()]
    limit = limit_of(gain.finding for gain in everything)
    rows: list[tuple[Td, ...]] = []
    for order, facts in _by_order(codes):
        rows.append((Td(text=order),))
        for one in facts:
            seen = gains.not_zero_shot.get(one.code, ())
            who = () if not seen else ("labels seen" if len(seen) == num_arms else f"labels seen: {', '.join(seen)}",)
            tiles = [
                _tile(arm.languages.get(one.code), limit, _mark(report, arm, one.code)) for arm in gains.arms.values()
            ]
            rows.append((_language_td(one, *who), *tiles))
    mark = "*" if any(map(_is_sure, everything)) else "No gain is marked: *"
    blocks: list[Block] = [
        Table(
            id="map",
            caption=f"Gain over “{gains.baseline}” in points, mean over the targets that have the language",
            head=("Language", *gains.arms),
            rows=tuple(rows),
            is_map=True,
            limit=limit,
        ),
        note(
            f"{mark} false discovery rate below {RATE:.0%} over the whole map (Benjamini and Hochberg). Labels seen: "
            f"not zero-shot, and left out of means{kept_labels(gains)}."
        ),
        Fold(title="The languages of each target", blocks=tuple(_target_maps(report, limit))),
    ]
    if gains.overlaps:
        blocks.append(note(f"{FOOTNOTE} A mean holds such a target only where no other has the language."))
    return Part(id="languages", title="Gain by language", short="Languages", blocks=tuple(blocks))


def _language_td(facts: LanguageFacts, *sub: str) -> Td:
    name = facts.name if facts.code in facts.name.split() else f"{facts.name} {facts.code}"
    return Td(text=name, sub=sub, title=f"{facts.family}, {facts.script}")


def _by_order(codes: Iterable[str]) -> list[tuple[str, list[LanguageFacts]]]:
    groups: dict[str, list[LanguageFacts]] = {}
    for facts in sorted(map(language_facts, codes), key=LanguageFacts.sort_key):
        groups.setdefault(facts.word_order, []).append(facts)
    return list(groups.items())


def _is_sure(gain: Gain) -> bool:
    return gain.adjusted_p is not None and gain.adjusted_p < RATE


def _mark(report: StudyReport, one: ArmGains, language: str) -> str:
    gains = report.gains
    return mark_of(gains.overlaps, (one.arm, gains.baseline), language_targets(one, language, gains.common))


def _mark_of_all(report: StudyReport, one: ArmGains) -> str:
    """Of a mean over all targets that an arm has finished, as there is none that all arms share without overlap."""
    return mark_of(report.gains.overlaps, (one.arm, report.gains.baseline), one.targets)


def _tile(gain: Gain | None, limit: float, mark: str) -> Td:
    if gain is None or gain.finding.estimate is None:
        return Td(text=NOTHING)
    value = gain.finding.estimate
    return Td(text=f"{signed(value, 1)}{'*' if _is_sure(gain) else ''}{mark}", step=diverging_step(value, limit))


def _target_maps(report: StudyReport, limit: float) -> Iterable[Block]:
    arms = report.gains.arms.values()
    for place, target in enumerate(report.study.targets, start=1):
        codes = dict.fromkeys(cell[1] for one in arms for cell in one.cells if cell[0] == target)
        if not codes:
            continue
        marks = [mark_of(report.gains.overlaps, (one.arm, report.gains.baseline), [target]) for one in arms]
        rows = []
        for facts in (one for _, group in _by_order(codes) for one in group):
            own = [(arm.cells.get((target, facts.code)), mark) for arm, mark in zip(arms, marks, strict=True)]
            tiles = [_tile(Gain(finding=finding) if finding else None, limit, mark) for finding, mark in own]
            rows.append((_language_td(facts), *tiles))
        yield Table(
            id=f"map-{place}",
            caption=f"{target}, points",
            head=("Language", *report.gains.arms),
            rows=tuple(rows),
            is_map=True,
            limit=limit,
        )


def kinds_part(report: StudyReport) -> Part:
    """Word order, family, script, resource class."""
    gains = report.gains
    limit = limit_of(finding for one in gains.arms.values() for finding in one.kinds.values())
    tables = [_kind_table(report, by, limit) for by in KINDS]
    is_small = any(len(languages) < FEWEST_LANGUAGES for languages in gains.kinds.values())
    blocks: list[Block] = [
        Fold(title=f"By {by}", blocks=(table,), is_open=by in ("word order", "resource class"))
        for by, table in zip(KINDS, tables, strict=True)
    ]
    if gains.overlaps and not gains.common:
        blocks.append(note(FOOTNOTE))
    if is_small:
        blocks.append(note("‡ One or two languages: nothing can be said of their kind, only of them."))
    blocks.append(
        note(
            "Resource class: of Joshi et al. 2020, 0 (left behind) to 5 (winners); of made-up languages their share of "
            "the text. Kinds differ in more than their name says: a difference between them is not yet an effect of it."
        )
    )
    return Part(id="kinds", title="Kinds of languages", short="Kinds", blocks=tuple(blocks))


def _kind_table(report: StudyReport, by: str, limit: float) -> Table:
    gains = report.gains
    own = {kind: languages for (fact, kind), languages in gains.kinds.items() if fact == by}
    rows = []
    for kind in sorted(own, key=word_order_key if by == "word order" else _alphabetical):
        cells = [
            gain_td(
                one.kinds.get((by, kind)),
                limit,
                mark="" if gains.common else _mark_of_all(report, one),
                lacking=_lacking(gains, one, own[kind]),
            )
            for one in gains.arms.values()
        ]
        few = "‡" if len(own[kind]) < FEWEST_LANGUAGES else ""
        number = Td(text=f"{len(own[kind])}{few}", title=", ".join(own[kind]))
        rows.append((Td(text=kind), number, *cells))
    return Table(
        id=f"kinds-{KINDS.index(by) + 1}",
        caption=f"Mean gain over “{gains.baseline}” by {by}, in points; intervals are not corrected for their number.",
        head=(by.capitalize(), "Languages", *gains.arms),
        rows=tuple(rows),
    )


def _lacking(gains: Gains, one: ArmGains, languages: Collection[str]) -> str:
    """Why an arm has no mean over these languages."""
    has_labels = all(one.arm in gains.not_zero_shot.get(code, ()) for code in languages)
    return "labels seen" if has_labels else "not finished"


def _alphabetical(kind: str) -> tuple[int, str]:
    return int(kind == "unknown"), kind
