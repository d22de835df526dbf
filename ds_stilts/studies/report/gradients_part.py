"""The part of a report on how far tasks' gradients agreed: a heat table for each phase that logged it."""

from ds_stilts.report.heatmap import difference_limit, diverging_step
from ds_stilts.report.numbers import NOTHING, count, signed
from ds_stilts.studies.report.document import Part, Table, Td, note
from ds_stilts.studies.report.gradients import Cosine, GradientCosines
from ds_stilts.studies.report.summary import StudyReport


def gradients_part(report: StudyReport) -> Part | None:
    """Every such phase; None where no recipe asked for `gradient_cosines`."""
    if not report.gradients:
        return None
    limit = difference_limit(
        [
            cosine.whole
            for one in report.gradients
            for (first, second), layers in one.pairs.items()
            if first != second
            for cosine in layers.values()
        ]
    )
    return Part(
        id="gradients",
        title="Whether tasks pull in one direction",
        short="Gradients",
        blocks=(
            *(_table(place, one, limit) for place, one in enumerate(report.gradients, start=1)),
            note(
                "Cosine between the gradients of two tasks of a mixture (1: one direction, 0: unrelated, below 0: in "
                "conflict), as logged while they were trained; below, the first half of training → the second. A task "
                "with itself is its even against its odd steps: where that is near 0, few examples are mostly noise, "
                "and its cosines with others are nearer to 0 than those of the directions themselves."
            ),
        ),
    )


def _table(place: int, one: GradientCosines, limit: float) -> Table:
    return Table(
        id=f"gradients-{place}",
        caption=f"{one.stage}: cosine by layer, mean over {count(one.lines, 'log line')} of {count(one.seeds, 'seed')}",
        head=("Tasks", *(f"layer {layer}" for layer in one.layers)),
        rows=tuple(
            (
                Td(text=first, sub=("with itself",)) if first == second else Td(text=f"{first}, {second}"),
                *(_cosine_td(layers.get(layer), limit) for layer in one.layers),
            )
            for (first, second), layers in one.pairs.items()
        ),
        is_map=True,
        limit=limit,
    )


def _cosine_td(cosine: Cosine | None, limit: float) -> Td:
    if cosine is None:
        return Td(text=NOTHING)
    halves = f"{signed(cosine.first_half)} → {signed(cosine.second_half)}"
    return Td(text=signed(cosine.whole), sub=(halves,), step=diverging_step(cosine.whole, limit))
