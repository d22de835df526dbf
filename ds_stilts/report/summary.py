"""Differences, means and extremes of a run: pure functions from `Run` to `Summary`.

Invariants:
  * a difference is always arm minus baseline, in percentage points, on the same language, split and file (checksum);
    a pair that does not agree in these is left out and the row says why;
  * the difference of a target is the mean over its compared languages, so it equals the difference of the two task
    scores whenever both arms scored the same languages;
  * nothing is rounded.
Comparisons over targets and the sentence at the top live in `verdict`; intervals are made by the evaluation and, of
differences, by `pairing`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from ds_stilts.evaluation.confidence import Intervals
from ds_stilts.report.collect import Interval, LanguageScores, Run, Scores, Sweep
from ds_stilts.report.facts import LanguageFacts, language_facts
from ds_stilts.report.kinds import KindRow, kind_rows
from ds_stilts.tasks.task import SEARCHED

STORED_SCORE_TOLERANCE = 0.005
"""Half a unit of the second decimal that reports show."""


@dataclass(frozen=True, kw_only=True)
class Extreme:
    """The language (of a target) where a value is lowest."""

    target: str
    language: LanguageFacts
    value: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One language under one arm."""

    score: float
    interval: Interval | None
    difference: float | None
    difference_interval: Interval | None
    metrics: Mapping[str, float]
    ece: float | None
    """Expected calibration error in percent."""
    alignment: float | None
    uniformity: float | None
    examples: int
    zero_shot: bool
    checksum: str
    above_trivial: bool | None
    """Whether the score is above the trivial guesser's; None where there is none to compare with."""


@dataclass(frozen=True, kw_only=True)
class LanguageRow:
    """One language of a target, across arms."""

    language: LanguageFacts
    split: str
    """The split that it was scored on (of the first arm that has it)."""
    cells: Mapping[str, Cell]
    trivial: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One arm on one target."""

    score: float
    interval: Interval | None
    difference: float | None
    difference_interval: Interval | None
    num_compared: int
    """Languages that the difference is a mean of."""
    overlap: str
    overlap_with: tuple[str, ...]
    gap: float | None
    """Cross-lingual transfer gap (XTREME, Hu et al. 2020): mean score of the languages trained on minus the others'."""
    worst: Extreme
    """The language with the lowest score."""
    worst_difference: Extreme | None
    sweep: Sweep | None
    """Scores of all hidden states that were searched, where there are several."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TargetSummary:
    """One target, across arms."""

    name: str
    title: str
    format: str
    headline: str
    """What the score is, in words: "accuracy", "mean of f1 and exact_match"."""
    metrics: tuple[str, ...]
    split: str
    official_split: bool
    trivial: float | None
    """Mean over all languages of the trivial guesser's score; None unless every language has one."""
    arms: Mapping[str, ArmResult]
    languages: tuple[LanguageRow, ...]
    kinds: tuple[KindRow, ...]
    notes: tuple[str, ...]
    """Said by every arm of this target."""


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of what is there; None of nothing."""
    present = [value for value in values if value is not None]
    return fmean(present) if present else None


def language_score(metrics: Mapping[str, float], scores: Scores) -> float | None:
    """One language's value: the mean of the metrics that make it; None where one is missing."""
    names = scores.value_metrics
    return fmean(metrics[name] for name in names) if all(name in metrics for name in names) else None


DifferenceIntervals = Mapping[tuple[str, str], Intervals]
"""By (arm, target), as `pairing.difference_intervals` gives them."""


def summarise_targets(
    run: Run, intervals: DifferenceIntervals, facts: Callable[[str], LanguageFacts] = language_facts
) -> tuple[TargetSummary, ...]:
    """Every target that has at least one scored arm, in the recipe's order."""
    summaries = []
    for target in run.targets:
        by_arm = {arm: run.scores[arm, target] for arm in run.arms if (arm, target) in run.scores}
        if by_arm:
            own = {arm: intervals[arm, target] for arm in by_arm if (arm, target) in intervals}
            summaries.append(_summarise(target, by_arm, run, own, facts))
    return tuple(summaries)


def _summarise(
    target: str,
    by_arm: Mapping[str, Scores],
    run: Run,
    intervals: Mapping[str, Intervals],
    facts: Callable[[str], LanguageFacts],
) -> TargetSummary:
    first = next(iter(by_arm.values()))
    arm_notes = {arm: _arm_notes(scores, run) for arm, scores in by_arm.items()}
    shared = tuple(note for note in arm_notes[first.arm] if all(note in notes for notes in arm_notes.values()))
    repeats = run.repeats or {}
    known = {code: facts(code) for scores in by_arm.values() for code in scores.languages}
    rows = tuple(
        _language_row(language, by_arm, run.baseline, intervals, (*shared, *repeats.get((target, language.code), ())))
        for language in sorted(known.values(), key=LanguageFacts.sort_key)
    )
    trivials = [row.trivial for row in rows]
    return TargetSummary(
        name=target,
        title=first.title,
        format=first.format,
        headline=first.value_metrics[0]
        if len(first.value_metrics) == 1
        else f"mean of {' and '.join(first.value_metrics)}",
        metrics=first.metrics,
        split=first.split,
        official_split=first.score_split_is_official,
        trivial=None if None in trivials else mean(trivials),
        arms={
            arm: _arm_result(
                target, scores, rows, intervals.get(arm), tuple(note for note in arm_notes[arm] if note not in shared)
            )
            for arm, scores in by_arm.items()
        },
        languages=rows,
        kinds=kind_rows(
            known.values(),
            {arm: {row.language.code: row.cells[arm].score for row in rows if arm in row.cells} for arm in by_arm},
            {arm: _differences(rows, arm) for arm in by_arm},
        ),
        notes=shared,
    )


