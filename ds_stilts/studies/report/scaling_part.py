"""The part of a report with gains over the amount in which arms differ; none where the study asks for none."""

from ds_stilts.report.numbers import NOTHING, points
from ds_stilts.statistics.scaling_shape import SHAPES, Fall, ScalingShape
from ds_stilts.studies.report.document import Block, Figure, Figures, Part, Table, Td, note, sentence
from ds_stilts.studies.report.estimates import Finding
from ds_stilts.studies.report.scaling import Scaled, ScaledLine
from ds_stilts.studies.report.scaling_plot import scaling_svg
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import estimate_td, method_of, methods_notes, p_text

_KEY = (
    "Means over the arms of an amount, and over languages and targets as in the primary metric, with their 95 % "
    "intervals; small dots are single arms. The languages of a line are the same for all arms."
)
_SHAPE = (
    "A doubling is one of 1 + the amount: from 0 to 1, from 1 to 3. Errors are root mean squares of an arm's gain by a "
    "shape that was fitted to all other arms: less is better, and of few arms they say little. The broken line bends "
    "once, at an inner amount, so that it may rise and fall. The fall is that of two amounts which is the least likely "
    "if the curve nowhere falls: p is one-sided, Holm's over all pairs. All of it is over seeds, for these arms and "
    "items, and no verdict rests on it."
)


def scaling_part(report: StudyReport) -> Part | None:
    """Every scaling."""
    if not report.scaling:
        return None
    blocks: list[Block] = [
        Figures(figures=tuple(_figure(name, one) for name, one in report.scaling.items())),
        note(_KEY),
    ]
    for place, (name, one) in enumerate(report.scaling.items(), start=1):
        blocks += [_gains(name, one, place), _shapes(name, one, place)]
    findings = [
        found for one in report.scaling.values() for line in one.lines.values() for found in line.amounts.values()
    ]
    blocks += [note(_SHAPE), *methods_notes(map(method_of, findings))]
    return Part(id="scaling", title="Gain over an amount", short="Amount", blocks=tuple(blocks))


def _figure(name: str, scaled: Scaled) -> Figure:
    said = "; ".join(
        f"{line}: {', '.join(f'{points(one.estimate)} at {amount:g}' for amount, one in own.amounts.items())}"
        for line, own in scaled.lines.items()
    )
    return Figure(caption=name, svg=scaling_svg(scaled, label=f"Gain over {scaled.asked.amount}, {name}: {said}"))


def _gains(name: str, scaled: Scaled, place: int) -> Table:
    scaling = scaled.asked
    rows = [
        (
            Td(text=f"{amount:g}", sub=(", ".join(scaling.arms[amount]),)),
            *(_gain_td(line.amounts[amount]) for line in scaled.lines.values()),
        )
        for amount in sorted(scaling.arms)
    ]
    return Table(
        id=f"scaling-table-{place}",
        caption=f"{name}: gain over “{scaling.against}” in points, by {scaling.amount}.",
        head=("Amount", *scaled.lines),
        rows=tuple(rows),
    )


def _gain_td(found: Finding) -> Td:
    if found.estimate is None:
        return Td(text=NOTHING, sub=("not finished",))
    return estimate_td(found.estimate, found.found.interval if found.found else None, f"n {len(found.seeds)}")


def _shapes(name: str, scaled: Scaled, place: int) -> Table:
    return Table(
        id=f"scaling-shapes-table-{place}",
        caption=f"{name}: the shape of each line.",
        head=(
            "Line",
            "A doubling adds",
            *(f"Error, {shape}" for shape in SHAPES),
            "Least likely fall",
            "Arms, amounts",
        ),
        rows=tuple(
            (Td(text=line), *(_shape_tds(own.shape) if own.shape else _no_shape(own)))
            for line, own in scaled.lines.items()
        ),
    )


def _no_shape(line: ScaledLine) -> tuple[Td, ...]:
    return (
        Td(text=NOTHING, sub=(sentence([line.note]),)),
        *(Td(text=NOTHING) for _ in SHAPES),
        Td(text=NOTHING),
        Td(text=NOTHING),
    )


def _shape_tds(shape: ScalingShape) -> tuple[Td, ...]:
    doubling = shape.per_doubling
    least = min((error for error in shape.errors.values() if error is not None), default=None)
    return (
        estimate_td(doubling.estimate, doubling.interval),
        *(
            Td(text=points(error), sub=("the least",) if error is not None and error == least else ())
            for error in shape.errors.values()
        ),
        _fall_td(shape.fall),
        Td(text=f"{shape.arms}, {shape.amounts}"),
    )


def _fall_td(fall: Fall) -> Td:
    if fall.change.estimate >= 0:
        return Td(text="none falls")
    where = f"{fall.start:g} to {fall.end:g}, p {p_text(fall.adjusted_p)}"
    return estimate_td(fall.change.estimate, fall.change.interval, where)
