"""Small texts that several parts of a study's report share: p-values, predictions, methods, cells of numbers."""

from collections.abc import Iterable

from ds_stilts.report.heatmap import difference_limit, diverging_step
from ds_stilts.report.numbers import NOTHING, points, signed, signed_between
from ds_stilts.statistics.bootstrap import Interval
from ds_stilts.studies.report.document import Td, Text, note
from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.report.gains import Gain, Gains
from ds_stilts.studies.sections import Contrast, Prediction


def p_text(p: float | None) -> str:
    """ "0.012", "< 0.001"; an en dash for None."""
    return NOTHING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def arms_text(contrast: Contrast) -> str:
    """ "qa − none"; of rotations their mean."""
    if contrast.rotations:
        return f"mean of {', '.join(f'{one.arm} − {one.against}' for one in contrast.rotations)}"
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


def methods_notes(methods: Iterable[str]) -> list[Text]:
    """A note of the methods behind a table, each once; none where there is no method."""
    found = [method for method in dict.fromkeys(methods) if method]
    return [note(f"{'Methods' if len(found) > 1 else 'Method'}: {'; '.join(found)}.")] if found else []


def method_of(finding: Finding) -> str:
    """How a finding was made; "" where there is no interval."""
    return finding.found.method if finding.found else ""


def estimate_td(estimate: float | None, interval: Interval | None, *more: str, mark: str = "") -> Td:
    """A difference over its interval.

    Args:
        more: further lines.
        mark: behind the number.
    """
    sub = ((signed_between(interval),) if interval else ()) + tuple(one for one in more if one)
    return Td(text=f"{signed(estimate)}{mark if estimate is not None else ''}", sub=sub)


def gain_td(finding: Finding | None, limit: float, *more: str, mark: str = "", lacking: str = "not finished") -> Td:
    """A gain over its interval, in the colour of its size.

    Args:
        limit: gains beyond ± this have the outermost colour.
        more: further lines.
        mark: behind the number.
        lacking: why there is no number, where there is none.
    """
    if finding is None or finding.estimate is None:
        return Td(text=NOTHING, tone="none", sub=(lacking,))
    interval = finding.found.interval if finding.found else None
    cell = estimate_td(finding.estimate, interval, *more, mark=mark)
    return Td(text=cell.text, sub=cell.sub, step=diverging_step(finding.estimate, limit))


def level_td(value: float | None, change: Finding | None, digits: int = 2) -> Td:
    """An arm's own value over its difference from the baseline, and the interval of that."""
    if change is None or change.estimate is None:
        return Td(text=points(value, digits))
    interval = change.found.interval if change.found else None
    sub = (signed(change.estimate, digits), *((signed_between(interval, digits),) if interval else ()))
    return Td(text=points(value, digits), sub=sub)


def table_td(gain: Gain | None, limit: float, mark: str = "") -> Td:
    """A gain of the arm × task table: with its p and its number of seeds."""
    if gain is None:
        return gain_td(None, limit)
    p = f"p {p_text(gain.adjusted_p)}, " if gain.adjusted_p is not None else ""
    return gain_td(gain.finding, limit, f"{p}n {len(gain.finding.seeds)}", mark=mark)


def limit_of(findings: Iterable[Finding]) -> float:
    """The range of colours for these gains."""
    return difference_limit([one.estimate for one in findings if one.estimate is not None])


def kept_labels(gains: Gains) -> str:
    """Which arms' means are over languages with labels all the same, as a clause; "" where none is."""
    return f", but for those of {', '.join(gains.labelled)}, which have no other" if gains.labelled else ""


def values_note(gains: Gains) -> list[Text]:
    """What must be known where arms' own values stand below one another; nothing where all are over the same."""
    if not gains.uneven:
        return []
    return [
        note(
            f"An arm's values are over its own zero-shot languages, and those of “{gains.baseline}” over the languages "
            "that all arms have: values of arms that have seen labels in different languages are not to be compared. "
            "Each change is taken over the same languages in both arms, so it is not the difference of two values here."
        )
    ]
