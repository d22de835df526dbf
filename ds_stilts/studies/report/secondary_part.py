"""The part of a report with measures beside the primary one: the gap of transfer, and calibration by language."""

from collections.abc import Iterable, Mapping

from ds_stilts.evaluation.calibration import NUM_BINS
from ds_stilts.report.facts import LanguageFacts, language_facts
from ds_stilts.studies.report.document import Block, Fold, Part, Table, Td, note
from ds_stilts.studies.report.secondary import Measured
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import level_td, method_of, methods_notes, values_note

_WHERE = (
    "These measures are descriptive: no verdict rests on them, and their intervals are not corrected for their number. "
    "The other secondary measures are the means of groups (under “What the mean is made of” and “Kinds of languages”) "
    "and worst language, worst decile and SD over languages (under “Fair aggregates”)."
)
_GAP = (
    "Transfer gap: the source language (English, or the made-up language that plays it) minus the mean of the other "
    "languages, of each target, then the mean over targets. Less is better, but it also shrinks where the source "
    "language gets worse: see its column."
)
_ERROR = (
    f"Calibration error: expected calibration error (Guo et al. 2017) in {NUM_BINS} bins; less is better. Of few rows "
    "it is too high, in all arms alike. It is no sum over items: its intervals cover seeds only."
)


def secondary_part(report: StudyReport) -> Part:
    """Arm × measure, then calibration by language."""
    found = report.secondary
    shown: dict[str, Mapping[str, Measured]] = {}
    if found.gap_targets:
        shown |= {"source language": found.source, "other languages": found.others, "transfer gap": found.gap}
    if found.calibrated_targets:
        shown["calibration error"] = found.calibration
    rows = [(_arm_td(report, name), *(_td(measure[name]) for measure in shown.values())) for name in report.study.arms]
    table = Table(
        id="secondary-table",
        caption="Each arm: value in percent (of the gap in points), change over the baseline, and its 95 % interval.",
        head=("Arm", *shown),
        rows=tuple(rows),
    )
    changes = [one.change for measure in shown.values() for one in measure.values() if one.change is not None]
    blocks: list[Block] = [
        *([table] if shown else []),
        *([_by_language(report)] if found.calibrated_targets else []),
        note(_WHERE),
        *values_note(report.gains),
        note(f"{_GAP} {_over(found.gap_targets, 'is scored in the source language, so there is no gap')}"),
        note(f"{_ERROR} {_over(found.calibrated_targets, 'has rows with a confidence, so there is no such error')}"),
        *methods_notes(map(method_of, changes)),
    ]
    return Part(id="secondary", title="Secondary measures", short="Secondary", blocks=tuple(blocks))


def _over(targets: Iterable[str], lacking: str) -> str:
    """Which targets of the overall mean have a measure; what none of them has."""
    named = ", ".join(targets)
    return f"Over {named}." if named else f"No target of the overall mean {lacking}."


def _arm_td(report: StudyReport, name: str) -> Td:
    return Td(text=name, sub=("baseline",) if name == report.gains.baseline else ())


def _td(one: Measured) -> Td:
    return level_td(one.level, one.change)


def _by_language(report: StudyReport) -> Fold:
    found, arms = report.secondary, tuple(report.study.arms)
    facts = {language_facts(code) for code, _ in found.by_language}
    rows = []
    for one in sorted(facts, key=LanguageFacts.sort_key):
        seen = report.gains.not_zero_shot.get(one.code, ())
        who = () if not seen else ("labels seen" if len(seen) == len(arms) else f"labels seen: {', '.join(seen)}",)
        rows.append(
            (Td(text=one.code, sub=who, title=one.name), *(_td(found.by_language[one.code, name]) for name in arms))
        )
    table = Table(
        id="calibration-table",
        caption="Expected calibration error in percent, mean over the targets that have the language; change over the "
        "baseline, and its 95 % interval.",
        head=("Language", *arms),
        rows=tuple(rows),
    )
    return Fold(title="Calibration error by language", blocks=(table,))