def _arm_notes(scores: Scores, run: Run) -> tuple[str, ...]:
    notes = [note.removesuffix(".") for note in scores.notes]  # they are put into sentences
    parallel = bool(run.pretrain.get("parallel_text")) and scores.format in SEARCHED
    if parallel and not any("parallel" in note for note in notes):
        notes.append("phase 1 saw parallel text, which is close to what retrieval measures")
    if not scores.score_split_is_official:
        notes.append(f"scored on split '{scores.split}', which is not the one the benchmark reports")
    recomputed = mean(language_score(item.metrics, scores) for item in scores.languages.values())
    assert recomputed is not None
    if abs(recomputed - scores.score) > STORED_SCORE_TOLERANCE:
        notes.append(
            f"the stored score {scores.score:.2f} is not the mean of its languages, {recomputed:.2f}, shown here"
        )
    return tuple(dict.fromkeys(notes))


def _language_row(
    language: LanguageFacts,
    by_arm: Mapping[str, Scores],
    baseline: str,
    intervals: Mapping[str, Intervals],
    shared_notes: tuple[str, ...],
) -> LanguageRow:
    scored = {arm: scores for arm, scores in by_arm.items() if language.code in scores.languages}
    notes = list(shared_notes)
    cells = {}
    trivial = None
    first = next(iter(scored.values()))
    if first.split_of(language.code) != first.split:
        notes.append(f"scored on split '{first.split_of(language.code)}', since it has no file of '{first.split}'")
    for arm, scores in scored.items():
        here = scores.languages[language.code]
        score = language_score(here.metrics, scores)
        assert score is not None, "collect refuses a language without its headline metrics"
        guess = language_score(here.majority, scores)
        trivial = guess if trivial is None else trivial
        difference = None
        if arm != baseline and baseline in scored:
            reason = why_not_comparable(scores, scored[baseline], language.code)
            if reason:
                notes.append(f"{arm}: {reason}")
            else:
                there = language_score(scored[baseline].languages[language.code].metrics, scored[baseline])
                assert there is not None
                difference = score - there
        above = None if guess is None else score > guess
        if above is False:
            notes.append(f"{arm}: not above the trivial baseline")
        cells[arm] = Cell(
            score=score,
            interval=here.interval,
            difference=difference,
            difference_interval=intervals[arm].languages.get(language.code) if arm in intervals else None,
            metrics=here.metrics,
            ece=here.ece,
            alignment=here.alignment,
            uniformity=here.uniformity,
            examples=here.examples,
            zero_shot=here.zero_shot,
            checksum=here.checksum,
            above_trivial=above,
        )
    return LanguageRow(
        language=language, split=first.split_of(language.code), cells=cells, trivial=trivial, notes=tuple(notes)
    )


def why_not_comparable(ours: Scores, theirs: Scores, code: str) -> str | None:
    """Why two arms' values of a language that both have are no pair; None where they are."""
    here: LanguageScores = ours.languages[code]
    there: LanguageScores = theirs.languages[code]
    if ours.split_of(code) != theirs.split_of(code):
        return f"not compared, split '{ours.split_of(code)}' against '{theirs.split_of(code)}'"
    if here.checksum and there.checksum and here.checksum != there.checksum:
        return "not compared, another file was scored than for the baseline (checksums differ)"
    if here.examples != there.examples:
        return f"not compared, {here.examples} examples against {there.examples}"
    return None


def _arm_result(
    target: str,
    scores: Scores,
    rows: tuple[LanguageRow, ...],
    intervals: Intervals | None,
    notes: tuple[str, ...],
) -> ArmResult:
    mine = [(row.language, row.cells[scores.arm]) for row in rows if scores.arm in row.cells]
    differences = [(language, cell.difference) for language, cell in mine if cell.difference is not None]
    if 0 < len(differences) < len(mine):
        notes = (
            *notes,
            f"the difference is over {len(differences)} of {len(mine)} languages, those that can be compared",
        )
    trained_on = scores.train.languages if scores.train else ()
    source = mean(cell.score for language, cell in mine if language.code in trained_on)
    others = mean(cell.score for language, cell in mine if language.code not in trained_on)
    return ArmResult(
        score=fmean(cell.score for _, cell in mine),
        interval=scores.interval,
        difference=mean(difference for _, difference in differences),
        difference_interval=intervals.score if intervals else None,
        num_compared=len(differences),
        overlap=scores.overlap,
        overlap_with=scores.overlap_with,
        gap=None if source is None or others is None else source - others,
        worst=min(
            (Extreme(target=target, language=language, value=cell.score) for language, cell in mine),
            key=lambda extreme: extreme.value,
        ),
        worst_difference=min(
            (Extreme(target=target, language=language, value=value) for language, value in differences),
            key=lambda extreme: extreme.value,
            default=None,
        ),
        sweep=scores.sweep,
        notes=notes,
    )


def _differences(rows: tuple[LanguageRow, ...], arm: str) -> dict[str, float]:
    """By language code."""
    cells = {row.language.code: row.cells[arm].difference for row in rows if arm in row.cells}
    return {code: difference for code, difference in cells.items() if difference is not None}
