"""The parts of a report that look behind an overall mean: what it is made of, and what it hides."""

from ds_stilts.report.numbers import count, signed
from ds_stilts.studies.report.document import Block, Part, Table, Td, Text, note
from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.report.gains import FAIR, group_of
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import gain_td, level_td, limit_of, values_note

FAIR_WORDS = {
    "worst_language": "worst language",
    "worst_decile": "worst decile",
    "family_mean": "families alike",
    "sd_over_languages": "SD over languages",
    "gini": "Gini",
}


def decomposition_part(report: StudyReport) -> Part:
    """Groups of tasks, and the mean with one target left out."""
    gains = report.gains
    arms = gains.arms.values()
    limit = limit_of(finding for one in arms for finding in [*one.groups.values(), *one.left_out.values()])
    rows: list[tuple[Td, ...]] = []
    for group in dict.fromkeys(group for one in arms for group in one.groups):
        size = sum(group_of(target) == group for target in gains.common)
        cells = [
            gain_td(one.groups[group], limit, _adds(one.groups[group], size, len(gains.common))) for one in arms
        ]  # fmt: skip
        rows.append((Td(text=group, sub=(count(size, "target"),)), *cells))
    left = list(dict.fromkeys(target for one in arms for target in one.left_out))
    if left:
        rows.append((Td(text="overall mean without one target"),))
        rows += [
            (Td(text=f"without {target}"), *(gain_td(one.left_out[target], limit) for one in arms)) for target in left
        ]  # fmt: skip
    blocks: tuple[Block, ...] = (Text(text="There is no overall mean yet."),)
    if rows:
        table = Table(
            id="decomposition-table",
            caption="Mean gain of each group of tasks and what it adds to the overall mean; then the mean with one "
            "target left out. Points.",
            head=("Group", *gains.arms),
            rows=tuple(rows),
        )
        blocks = (table,)
    return Part(id="decomposition", title="What the mean is made of", short="Decomposition", blocks=blocks)


def _adds(finding: Finding, size: int, num_targets: int) -> str:
    return "" if finding.estimate is None else f"adds {signed(finding.estimate * size / num_targets)}"


def fairness_part(report: StudyReport) -> Part:
    """The worst language, the worst tenth, families alike, and how unequal languages are."""
    gains = report.gains
    rows = []
    for name in report.study.arms:
        one = gains.arms.get(name)
        found = {"mean": one.overall.finding, **one.fair} if one else {}
        cells = [
            level_td(gains.levels.get((name, aggregate)), found.get(aggregate), 3 if aggregate == "gini" else 2)
            for aggregate in ("mean", *FAIR)
        ]
        rows.append((Td(text=name, sub=("baseline",) if name == gains.baseline else ()), *cells))
    table = Table(
        id="fairness-table",
        caption="Each arm over the same targets: value in percent, gain over the baseline, and its 95 % interval.",
        head=("Arm", "mean", *(FAIR_WORDS[name] for name in FAIR)),
        rows=tuple(rows),
    )
    over = f"; of {', '.join(gains.labelled)} over languages with labels too" if gains.labelled else ""
    text = (
        f"Per target over its zero-shot languages{over}; then the mean over targets. Worst decile: mean of the lowest "
        "tenth, of ten or fewer languages the worst. Families alike: each family counts once. Gini: 0 where all "
        "languages are equal. Of SD and Gini less is fairer."
    )
    blocks: tuple[Block, ...] = (table, note(text), *values_note(gains))
    return Part(id="fairness", title="Fair aggregates", short="Fairness", blocks=blocks)
