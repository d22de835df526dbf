"""The report as Markdown: summary, totals, languages and their kinds, in tables that also line up in a terminal.

Invariants: the numbers are those of the HTML page, from the same `Summary`; a `|`, a line break or markup in a name
cannot break a table. Heat maps, curves and provenance are on the HTML page only.
"""

from collections.abc import Sequence

from ds_stilts.report.kinds import KINDS
from ds_stilts.report.numbers import NOTHING, between, points, signed, signed_between
from ds_stilts.report.summary import ArmResult, Cell, TargetSummary
from ds_stilts.report.sweep import has_sweep, sweep_rows, sweep_sentence
from ds_stilts.report.totals import BenchmarkTotals
from ds_stilts.report.verdict import Summary
from ds_stilts.tasks.task import SEARCHED


def render_markdown(summary: Summary) -> str:
    """The whole file."""
    parts = [
        f"# {_text(summary.name)}",
        _text(summary.verdict),
        "## Summary",
        _summary_table(summary),
        f"Differences are arm minus baseline “{_text(summary.baseline)}”, in points. Trivial: the score of always "
        "answering with the majority class or most frequent tag.",
    ]
    if has_intervals(summary):
        parts.append(INTERVALS)
    if summary.not_scored:
        missing = ", ".join(f"{arm} / {target}" for arm, target in summary.not_scored)
        parts.append(f"Not scored yet: {_text(missing)}.")
    parts += _totals(summary)
    parts += _published(summary)
    for target in summary.targets:
        parts += _target(target, summary)
    parts += _kinds(summary)
    return "\n\n".join(parts) + "\n"


INTERVALS = (
    "Beside or below a number: its 95 % interval over the choice of test items, each drawn with all its languages and "
    "in both arms at once (percentile bootstrap). Another training seed is not covered."
)
GEOMETRY = (
    "Alignment: mean squared distance of gold pairs as unit vectors. Uniformity: log of the mean of exp(−2 d²) over "
    "pairs of texts at distance d (Wang and Isola 2020). Lower is better in both; 0 and about −4 at best."
)
ECE = "ECE: expected calibration error in percent (Guo et al. 2017, 15 bins)."
PUBLISHED = (
    "Means over the languages of the benchmark, zero-shot from English. Hyper-parameters differ, also between sources; "
    "a number's confidence is how it was read."
)


TOTALS = (
    "A task is worth the mean over the benchmark's languages, question answering the mean of exact match and F1; a "
    "total is the mean of tasks, and there is none while a task, a language or an example is missing."
)
KINDS_TEXT = (
    "Means over the languages of each kind: dominant word order, family, script, and the resource class of Joshi et "
    "al. 2020, 0 (left behind) to 5 (winners). Kinds differ in more than their name says, so a difference between them "
    "is not yet an effect of it."
)


def lacking_of(benchmark: BenchmarkTotals) -> dict[str, list[str]]:
    """What keeps arms from a total → those arms."""
    found: dict[str, list[str]] = {}
    for arm, result in benchmark.arms.items():
        if result.missing:
            found.setdefault("; ".join(result.missing), []).append(arm)
    return found


def has_intervals(summary: Summary) -> bool:
    """Whether any score or difference of a target has an interval."""
    results = [result for target in summary.targets for result in target.arms.values()]
    return any(result.interval or result.difference_interval for result in results)


def has_ece(target: TargetSummary) -> bool:
    """Whether any language has a calibration error."""
    return any(cell.ece is not None for row in target.languages for cell in row.cells.values())


def has_geometry(target: TargetSummary) -> bool:
    """Whether any language says how its vectors lie."""
    return any(cell.uniformity is not None for row in target.languages for cell in row.cells.values())


