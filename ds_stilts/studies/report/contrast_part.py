"""The part of a report with the declared contrasts: verdicts, the rule of each, and the forest plot."""

from ds_stilts.report.numbers import NOTHING, count, signed, signed_between
from ds_stilts.statistics.bootstrap import Interval
from ds_stilts.studies.report.contrasts import Answered
from ds_stilts.studies.report.document import TONES, Block, Bullets, Figure, Figures, Part, Table, Td, note, sentence
from ds_stilts.studies.report.overlap import FOOTNOTE, MARK
from ds_stilts.studies.report.plots import Bar, forest_svg
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import arms_text, estimate_td, methods_notes, p_text, predicted_text
from ds_stilts.studies.sections import Prediction

_MOST_NAMED = 3
"""Targets that are named; of more, their number is."""
_KEY = (
    "Filled circle: confirmed; square: refuted; ring: inconclusive; diamond: an estimate without prediction. Small "
    "dots: single seeds. Shaded: what was predicted, where that is a range."
)


def contrasts_part(report: StudyReport) -> Part:
    """Every declared contrast."""
    answered = list(report.contrasts.values())
    how = report.study.aggregate.replace("_", " ")
    blocks: list[Block] = [
        Table(
            id="contrasts-table",
            caption=f"Declared contrasts in points of the primary metric: each target's {how} over languages, then the "
            "mean over targets.",
            head=("Contrast", "Verdict", "Predicted", "Estimate", "p", "Holm p", "n", "Confirmed if, and remarks"),
            rows=tuple(_row(one) for one in answered),
            text_columns=3,
            wide=(7,),
        ),
        *_forests(answered),
        note("n: paired seeds; of a slope languages, or families where these are the units."),
        *([note(FOOTNOTE)] if any(one.judgement.overlap for one in answered) else []),
        *methods_notes(one.judgement.method for one in answered),
    ]
    chosen = tuple(f"{one.name}, best of several: {one.chosen}." for one in answered if one.chosen)
    chosen += tuple(f"{one.name}, of each rotation: {_of_each(one)}." for one in answered if one.finding.of_each)
    blocks += [Bullets(items=chosen)] if chosen else []
    return Part(id="contrasts", title="Contrasts and verdicts", short="Contrasts", blocks=tuple(blocks))


def _row(one: Answered) -> tuple[Td, ...]:
    judged, contrast = one.judgement, one.contrast
    over = [", ".join(one.targets) if len(one.targets) <= _MOST_NAMED else count(len(one.targets), "target")]
    over += [f"minus {', '.join(contrast.minus.targets or ['all targets'])}"] if contrast.minus else []
    over += [f"slope over {contrast.slope}"] if contrast.slope else []
    over += [contrast.aggregate.replace("_", " ")] if contrast.aggregate else []
    kind = "confirmatory" if contrast.confirmatory else "exploratory"
    languages = [count(one.num_languages, "language")] if one.num_languages else []
    about = (arms_text(contrast), *over, ", ".join([*languages, kind]))
    return (
        Td(text=one.name, sub=about),
        Td(text=judged.verdict, tone=TONES[judged.verdict]),
        Td(text=predicted_text(contrast.predicted)),
        estimate_td(judged.estimate, judged.interval, mark=MARK if judged.overlap else ""),
        Td(text=p_text(judged.p)),
        Td(text=p_text(judged.adjusted_p)),
        Td(text=str(judged.n or NOTHING)),
        Td(text=sentence([judged.rule, *judged.said])),
    )


def _of_each(one: Answered) -> str:
    """The mean alone would hide that rotations disagree."""
    numbers = zip(one.contrast.differences(), one.finding.of_each, strict=True)
    return ", ".join(f"{arms_text(rotation)} {signed(value)}" for rotation, value in numbers)


def _forests(answered: list[Answered]) -> list[Block]:
    """Slopes have another unit, and an axis of their own."""
    figures = []
    for slopes in (False, True):
        own = [one for one in answered if one.judgement.estimate is not None and bool(one.contrast.slope) == slopes]
        if not own:
            continue
        bars = [
            Bar(
                label=f"{one.name}: {one.judgement.verdict}",
                verdict=one.judgement.verdict,
                estimate=one.judgement.estimate or 0.0,
                interval=one.judgement.interval,
                band=_band(one.contrast.predicted),
                dots=one.finding.per_seed,
            )
            for one in own
        ]
        unit = "points a unit of the fact" if slopes else "points"
        said = "; ".join(f"{bar.label} {signed(bar.estimate)} {signed_between(bar.interval)}" for bar in bars)
        kind = "Slopes over a fact of the language" if slopes else "Contrasts"
        figures.append(Figure(caption=f"{kind}, 95 % intervals", svg=forest_svg(bars, label=said, unit=unit)))
    return [Figures(figures=tuple(figures)), note(_KEY)] if figures else []


def _band(predicted: Prediction | None) -> Interval | None:
    if predicted is None:
        return None
    if predicted.number is not None and predicted.within is not None:
        return predicted.number - predicted.within, predicted.number + predicted.within
    return (-predicted.equal_within, predicted.equal_within) if predicted.equal_within is not None else None