def table(header: Sequence[str], rows: Sequence[Sequence[str]], num_text_columns: int = 1) -> str:
    """A Markdown table with padded columns: the first `num_text_columns` to the left, numbers to the right."""
    cells = [[_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if i < num_text_columns else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        ":" + "-" * (width - 1) if i < num_text_columns else "-" * (width - 1) + ":" for i, width in enumerate(widths)
    ]
    return "\n".join([line(cells[0]), line(rule), *map(line, cells[1:])])


def overlap_text(result: ArmResult) -> str:
    """ "none", or e.g. "identical (mnli)"."""
    return f"{result.overlap} ({', '.join(result.overlap_with)})" if result.overlap_with else result.overlap


def overlap_sentence(target: TargetSummary) -> str:
    """Which arms have seen the target's own training data in their intermediate phase."""
    found = [f"{arm}, {overlap_text(result)}" for arm, result in target.arms.items() if result.overlap != "none"]
    if found:
        return f"Training overlap: {'; '.join(found)}."
    if target.format in SEARCHED:
        return "Nothing is trained for it: texts are compared by the encoder's states."
    return "No arm's intermediate tasks hold its training data."


def _summary_table(summary: Summary) -> str:
    others = [arm for arm in summary.arms if arm != summary.baseline]
    header = ["target", "score", "overlap", "languages", "trivial"]
    header += [column for arm in summary.arms for column in ([arm, f"{arm} diff."] if arm in others else [arm])]
    rows = []
    for target in summary.targets:
        overlaps = [f"{arm}: {overlap_text(r)}" for arm, r in target.arms.items() if r.overlap != "none"]
        row = [target.title, target.headline, "; ".join(overlaps) or "none", str(len(target.languages))]
        row.append(points(target.trivial))
        for arm in summary.arms:
            result = target.arms.get(arm)
            row.append(_bracketed(points(result.score), between(result.interval)) if result else NOTHING)
            if arm in others:
                row.append(_difference(result))
        rows.append(row)
    if summary.common_targets:
        differences = {item.arm: item.mean_difference for item in summary.comparisons}
        row = [f"mean of {len(summary.common_targets)} without overlap", "", "", "", ""]
        for arm in summary.arms:
            row.append(points(summary.mean_scores.get(arm)))
            if arm in others:
                row.append(signed(differences.get(arm)))
        rows.append(row)
    return table(header, rows, num_text_columns=3)


def _published(summary: Summary) -> list[str]:
    """The section beside published numbers; where there is none, a line that says why."""
    published, titles = summary.published, {target.name: target.title for target in summary.targets}
    reasons = "; ".join(published.why_not)
    if not published.values:
        return [f"Not set beside published numbers: {_text(reasons)}."]
    rows = [
        [titles[one.target], one.metric, one.benchmark, one.model, points(one.value)]
        + [points(one.own.get(arm)) for arm in summary.arms]
        + [one.confidence, one.source]
        for one in published.values
    ]
    header = ["target", "metric", "languages of", "published for", "published", *summary.arms, "confidence", "source"]
    listed = [*published.conflicts, *(f"{level}: {text}" for level, text in published.levels.items())]
    listed += [f"not compared: {reasons}"] if reasons else []
    return [
        "## Beside published numbers",
        PUBLISHED,
        table(header, rows, num_text_columns=4),
        "\n".join(f"- {_text(line)}" for line in listed),
    ]


def _totals(summary: Summary) -> list[str]:
    parts = ["## Benchmark totals", TOTALS] if summary.totals else []
    for benchmark in summary.totals:
        arms = benchmark.arms
        rows = [
            [group.replace("_", " "), ", ".join(titles), *(points(one.groups.get(group)) for one in arms.values())]
            for group, titles in benchmark.groups.items()
        ]
        composed = ", composed here: the official script gives none" if benchmark.composed else ""
        whole = f"{benchmark.num_tasks} tasks{composed}"
        rows.append([benchmark.title, whole, *(points(one.score) for one in arms.values())])
        if not benchmark.is_empty:
            parts.append(table([benchmark.title, "mean of", *arms], rows, num_text_columns=2))
        lines = [
            f"- no total of {benchmark.title} for {', '.join(own)}: {_text(lacking)}"
            for lacking, own in lacking_of(benchmark).items()
        ]
        parts += ["\n".join(lines)] if lines else []
    return parts


def _kinds(summary: Summary) -> list[str]:
    others = [arm for arm in summary.arms if arm != summary.baseline]
    header = ["target", "kind", "languages", *summary.arms, *(f"{arm} diff." for arm in others)]
    parts = ["## Kinds of languages", KINDS_TEXT]
    for by in KINDS:
        rows = [
            [target.title, row.kind, str(len(row.languages))]
            + [points(row.scores.get(arm)) for arm in summary.arms]
            + [signed(row.differences.get(arm)) for arm in others]
            for target in summary.targets
            for row in target.kinds
            if row.by == by
        ]
        parts += [f"### By {by}", table(header, rows, num_text_columns=2)]
    return parts


def _target(target: TargetSummary, summary: Summary) -> list[str]:
    arms = [arm for arm in summary.arms if arm in target.arms]
    notes = list(dict.fromkeys(note for row in target.languages for note in row.notes))
    header = ["language", "code", "order", "split", "zero-shot", "notes", "examples", "trivial"]
    for arm in arms:
        header += [f"{arm} {metric}" for metric in target.metrics] + ([f"{arm} ECE"] if has_ece(target) else [])
        header += [f"{arm} alignment", f"{arm} uniformity"] if has_geometry(target) else []
        header += [f"{arm} diff."] if arm != summary.baseline else []
    rows = []
    for row in target.languages:
        first = next(iter(row.cells.values()))
        marks = " ".join(f"[{notes.index(note) + 1}]" for note in row.notes)
        facts = row.language
        line = [facts.name, facts.code, facts.word_order, row.split]
        line += [zero_shot_text([cell.zero_shot for cell in row.cells.values()]), marks or NOTHING]
        line += [str(first.examples), points(row.trivial)]
        for arm in arms:
            cell = row.cells.get(arm)
            line += [points(cell.metrics.get(metric) if cell else None) for metric in target.metrics]
            line += [points(cell.ece if cell else None)] if has_ece(target) else []
            if has_geometry(target):
                line += [points(cell.alignment if cell else None, 3), points(cell.uniformity if cell else None, 3)]
            line += [_difference(cell)] if arm != summary.baseline else []
        rows.append(line)
    parts = [
        f"## {_text(target.title)}",
        _text(f"Score: {target.headline}; split “{target.split}”. {overlap_sentence(target)}"),
        table(header, rows, num_text_columns=6),
        *([ECE] if has_ece(target) else []),
        *([GEOMETRY] if has_geometry(target) else []),
    ]
    arm_notes = [f"{arm}: {note}" for arm, result in target.arms.items() for note in result.notes]
    listed = [f"- [{i}] {_text(note)}" for i, note in enumerate(notes, start=1)] + [f"- {_text(n)}" for n in arm_notes]
    if has_sweep(target):
        parts += [_text(sweep_sentence(target)), table(["hidden state", *target.arms], sweep_rows(target))]
    return parts + (["\n".join(listed)] if listed else [])


def _difference(where: ArmResult | Cell | None) -> str:
    if where is None:
        return NOTHING
    return _bracketed(signed(where.difference), signed_between(where.difference_interval))


def _bracketed(value: str, interval: str) -> str:
    return f"{value} [{interval}]" if interval else value


def zero_shot_text(flags: Sequence[bool]) -> str:
    """ "yes", "no", or "differs" where arms disagree."""
    return "yes" if all(flags) else "no" if not any(flags) else "differs"


def _text(value: str) -> str:
    """One line without markup: what a table cell can hold."""
    flat = " ".join(value.split())
    return flat.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
